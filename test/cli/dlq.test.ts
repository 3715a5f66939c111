import { readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { sqlite } from "../../src/adapters/store/sqlite/index.ts";
import { createHoldfast } from "../../src/client/holdfast.ts";
import { exitCodes } from "../../src/cli/exit-codes.ts";
import { idempotencyKey } from "../../src/policy/idempotency/key.ts";
import { flakyApi, type FlakyApi } from "../../src/testing/index.ts";
import { temporaryFolder } from "../../scripts/tools.ts";
import { cli, startCli, type CliEnd } from "./holdfast.ts";
import { cliHere } from "./in-process.ts";

const TOKEN = "canary-token-5be1c0";
const COOKIE = "canary-cookie-91aa07";

let folder: string;
let api: FlakyApi;
const said: string[] = [];

/** Everything that any command prints is searched for secrets at the end. */
const run = async (...args: string[]): Promise<CliEnd> => {
  const end = await cliHere(args, { cwd: folder });
  said.push(end.stdout, end.stderr);
  return end;
};
const linesOf = <Line>({ stdout }: CliEnd): Line[] => stdout.split("\n").flatMap((line) => (line === "" ? [] : [JSON.parse(line) as Line]));

const KEY = (lead: string): string => idempotencyKey("crm", "POST /contacts", [lead]);
const BROKEN = [
  {
    name: "validation reported as 500",
    when: { endpoint: "POST /contacts", where: { "body.phone": "n/a" } },
    then: { status: 500, json: { error: { code: "INVALID_FIELD", message: "invalid field: phone" } } },
  },
  { name: "refused", when: { endpoint: "POST /contacts", where: { "body.phone": "-" } }, then: { status: 422, json: { error: "no" } } },
];

interface Listed {
  readonly id: string;
  readonly state: string;
  readonly labels: { readonly lead: string };
  readonly fingerprint: string;
}
const letters = async (...args: string[]): Promise<Listed[]> => linesOf<Listed>(await run("dlq", "list", "--json", ...args));
/** By lead, as the first listing showed them. */
const known = new Map<string, Listed>();
const idOf = (lead: string): string => known.get(lead)!.id;
const stateOf = async (lead: string): Promise<string> => (await letters("--state", "any", "--label", `lead=${lead}`))[0]!.state;

/** A store with four dead letters of two groups, made as a program makes them, and the API that made them. */
beforeAll(async () => {
  folder = temporaryFolder("dlq");
  api = await flakyApi({
    endpoints: {
      "POST /contacts": { subject: "body.lead", key: { header: "Idempotency-Key", required: true } },
      "POST /notes": {},
      "POST /calls": {},
    },
    auth: { tokens: [TOKEN], endpoint: "POST /contacts" },
    rules: BROKEN,
  });
  const definition = {
    baseUrl: api.url,
    profile: "crm",
    idempotency: { header: "Idempotency-Key" },
    auth: { type: "bearer", token: { env: "DLQ_TEST_TOKEN" } },
    classify: [{ when: { status: 500, body: "INVALID_FIELD" }, then: "permanent", because: "validation reported as 500" }],
  } as const;
  writeFileSync(join(folder, "holdfast.config.json"), JSON.stringify({ store: "sqlite:jobs.db", apis: { crm: definition } }));

  process.env["DLQ_TEST_TOKEN"] = TOKEN;
  const hf = await createHoldfast({ store: sqlite(join(folder, "jobs.db")), apis: { crm: definition } });
  const send = (lead: string, phone: string): Promise<Response> =>
    hf.fetch("crm", { labels: { lead, campaign: "q4" } })("/contacts", {
      method: "POST",
      headers: { "content-type": "application/json", "idempotency-key": KEY(lead), cookie: COOKIE },
      body: JSON.stringify({ lead, phone }),
    });
  for (const [lead, phone] of [
    ["1", "n/a"],
    ["2", "n/a"],
    ["3", "n/a"],
    ["4", "-"],
    ["5", "+44 20 7946 0000"],
  ] as const)
    await send(lead, phone);
  await hf.close();
});

afterAll(async () => {
  delete process.env["DLQ_TEST_TOKEN"];
  await api.close();
  rmSync(folder, { recursive: true, force: true });
});

// The tests of this file tell one story and run in its order.
describe("holdfast dlq", { timeout: 20_000 }, () => {
  it("lists what failed, the newest first, with the store found through the config", async () => {
    // The one that is a process of its own, as people run it; the others are spared that.
    const { code, stdout } = await cli(["dlq", "list"], { cwd: folder, env: { ...process.env, DLQ_TEST_TOKEN: TOKEN } });
    expect(code).toBe(0);
    const [header, ...rows] = stdout.trimEnd().split("\n");
    expect(header).toMatch(/^id +died +reason +tries +state +what$/);
    expect(rows).toHaveLength(4);
    const listed = await letters();
    expect(listed.map(({ labels }) => labels.lead)).toEqual(["4", "3", "2", "1"]);
    for (const letter of listed) known.set(letter.labels.lead, letter);
  });

  it("lists the same by naming the store, and only what a filter lets through", async () => {
    expect(await letters("--store", "jobs.db", "--label", "lead=2", "--label", "campaign=q4")).toMatchObject([{ labels: { lead: "2" } }]);
    expect(await letters("--api", "other")).toEqual([]);
    expect((await run("dlq", "list", "--api", "other")).stdout).toBe("no open dead letters\n");
    expect((await run("dlq", "list", "--limit", "1")).stdout).toContain("… more");
  });

  it("groups them by what went wrong", async () => {
    const groups = linesOf<{ open: number; title: string }>(await run("dlq", "groups", "--json"));
    expect(groups.map(({ open }) => open).sort((a, b) => a - b)).toEqual([1, 3]);
    expect((await run("dlq", "groups")).stdout).toContain("INVALID_FIELD");
  });

  it("shows one: the request, and each attempt with its verdict and what was decided", async () => {
    const id = idOf("1");
    const { code, stdout } = await run("dlq", "show", id);
    expect(code).toBe(0);
    for (const part of [
      `POST ${api.url}/contacts`,
      '{"lead":"1","phone":"n/a"}',
      `idempotency-key: ${KEY("1")}`,
      "labels   lead=1, campaign=q4",
      "permanent 500, effect done: validation reported as 500",
      "→ no retry can change this answer (attempt 1 of 6",
    ]) {
      expect(stdout).toContain(part);
    }
    const shown = JSON.parse((await run("dlq", "show", id, "--json")).stdout) as { attempts: unknown[]; request: { url: string } };
    expect(shown).toMatchObject({ id, attempts: [{ attempt: 1 }], request: { url: `${api.url}/contacts` } });
  });

  it("ends with 3 for a letter or a group that is not there, and changes nothing", async () => {
    const id = idOf("1");
    for (const args of [
      ["show", "no-such-letter"],
      ["replay", id, "no-such-letter"],
      ["replay", "--group", "v1:none"],
      ["discard", id, "no-such-letter", "--reason", "x"],
      ["discard", "--group", "v1:none", "--reason", "x"],
    ]) {
      expect((await run("dlq", ...args)).code, args.join(" ")).toBe(exitCodes.notFound.code);
    }
    expect(await letters()).toHaveLength(4);
    expect(api.ledger.attempts().get("1")).toBe(1);
  });

  it("filters by reason, by time and by the state of a group", async () => {
    expect(await letters("--reason", "exhausted")).toEqual([]);
    expect(await letters("--reason", "permanent", "--since", "1h", "--until", "2100-01-01")).toHaveLength(4);
    expect(await letters("--since", "2100-01-01")).toEqual([]);
    for (const args of [
      ["list", "--reason", "bad luck"],
      ["list", "--since", "yesterday"],
      ["groups", "--state", "replaying"],
    ]) {
      expect((await run("dlq", ...args)).code, args.join(" ")).toBe(exitCodes.usage.code);
    }
    expect(linesOf(await run("dlq", "groups", "--json", "--label", "lead=4"))).toMatchObject([{ open: 1, total: 1 }]);
  });

  it("says where a group stands", async () => {
    const { fingerprint } = known.get("4")!;
    expect(await run("dlq", "mark", fingerprint, "acknowledged")).toMatchObject({ code: 0, stdout: `${fingerprint} is acknowledged\n` });
    expect(linesOf(await run("dlq", "groups", "--json", "--state", "acknowledged"))).toMatchObject([{ fingerprint }]);
    expect(linesOf(await run("dlq", "mark", fingerprint, "open", "--json"))).toEqual([{ fingerprint, state: "open" }]);
    expect((await run("dlq", "mark", "v1:none", "resolved")).code).toBe(exitCodes.notFound.code);
    expect((await run("dlq", "mark", fingerprint, "mended")).code).toBe(exitCodes.usage.code);
  });

  it("exports whole letters, and a table", async () => {
    const [letter, ...others] = linesOf<{ request: { body: string } }>(await run("dlq", "export", "--label", "lead=1"));
    expect(others).toEqual([]);
    expect(letter?.request.body).toBe('{"lead":"1","phone":"n/a"}');
    expect(await run("dlq", "export", "--format", "csv", "--state", "open", "--output", "letters.csv")).toMatchObject({
      code: 0,
      stdout: "",
    });
    const rows = readFileSync(join(folder, "letters.csv"), "utf8").split("\r\n");
    expect(rows).toHaveLength(6);
    expect(rows[0]).toMatch(/^id,api,endpoint,/);
    expect(statSync(join(folder, "letters.csv")).mode & 0o777).toBe(0o600);
    expect((await run("dlq", "export", "--output", "letters.csv")).code).toBe(exitCodes.usage.code);
    expect((await run("dlq", "export", "--json", "--format", "csv")).code).toBe(exitCodes.usage.code);
  });

  it("wants to be told which letters, in one way", async () => {
    const { fingerprint } = known.get("1")!;
    for (const args of [[], [idOf("1"), "--all"], ["--group", fingerprint, "--all"], [idOf("1"), "--label", "lead=1"]]) {
      for (const command of ["replay", "discard"]) {
        const reason = command === "discard" ? ["--reason", "x"] : [];
        expect((await run("dlq", command, ...args, ...reason)).code, args.join(" ")).toBe(exitCodes.usage.code);
      }
    }
    for (const args of [
      ["--rate", "0"],
      ["--patch", "[1]"],
      ["--patch", "{"],
      ["--patch", "@no-such-file"],
    ]) {
      expect((await run("dlq", "replay", "--all", ...args)).code, args.join(" ")).toBe(exitCodes.usage.code);
    }
    expect(await letters()).toHaveLength(4);
  });

  it("ends with 1 when a replay fails again, and stops at its canary", async () => {
    const { fingerprint } = known.get("1")!;
    const { code, stdout } = await run("dlq", "replay", "--group", fingerprint, "--canary", "1");
    expect(code).toBe(exitCodes.failed.code);
    expect(stdout).toContain("0 resolved, 1 failed again, 0 skipped; stopped: canary 1 of 1 failed again");
    const attempts = api.ledger.attempts();
    expect(["1", "2", "3"].map((lead) => attempts.get(lead))).toEqual([2, 1, 1]);
    expect((await run("dlq", "show", idOf("1"))).stdout).toContain("replays  1");
  });

  it("mends one by a patch, found by its label", async () => {
    writeFileSync(join(folder, "patch.json"), '{"phone":"+44 20 7946 0000"}');
    const { code, stdout } = await run("dlq", "replay", "--label", "lead=3", "--patch", "@patch.json");
    expect([code, stdout]).toEqual([0, expect.stringContaining("1 resolved, 0 failed again, 0 skipped")]);
    expect(api.ledger.effects().get("3")).toBe(1);
  });

  it("replays against a mended API under the same keys, so that each effect happens once", async () => {
    api.setRules(BROKEN.slice(1));
    const { fingerprint } = known.get("1")!;
    const { code, stdout } = await run("dlq", "replay", "--group", fingerprint, "--rate", "50", "--json");
    expect(code).toBe(0);
    expect(stdout.trimEnd().split("\n").at(-1)).toBe('{"resolved":2,"failedAgain":0,"skipped":0}');
    expect(linesOf(await run("dlq", "groups", "--json", "--state", "resolved"))).toMatchObject([{ fingerprint, open: 0 }]);
    const keys = api.ledger.requests("POST /contacts").filter(({ subject, status }) => subject === "2" && status !== undefined);
    expect(keys.map(({ key, effect }) => [key, effect])).toEqual([
      [KEY("2"), false],
      [KEY("2"), true],
    ]);
    expect(api.ledger.effects()).toEqual(
      new Map([
        ["5", 1],
        ["3", 1],
        ["1", 1],
        ["2", 1],
      ]),
    );
    expect(await stateOf("2")).toBe("resolved");
    expect(await letters()).toMatchObject([{ labels: { lead: "4" } }]);
  });

  it("does not send a resolved letter again", async () => {
    const id = idOf("2");
    const { code, stdout } = await run("dlq", "replay", id);
    expect([code, stdout.includes("1 skipped")]).toEqual([exitCodes.failed.code, true]);
    expect(api.ledger.effects().get("2")).toBe(1);
  });

  it("discards with a reason that stays", async () => {
    const id = idOf("4");
    expect(await run("dlq", "discard", id, "--reason", "entered by hand")).toMatchObject({ code: 0, stdout: "1 discarded\n" });
    expect((await run("dlq", "show", id)).stdout).toContain("discarded (entered by hand)");
    expect((await run("dlq", "list")).stdout).toBe("no open dead letters\n");
    expect((await run("dlq", "discard", id, "--reason", "again")).code).toBe(exitCodes.notFound.code);
  });

  it("sends what is in doubt only when somebody answers for it", async () => {
    const hf = await createHoldfast({ store: sqlite(join(folder, "jobs.db")), apis: { crm: { baseUrl: api.url } } });
    api.setRules([{ when: { endpoint: "POST /notes" }, then: { reset: "after" } }]);
    await hf
      .fetch("crm", { labels: { lead: "6" } })("/notes", { method: "POST", body: "{}" })
      .catch(() => undefined);
    await hf.close();
    writeFileSync(join(folder, "blind.json"), JSON.stringify({ store: "sqlite:jobs.db", apis: { crm: { baseUrl: api.url } } }));
    api.setRules([]);
    const [letter] = linesOf<{ id: string; doubt: string }>(
      await run("dlq", "list", "--json", "--label", "lead=6", "--config", "blind.json"),
    );
    expect(letter?.doubt).toContain("crm does not dedupe by key");
    const { id } = letter!;
    expect((await run("dlq", "show", id, "--config", "blind.json")).stdout).toContain("doubt    it may have happened");
    const sent = (): number => api.ledger.requests("POST /notes").length;
    const refused = await run("dlq", "replay", id, "--config", "blind.json");
    expect([refused.code, sent()]).toEqual([exitCodes.failed.code, 1]);
    const confirmed = await run("dlq", "replay", id, "--confirm", "--config", "blind.json");
    expect([confirmed.code, sent()]).toEqual([0, 2]);
  });

  it("ends a run at Ctrl-C, after the letter under way", async () => {
    const hf = await createHoldfast({ store: sqlite(join(folder, "jobs.db")), apis: { crm: { baseUrl: api.url } } });
    api.setRules([{ then: { status: 422 } }]);
    for (let nth = 0; nth < 3; nth += 1) await hf.fetch("crm")("/calls", { method: "POST", body: "{}" });
    await hf.close();
    api.setRules([{ then: { delay: 300 } }]);
    const before = api.ledger.requests("POST /calls").length;
    const { child, ended } = startCli(["dlq", "replay", "--all", "--config", "blind.json"], { cwd: folder });
    while (api.ledger.requests("POST /calls").length === before) await new Promise((resolve) => setTimeout(resolve, 5));
    process.kill(child.pid!, "SIGINT");
    const end = await ended;
    expect(end).toMatchObject({ code: exitCodes.interrupted.code, signal: null });
    expect(end.stdout).toContain("1 resolved, 0 failed again, 0 skipped; stopped: stopped by its caller");
    expect(await letters("--config", "blind.json")).toHaveLength(2);
  });

  it("looks through the store", async () => {
    const { code, stdout } = await run("store", "check", "--json");
    expect([code, (JSON.parse(stdout) as { ok: boolean }).ok]).toEqual([0, true]);
    expect((await run("store", "check")).stdout).toContain("no faults");
  });

  it("bears a reader that has seen enough", async () => {
    const { child, ended } = startCli(["dlq", "list", "--state", "any"], { cwd: folder });
    child.stdout?.destroy();
    expect(await ended).toMatchObject({ code: 0, stderr: "" });
  });

  it("has kept and printed no secret", () => {
    const files = readdirSync(folder).filter((name) => name.startsWith("jobs.db"));
    const kept = files.map((name) => readFileSync(join(folder, name), "latin1")).join("");
    expect(kept).toContain(KEY("1"));
    for (const secret of [TOKEN, COOKIE]) {
      expect(kept.includes(secret)).toBe(false);
      expect(said.join("").includes(secret)).toBe(false);
    }
  });
});
