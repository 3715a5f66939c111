import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { flakyApi } from "../../testing/flaky-api/flaky-api.ts";
import { manualClock } from "../../testing/manual-clock.ts";
import type { FlakyScript } from "../../testing/flaky-api/script.ts";
import { mockCommand } from "./mock.ts";

const SAMPLE = new URL("../../../examples/mock/crm.json", import.meta.url);

let folder: string;
const children: ChildProcess[] = [];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "holdfast-mock-"));
});
afterEach(() => {
  for (const child of children.splice(0)) child.kill("SIGKILL");
  rmSync(folder, { recursive: true });
});

const PROGRAM = `
  import { mockCommand } from ${JSON.stringify(new URL("mock.ts", import.meta.url).href)};
  await mockCommand().parseAsync(process.argv.slice(1), { from: "user" });
`;

interface Mock {
  readonly url: string;
  readonly first: string;
  /** Ends it, and answers its exit code and what it printed after the first line. */
  end(signal: NodeJS.Signals): Promise<{ code: number | null; printed: string }>;
}

/** Starts the command as a process of its own, and waits until it says that it listens. */
async function startMock(...args: string[]): Promise<Mock> {
  const child = spawn(process.execPath, ["--input-type=module", "-e", PROGRAM, "--", ...args], { stdio: ["ignore", "pipe", "inherit"] });
  children.push(child);
  const printed: string[] = [];
  const lines = createInterface(child.stdout).on("line", (line) => printed.push(line));
  await once(lines, "line");
  const [first = ""] = printed;
  return {
    first,
    url: /http:[^"]+/.exec(first)?.[0] ?? "",
    async end(signal) {
      child.kill(signal);
      const [[code]] = (await Promise.all([once(child, "exit"), once(lines, "close")])) as [[number | null], unknown];
      return { code, printed: printed.slice(1).join("\n") };
    },
  };
}

function scriptFile(script: unknown): string {
  const file = join(folder, "script.json");
  writeFileSync(file, typeof script === "string" ? script : JSON.stringify(script));
  return file;
}

const CONTACTS: FlakyScript = {
  endpoints: { "POST /contacts": { subject: "body.lead" } },
  rules: [{ name: "first", when: { nth: 1 }, then: { status: 503 } }],
};

async function post(url: string, lead: string): Promise<number> {
  return (await fetch(`${url}/contacts`, { method: "POST", body: JSON.stringify({ lead }) })).status;
}

describe("holdfast mock", () => {
  it.each(["SIGINT", "SIGTERM"] as const)("says where it listens, works, and on %s prints what it did", async (signal) => {
    const mock = await startMock("--script", scriptFile(CONTACTS));
    expect(mock.first).toMatch(/^listening on http:\/\/127\.0\.0\.1:\d+$/);
    expect([await post(mock.url, "a"), await post(mock.url, "a"), await post(mock.url, "a")]).toEqual([503, 201, 201]);

    const { code, printed } = await mock.end(signal);
    expect(code).toBe(0);
    expect(printed).toBe(
      ["3 requests, 2 effects, 1 doubled", "  POST /contacts  3 requests, 2 effects, 1 doubled (201: 2, 503: 1)", "  rule first: 1×"].join(
        "\n",
      ),
    );
  });

  it("with --json prints one document a line", async () => {
    const mock = await startMock("--script", scriptFile(CONTACTS), "--json");
    expect(JSON.parse(mock.first)).toEqual({ listening: mock.url });
    await post(mock.url, "a");
    const { printed } = await mock.end("SIGTERM");
    expect(JSON.parse(printed)).toMatchObject({ requests: 1, effects: 0, rules: { first: 1 } });
  });

  it("keeps its ledger in a file from one run to the next", async () => {
    const args = ["--script", scriptFile(CONTACTS), "--ledger", join(folder, "ledger.jsonl"), "--json"];
    const first = await startMock(...args);
    for (const lead of ["a", "b"]) await post(first.url, lead);
    await first.end("SIGKILL");

    const second = await startMock(...args);
    const effects = await (await fetch(`${second.url}/__holdfast/effects`)).json();
    expect(effects).toEqual({ "POST /contacts": { b: 1 } });
  });

  it("ends although a request still hangs", async () => {
    const mock = await startMock("--script", scriptFile({ rules: [{ then: { hang: true } }] }), "--json");
    const hanging = fetch(mock.url).catch(() => "cut off");
    await vi.waitFor(async () => expect(await (await fetch(`${mock.url}/__holdfast/requests`)).json()).toHaveLength(1));
    expect((await mock.end("SIGTERM")).code).toBe(0);
    expect(await hanging).toBe("cut off");
  });
});

describe("holdfast mock refuses", () => {
  const refusal = async (...args: string[]): Promise<unknown> => {
    const command = mockCommand()
      .exitOverride()
      .configureOutput({ writeErr: () => undefined });
    return command.parseAsync(args, { from: "user" }).then(
      () => "started",
      (error: unknown) => error,
    );
  };

  it("a script that is not there, or is not JSON", async () => {
    const missing = join(folder, "missing.json");
    expect(await refusal("--script", missing)).toMatchObject({ code: "config", path: "--script" });
    expect(await refusal("--script", scriptFile("{ endpoints"))).toMatchObject({ code: "config", path: "--script" });
  });

  it("a script with a key that nobody knows, by its path", async () => {
    const script = scriptFile({ rules: [{ then: { statsu: 503 } }] });
    expect(await refusal("--script", script)).toMatchObject({ code: "config", path: "rules[0].then.statsu" });
  });

  it("numbers that are none, and to run without a script", async () => {
    expect(await refusal("--script", scriptFile({}), "--port", "http")).toMatchObject({ code: "commander.invalidArgument" });
    expect(await refusal("--script", scriptFile({}), "--scale", "-1")).toMatchObject({ code: "config", path: "options.scale" });
    expect(await refusal()).toMatchObject({ code: "commander.missingMandatoryOptionValue" });
  });
});

describe("the sample script", () => {
  const sample = JSON.parse(readFileSync(SAMPLE, "utf8")) as FlakyScript;
  const contact = { properties: { email: "ada@example.com", phone: "1" } };

  async function post(url: string, body: unknown, token = "demo-token"): Promise<{ status: number; body: unknown }> {
    const headers = { authorization: `Bearer ${token}`, "idempotency-key": "k1" };
    const response = await fetch(url, { method: "POST", headers, body: JSON.stringify(body) });
    return { status: response.status, body: await response.json() };
  }

  it("without its bad day takes a contact once however often it is sent, and finds it again", async () => {
    await using api = await flakyApi({ ...sample, rules: [] }, { scale: 0.001 });
    const contacts = `${api.url}/crm/v3/objects/contacts`;
    expect(await post(contacts, contact)).toMatchObject({ status: 201, body: { id: "1", ...contact } });
    expect(await post(contacts, contact)).toMatchObject({ status: 201, body: { id: "1", ...contact } });
    const search = { filterGroups: [{ filters: [{ propertyName: "email", operator: "EQ", value: "ada@example.com" }] }] };
    expect((await post(`${contacts}/search`, search)).body).toMatchObject({ total: 1, results: [contact] });
    expect((await post(contacts, contact, "stale")).status).toBe(401);
    expect(api.ledger.doubled()).toEqual([]);
  });

  it("reports validation as a 500, and has its outage when it says", async () => {
    const clock = manualClock();
    const noDelay = {
      ...sample.endpoints,
      "POST /crm/v3/objects/contacts": { ...sample.endpoints?.["POST /crm/v3/objects/contacts"], delay: 0 },
    };
    await using api = await flakyApi({ ...sample, endpoints: noDelay }, { clock });
    const invalid = { properties: { email: "bob@example.com", phone: "n/a" } };
    const contacts = `${api.url}/crm/v3/objects/contacts`;
    expect(await post(contacts, invalid)).toMatchObject({ status: 500, body: { error: { code: "INVALID_FIELD" } } });
    await clock.advance("2m");
    expect((await post(contacts, contact)).status).toBe(503);
    expect(await (await fetch(`${api.url}/health`)).json()).toEqual({ status: "up" });
    expect(api.ledger.subjects()).toEqual([]);
  });
});
