import { createHash } from "node:crypto";
import { rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { temporaryFolder } from "../../scripts/tools.ts";
import { sqlite } from "../../src/adapters/store/sqlite/index.ts";
import { exitCodes } from "../../src/cli/exit-codes.ts";
import { defineSync } from "../../src/durable/sync/definition.ts";
import { createHoldfast } from "../../src/client/holdfast.ts";
import { serve, type Gateway } from "../../src/gateway/serve.ts";
import { flakyApi, type FlakyApi } from "../../src/testing/index.ts";
import type { CliEnd } from "./holdfast.ts";
import { cliHere } from "./in-process.ts";

const TOKEN = "hf_remote-test-token-0123456789abcdef0123456789abcdef";
const READER = "hf_remote-test-reader-0123456789abcdef0123456789abcde";
const sha256 = (token: string): string => createHash("sha256").update(token).digest("hex");

let folder: string;
let api: FlakyApi;
let gateway: Gateway;
let elsewhere: Server;

const run = (...args: string[]): Promise<CliEnd> => cliHere(args, { cwd: folder });
const local = (...args: string[]): Promise<CliEnd> => run(...args, "--config", "holdfast.config.json");
const remote = (...args: string[]): Promise<CliEnd> => run(...args, "--url", gateway.url, "--token", TOKEN);
const linesOf = <Line>({ stdout }: CliEnd): Line[] => stdout.split("\n").flatMap((line) => (line === "" ? [] : [JSON.parse(line) as Line]));
const audit = async (): Promise<readonly { who: string; action: string; why?: string; outcome: string }[]> => {
  const answer = await fetch(`${gateway.url}/v1/audit?limit=200`, { headers: { "holdfast-token": TOKEN } });
  return ((await answer.json()) as { items: [] }).items;
};

/** A store with dead letters, operations and a sync in it, and a gateway over it. */
beforeAll(async () => {
  folder = temporaryFolder("remote");
  api = await flakyApi({
    endpoints: { "POST /contacts": { subject: "body.lead", key: { header: "Idempotency-Key" } } },
    rules: [{ when: { where: { "body.phone": "-" } }, then: { status: 422, json: { error: "no phone" } } }],
  });
  const apis = { crm: { baseUrl: api.url, idempotency: {}, durability: "on-failure" } } as const;
  writeFileSync(join(folder, "holdfast.config.json"), JSON.stringify({ store: "sqlite:jobs.db", apis }));
  const hf = await createHoldfast({ store: sqlite(join(folder, "jobs.db")), apis });
  for (const lead of ["1", "2", "3"]) {
    const body = JSON.stringify({ lead, phone: "-" });
    await hf.fetch("crm", { labels: { lead } })("/contacts", { method: "POST", headers: { "idempotency-key": lead }, body });
  }
  const sent = await hf.enqueue("crm", "POST /contacts", { json: { lead: "4" }, key: "4", labels: { lead: "4" } });
  await sent.result();
  await hf.enqueue("crm", "POST /contacts", { json: { lead: "5" }, key: "5", delay: "1h" });
  await hf
    .sync(defineSync({ name: "orders", source: () => [{ n: 1 }], cursor: ({ n }: { n: number }) => [n, "a"], sink: async () => undefined }))
    .run();
  await hf.close();
  gateway = await serve({
    apis,
    store: sqlite(join(folder, "jobs.db")),
    tokens: [
      { name: "ops", sha256: sha256(TOKEN), scopes: ["call", "read", "operate"] },
      { name: "reader", sha256: sha256(READER), scopes: ["read"] },
    ],
    port: 0,
    version: "0.0.0-test",
    log: () => undefined,
  });
  elsewhere = createServer((_, response) => response.end("hello")).listen(0, "127.0.0.1");
});

afterAll(async () => {
  await gateway.close();
  await api.close();
  elsewhere.close();
  rmSync(folder, { recursive: true, force: true });
});

describe("a command on a gateway", () => {
  it.each([
    ["dlq list"],
    ["dlq list --json --label lead=2"],
    ["dlq groups"],
    ["dlq export"],
    ["dlq export --format csv"],
    ["ops stats --json"],
    ["ops list"],
    ["ops list --json --state parked"],
    ["syncs list"],
    ["syncs show orders --json"],
    ["tokens list"],
    ["limits list"],
    ["advise --api nobody"],
  ])("prints what it prints on the store: %s", async (command) => {
    const [here, there] = [await local(...command.split(" ")), await remote(...command.split(" "))];
    expect(there).toEqual(here);
    expect([there.code, there.stderr]).toEqual([0, ""]);
  });

  it("shows one letter and one operation as the store does", async () => {
    const [letter] = linesOf<{ id: string }>(await remote("dlq", "list", "--json"));
    const operations = linesOf<{ id: string }>(await remote("ops", "list", "--json"));
    for (const args of [
      ["dlq", "show", letter!.id],
      ...operations.flatMap(({ id }) => [
        ["ops", "show", id],
        ["ops", "show", id, "--json"],
      ]),
    ]) {
      const [here, there] = [await local(...args), await remote(...args)];
      expect(there).toEqual(here);
      expect(there.code).toBe(0);
    }
    expect((await remote("dlq", "show", letter!.id)).stdout).toContain('"phone":"-"');
  });

  it("is found through the environment; what is said on the line counts for more", async () => {
    process.env["HOLDFAST_URL"] = gateway.url;
    process.env["HOLDFAST_TOKEN"] = TOKEN;
    try {
      expect(linesOf(await run("dlq", "list", "--json"))).toHaveLength(3);
      expect((await run("dlq", "list", "--store", "nothing.db")).code).toBe(exitCodes.notFound.code);
    } finally {
      delete process.env["HOLDFAST_URL"];
      delete process.env["HOLDFAST_TOKEN"];
    }
  });

  it("ends with a code of its own for each way that it can fail, and says why", async () => {
    const port = String((elsewhere.address() as AddressInfo).port);
    const cases: readonly (readonly [readonly string[], number, string])[] = [
      [["dlq", "list", "--url", gateway.url], exitCodes.denied.code, "HOLDFAST_TOKEN"],
      [["dlq", "list", "--url", gateway.url, "--token", "wrong"], exitCodes.denied.code, "not known"],
      [["dlq", "discard", "--all", "--reason", "x", "--url", gateway.url, "--token", READER], exitCodes.denied.code, "this needs operate"],
      [["dlq", "list", "--url", "http://127.0.0.1:1"], exitCodes.unreachable.code, "cannot be reached"],
      [["dlq", "list", "--url", `http://127.0.0.1:${port}`], exitCodes.unreachable.code, "is it a gateway"],
      [["dlq", "list", "--url", "nowhere"], exitCodes.usage.code, "--url is no http"],
      [["dlq", "list", "--url", gateway.url, "--store", "jobs.db"], exitCodes.usage.code, "leave one of them out"],
      [["dlq", "list", "--token", TOKEN], exitCodes.usage.code, "say --url"],
      [["dlq", "show", "no-such-letter", "--url", gateway.url, "--token", TOKEN], exitCodes.notFound.code, "there is no dead letter"],
      [["ops", "show", "no-such-operation", "--url", gateway.url, "--token", TOKEN], exitCodes.notFound.code, "there is no operation"],
      [
        ["limits", "set", "nobody", "--concurrency", "1", "--for", "1h", "--reason", "x", "--url", gateway.url, "--token", TOKEN],
        exitCodes.usage.code,
        "nobody",
      ],
      [["lanes", "open", "crm", "POST /contacts", "--config", "holdfast.config.json"], exitCodes.usage.code, "--url"],
      [["lanes", "pause", "crm", "POST /contacts", "--for", "1h", "--config", "holdfast.config.json"], exitCodes.usage.code, "--url"],
    ];
    for (const [args, code, said] of cases) {
      const end = await run(...args);
      expect([args.join(" "), end.code, end.stderr]).toEqual([args.join(" "), code, expect.stringContaining(said) as string]);
      expect(end.stderr).not.toContain(TOKEN);
    }
  });
});

// These tell one story and run in their order.
describe("what is done over a gateway", () => {
  it("limits: set for a while, in force, listed, and ended", async () => {
    const set = await remote("limits", "set", "crm", "--rate", "5/1s", "--burst", "5", "--for", "30m", "--reason", "they asked");
    expect([set.code, set.stdout]).toEqual([0, expect.stringMatching(/^set for crm \* until 20/) as string]);
    expect(linesOf(await local("limits", "list", "--json"))).toMatchObject([
      { api: "crm", endpoint: "*", by: "ops", reason: "they asked" },
    ]);
    expect((await remote("limits", "set", "crm", "--rate", "5/1s", "--for", "2d", "--reason", "x")).stderr).toContain("up to 1d");
    expect((await remote("limits", "end", "crm")).code).toBe(0);
    expect((await remote("limits", "end", "crm")).code).toBe(exitCodes.notFound.code);
  });

  it("lanes: a breaker held open for a while refuses, and is given back", async () => {
    const call = (): Promise<Response> =>
      fetch(`${gateway.url}/to/crm/contacts`, { method: "POST", headers: { "holdfast-token": TOKEN }, body: '{"lead":"6"}' });
    expect((await call()).status).toBe(201);
    const open = await remote("lanes", "open", "crm", "POST /contacts", "--for", "1h", "--reason", "they are down");
    expect([open.code, open.stdout]).toEqual([0, "held open: crm POST /contacts, for 1h\n"]);
    expect((await call()).status).toBe(503);
    const status = await remote("status", "--json");
    expect(JSON.parse(status.stdout)).toMatchObject({
      apis: [{ api: "crm", state: "trouble" }],
      needs: expect.arrayContaining([expect.objectContaining({ what: "held", about: "crm POST /contacts" })]) as unknown[],
    });
    expect((await remote("lanes", "list")).stdout).toMatch(/crm POST \/contacts +open .*open by ops until/);
    expect((await remote("lanes", "auto", "crm", "POST /contacts")).code).toBe(0);
    expect((await call()).status).toBe(201);
  });

  it("operations: cancelled once", async () => {
    const [parked] = linesOf<{ id: string }>(await remote("ops", "list", "--json", "--state", "parked"));
    expect((await remote("ops", "cancel", parked!.id, "--reason", "not wanted")).stdout).toBe(`${parked!.id}  cancelled\n`);
    expect((await remote("ops", "cancel", parked!.id, "--reason", "again")).code).toBe(exitCodes.failed.code);
    expect((await remote("ops", "cancel", "no-such-operation", "--reason", "x")).code).toBe(exitCodes.notFound.code);
  });

  it("dead letters: marked, replayed with each entry told, and discarded", async () => {
    const [letter] = linesOf<{ id: string; fingerprint: string }>(await remote("dlq", "list", "--json"));
    expect((await remote("dlq", "mark", letter!.fingerprint, "acknowledged")).code).toBe(0);
    const again = await remote("dlq", "replay", "--group", letter!.fingerprint, "--canary", "1");
    expect([again.code, again.stdout]).toEqual([
      exitCodes.failed.code,
      expect.stringMatching(/^\S+ {2}failed-again .*\n0 resolved, 1 failed again, 0 skipped; stopped: canary/) as string,
    ]);
    const mended = await remote("dlq", "replay", "--all", "--patch", '{"phone":"1"}', "--json");
    const lines = linesOf<{ result?: string; resolved?: number }>(mended);
    expect(lines.map(({ result }) => result)).toEqual(["resolved", "resolved", "resolved", undefined]);
    expect([mended.code, lines.at(-1)]).toEqual([0, { resolved: 3, failedAgain: 0, skipped: 0 }]);
    expect((await remote("dlq", "discard", letter!.id, "--reason", "x")).code).toBe(exitCodes.notFound.code);
    expect((await remote("dlq", "discard", "--label", "lead=1", "--reason", "x")).code).toBe(exitCodes.notFound.code);
  });

  it("a sync: its watermark is set", async () => {
    const done = await remote("syncs", "reset", "orders", "--to", "0", "--reason", "read again", "--yes", "--by", "ada");
    expect([done.code, done.stdout]).toEqual([0, "the watermark of orders is 0 now; it was 1\n"]);
    expect((await local("syncs", "show", "orders")).stdout).toMatch(/reset .* by ada: 1 → 0/);
  });

  it("tokens: made, which works at once, listed without what would let anybody in, and taken back", async () => {
    const made = await remote(
      "tokens",
      "create",
      "worker",
      "--scope",
      "read",
      "--scope",
      "call",
      "--api",
      "crm",
      "--expires-in",
      "90d",
      "--reason",
      "new",
    );
    const token = made.stdout.trim();
    expect(token).toMatch(/^hf_[\w-]{43}$/);
    expect((await run("dlq", "list", "--url", gateway.url, "--token", token)).code).toBe(0);
    const listed = await remote("tokens", "list", "--json");
    expect(linesOf(listed)).toMatchObject([{ name: "worker", scopes: ["call", "read"], apis: ["crm"] }]);
    expect(listed.stdout).not.toContain(token);
    expect(await local("tokens", "list")).toEqual(await remote("tokens", "list"));
    expect((await remote("tokens", "revoke", "worker")).code).toBe(0);
    expect((await run("dlq", "list", "--url", gateway.url, "--token", token)).code).toBe(exitCodes.denied.code);
    expect((await remote("tokens", "revoke", "worker")).code).toBe(exitCodes.notFound.code);
  });

  it("all of it stands in the audit log, under the token's name; what was done on the store under the user's", async () => {
    await local("lanes", "pause", "crm", "POST /contacts", "--reason", "by hand");
    await local("lanes", "resume", "crm", "POST /contacts");
    const log = await audit();
    const by = (who: string): readonly string[] => [
      ...new Set(log.filter((entry) => entry.who === who && entry.outcome === "done").map(({ action }) => action)),
    ];
    expect(by("ops")).toEqual(
      expect.arrayContaining([
        ...["setLimits", "endLimits", "openLane", "autoLane", "cancelOperation", "setDeadLetterGroupState"],
        ...["replayDeadLetters", "discardDeadLetters", "resetSync", "createToken", "revokeToken"],
      ]),
    );
    expect(log.find(({ action, outcome }) => action === "setLimits" && outcome === "done")).toMatchObject({ why: "they asked" });
    const user = log.find(({ who }) => who.startsWith("cli:"))?.who;
    expect(by(user!)).toEqual(["pauseLane", "resumeLane"]);
  });

  it("and when all is done nothing needs a person", async () => {
    // What was done on the store the gateway notices within seconds.
    await expect.poll(async () => (await remote("status")).stdout, { timeout: 20_000 }).not.toContain("held");
    const status = await remote("status");
    expect([status.code, status.stdout]).toEqual([0, expect.stringContaining("nothing needs a person") as string]);
    expect((await local("status", "--json")).code).toBe(0);
  });
});
