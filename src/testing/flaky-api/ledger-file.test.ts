import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { appendFileSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { flakyApi } from "./flaky-api.ts";
import type { FlakyApi } from "./flaky-api.ts";
import type { FlakyScript } from "./script.ts";

let folder: string;
let file: string;
const running: FlakyApi[] = [];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "holdfast-ledger-"));
  file = join(folder, "ledger.jsonl");
});
afterEach(async () => {
  await Promise.all(running.splice(0).map((api) => api.close()));
  rmSync(folder, { recursive: true });
});

const SCRIPT: FlakyScript = {
  endpoints: {
    "POST /contacts": { subject: "body.lead", key: { header: "Idempotency-Key" } },
    "GET /contacts": { lookup: "contacts", by: "lead" },
  },
};

async function start(): Promise<FlakyApi> {
  const api = await flakyApi(SCRIPT, { ledgerFile: file });
  running.push(api);
  return api;
}

async function post(url: string, lead: string): Promise<Response> {
  return fetch(`${url}/contacts`, { method: "POST", headers: { "idempotency-key": `key-${lead}` }, body: JSON.stringify({ lead }) });
}

describe("a ledger file", () => {
  it("brings back counts, records, memory of keys and the next id", async () => {
    const first = await start();
    const answer = await (await post(first.url, "ä")).text();
    await post(first.url, "b");
    await first.close();

    const second = await start();
    expect(second.ledger.effects()).toEqual(
      new Map([
        ["ä", 1],
        ["b", 1],
      ]),
    );
    const replayed = await post(second.url, "ä");
    expect([replayed.headers.get("idempotency-replayed"), await replayed.text()]).toEqual(["true", answer]);
    expect(await (await post(second.url, "c")).json()).toEqual({ id: "3", lead: "c" });
    expect(await (await fetch(`${second.url}/contacts?lead=b`)).json()).toEqual({ items: [{ id: "2", lead: "b" }] });
  });

  it("that is another one brings back nothing: the twin of the test above", async () => {
    const first = await start();
    await post(first.url, "a");
    await first.close();
    file = join(folder, "other.jsonl");
    const second = await start();
    expect(second.ledger.summary().requests).toBe(0);
    expect((await post(second.url, "a")).headers.get("idempotency-replayed")).toBeNull();
  });

  it("is for its owner's eyes only", async () => {
    await start();
    expect(statSync(file).mode & 0o777).toBe(0o600);
  });

  it("whose last line is torn loses that line only, and is whole again", async () => {
    const first = await start();
    for (const lead of ["a", "ö"]) await post(first.url, lead);
    await first.close();
    const whole = readFileSync(file);
    const lines = whole.toString().split("\n");
    // Killed within the last line, in the middle of a character.
    writeFileSync(file, whole.subarray(0, whole.indexOf("ö") + 1));

    const second = await start();
    expect(second.ledger.subjects()).toEqual(["a"]);
    expect(readFileSync(file, "utf8")).toBe(`${lines[0]}\n`);
    await post(second.url, "b");
    await second.close();
    expect((await start()).ledger.subjects()).toEqual(["a", "b"]);
  });

  it("that is damaged elsewhere is refused, by the number of the line", async () => {
    const api = await start();
    await post(api.url, "a");
    await api.close();
    appendFileSync(file, 'not JSON\n{"at":1,"endpoint":"POST /contacts","ending":"answered"}\n');
    await expect(start()).rejects.toMatchObject({ code: "store", message: expect.stringContaining("line 2 of the ledger file") as string });

    writeFileSync(file, '{"some":"other file"}\n');
    await expect(start()).rejects.toThrow("line 1 of the ledger file");
  });

  it("that cannot be opened is refused at the start", async () => {
    file = join(folder, "missing", "ledger.jsonl");
    await expect(start()).rejects.toMatchObject({ code: "store" });
  });
});

describe("a ledger file under SIGKILL", () => {
  const PROGRAM = `
    import { flakyApi } from ${JSON.stringify(new URL("flaky-api.ts", import.meta.url).href)};
    const [script, ledgerFile] = JSON.parse(process.argv[1]);
    const api = await flakyApi(script, { ledgerFile });
    console.log(api.url);
  `;
  const children: ChildProcess[] = [];
  afterEach(() => {
    for (const child of children.splice(0)) child.kill("SIGKILL");
  });

  async function spawnApi(): Promise<{ url: string; kill: () => Promise<void> }> {
    const child = spawn(process.execPath, ["--input-type=module", "-e", PROGRAM, JSON.stringify([SCRIPT, file])], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    children.push(child);
    const [url] = (await once(child.stdout, "data")) as [Buffer];
    return {
      url: String(url).trim(),
      async kill() {
        child.kill("SIGKILL");
        await once(child, "exit");
      },
    };
  }

  it("knows every effect that a client was told of, and doubles none for who asks again", async () => {
    const first = await spawnApi();
    const told: string[] = [];
    const leads = Array.from({ length: 400 }, (_, index) => `lead-${index}`);
    const clients = leads.map(async (lead) => {
      const response = await post(first.url, lead);
      if (response.status === 201) told.push(lead);
      if (told.length === 100) await first.kill();
    });
    await Promise.allSettled(clients);
    expect(told.length).toBeGreaterThanOrEqual(100);

    const api = await start();
    expect(api.ledger.missing(told)).toEqual([]);
    for (const lead of leads) await post(api.url, lead);
    expect(api.ledger.missing(leads)).toEqual([]);
    expect(api.ledger.doubled()).toEqual([]);
  });
});
