import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { sqlite } from "../../src/adapters/store/sqlite/index.ts";
import type { ApiOptions } from "../../src/api/api-options.ts";
import type { Holdfast, HoldfastOptions } from "../../src/client/holdfast.ts";
import { explain } from "../../src/core/explain.ts";
import type { DeadLetter, DeadLetterGroup } from "../../src/ports/dead-letter-store.ts";
import type { Store } from "../../src/ports/store.ts";
import type { Transport } from "../../src/ports/transport.ts";
import { flakyApi, type FlakyApi, type FlakyScript } from "../../src/testing/index.ts";
import { engineFor, FAST } from "./engines.ts";

let api: FlakyApi;
let hf: Holdfast<"api">;
let folder: string;
let store: Store;
/** Bodies as they went out. */
let sent: unknown[];

// One file for all tests: it is emptied in between, which is faster than to open another.
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "holdfast-replay-"));
  store = await sqlite(join(folder, "letters.db"))();
});

afterEach(async () => {
  await hf.close();
  await api.close();
  emptied(join(folder, "letters.db"));
});

afterAll(async () => {
  await store.close();
  rmSync(folder, { recursive: true, force: true });
});

function emptied(file: string): void {
  const db = new DatabaseSync(file);
  db.exec("PRAGMA foreign_keys = OFF");
  const tables = db.prepare("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' AND name <> 'lane'").all();
  for (const { name } of tables) db.exec(`DELETE FROM "${name as string}"`);
  db.close();
}

type Door = "fetch" | "enqueue";
type Rules = NonNullable<FlakyScript["rules"]>;

const KEYED = { idempotency: {} } as const;
const refused = (code = "INVALID_FIELD"): Rules => [{ then: { status: 422, json: { error: { code } } } }];

async function start(rules: Rules, options: Omit<ApiOptions, "baseUrl"> = {}, engine: Partial<HoldfastOptions> = {}): Promise<void> {
  sent = [];
  api = await flakyApi({
    endpoints: {
      "POST /keyed": { subject: "body.email", key: { header: "Idempotency-Key", required: true } },
      "POST /blind": { subject: "body.email" },
    },
    rules,
  });
  hf = await open(options, engine);
}

function open(options: Omit<ApiOptions, "baseUrl"> = {}, engine: Partial<HoldfastOptions> = {}): Promise<Holdfast<"api">> {
  return engineFor(
    api.url,
    { retry: { maxAttempts: 1 }, breaker: false, retryBudget: false, ...options },
    { store: async () => ({ ...store, close: async () => undefined }), transport: recorded, ...engine },
  );
}

const recorded: Transport = (input, init) => {
  if (init?.body instanceof Uint8Array || typeof init?.body === "string") sent.push(bodyOf(init.body));
  return fetch(input, init);
};

function bodyOf(body: Uint8Array | string): unknown {
  const text = typeof body === "string" ? body : new TextDecoder().decode(body);
  return text.startsWith("{") ? JSON.parse(text) : text;
}

/** Sends a write that fails, through one of the doors, and gives its letter. */
async function bury(
  door: Door,
  email: string,
  { path = "/blind", key = undefined as string | undefined, labels = {} } = {},
): Promise<DeadLetter> {
  if (door === "enqueue") {
    const operation = await hf.enqueue("api", `POST ${path}`, { json: { email }, labels, ...(key === undefined ? {} : { key }) });
    await operation.result().catch(() => undefined);
    return await hf.deadLetters.get(operation.id);
  }
  const headers = { "content-type": "application/json", ...(key === undefined ? {} : { "idempotency-key": key }) };
  const outcome = await hf
    .fetch("api", { labels })(path, { method: "POST", headers, body: JSON.stringify({ email }) })
    .catch((error: unknown) => error);
  return await hf.deadLetters.get(explain(outcome)?.deadLetter ?? "none");
}

async function groups(): Promise<DeadLetterGroup[]> {
  const all: DeadLetterGroup[] = [];
  for await (const group of hf.deadLetters.groups()) all.push(group);
  return all;
}

const emailsOf = (): (string | undefined)[] => api.ledger.requests().map(({ subject }) => subject);
const effects = (): Record<string, number> => Object.fromEntries(api.ledger.effects());

// What died in the queue and what died under its caller's eyes is one and the same to whoever comes to mend it.
describe.each<Door>(["fetch", "enqueue"])("a letter that came through hf.%s", (door) => {
  test("is sent again under its key, in the process that heard the refusal too", async () => {
    await start(refused(), KEYED);
    const letter = await bury(door, "a", { path: "/keyed", key: "k-1", labels: { lead: "42" } });
    expect(letter).toMatchObject({ idempotencyKey: "k-1", labels: { lead: "42" }, reason: "permanent" });
    expect(await hf.deadLetters.replay({ filter: {} })).toMatchObject({ resolved: 0, failedAgain: 1 });
    api.setRules([]);
    expect(await hf.deadLetters.replay({ filter: { labels: { lead: "42" } } })).toMatchObject({ resolved: 1 });
    expect(api.ledger.requests().map(({ key, status }) => [key, status])).toEqual([
      ["k-1", 422],
      ["k-1", 422],
      ["k-1", 201],
    ]);
    expect(effects()).toEqual({ a: 1 });
    expect(await hf.deadLetters.get(letter.id)).toMatchObject({ state: "resolved", replays: 2, attempts: [{}, {}] });
  });

  test("is mended by a merge patch, and keeps what was sent at first", async () => {
    await start([{ when: { where: { "body.phone": "n/a" } }, then: { status: 422 } }, ...refused()], KEYED);
    const letter = await bury(door, "a", { path: "/keyed", key: "k-1" });
    api.setRules([{ when: { where: { "body.phone": "n/a" } }, then: { status: 422 } }]);
    expect(await hf.deadLetters.replay({ ids: [letter.id], patch: { phone: "n/a", name: "Ada" } })).toMatchObject({ failedAgain: 1 });
    expect(await hf.deadLetters.replay({ ids: [letter.id], patch: { name: "Ada" } })).toMatchObject({ resolved: 1 });
    expect(sent).toEqual([{ email: "a" }, { email: "a", phone: "n/a", name: "Ada" }, { email: "a", name: "Ada" }]);
    expect(new Set(api.ledger.requests().map(({ key }) => key))).toEqual(new Set(["k-1"]));
    expect(new TextDecoder().decode((await hf.deadLetters.get(letter.id)).request?.body)).toBe('{"email":"a"}');
  });

  test("is mended by a function of its body", async () => {
    await start(refused());
    const { id } = await bury(door, "a", { labels: { domain: "example.com" } });
    api.setRules([]);
    const patch = (body: unknown, { labels }: DeadLetter): unknown => {
      const { email } = body as { readonly email: string };
      return { email: `${email}@${labels["domain"]}` };
    };
    expect(await hf.deadLetters.replay({ ids: [id], patch })).toMatchObject({ resolved: 1 });
    expect(effects()).toEqual({ "a@example.com": 1 });
  });

  test("in doubt is not sent to an API that would do it twice, unless somebody answers for it", async () => {
    await start([{ then: { reset: "after" } }]);
    const letter = await bury(door, "a");
    expect(letter.reason).toBe("outcome-unknown");
    api.setRules([]);
    const report = await hf.deadLetters.replay({ filter: {} });
    expect(report).toMatchObject({ skipped: 1, entries: [{ because: expect.stringContaining("with confirm") as string }] });
    expect(effects()).toEqual({ a: 1 });
    expect(await hf.deadLetters.replay({ filter: {}, confirm: true })).toMatchObject({ resolved: 1 });
    expect(effects()).toEqual({ a: 2 });
  });

  test("in doubt goes again by itself while its API remembers the key, and not after that", async () => {
    let now = 1_800_000_000_000;
    const clock = { ...FAST, now: () => now };
    await start([{ then: { reset: "after" } }], { idempotency: { ttl: "24h" } }, { clock });
    const young = await bury(door, "young", { path: "/keyed", key: "k-young" });
    const old = await bury(door, "old", { path: "/keyed", key: "k-old" });
    api.setRules([]);
    expect(hf.deadLetters.doubtOf(young)).toBeUndefined();
    expect(await hf.deadLetters.replay({ ids: [young.id] })).toMatchObject({ resolved: 1 });
    now += 25 * 3_600_000;
    expect(hf.deadLetters.doubtOf(old)).toContain("api forgets keys after 1d (apis.api.idempotency.ttl)");
    expect(await hf.deadLetters.replay({ ids: [old.id] })).toMatchObject({ skipped: 1 });
    expect(effects()).toEqual({ young: 1, old: 1 });
    expect(await hf.deadLetters.replay({ ids: [old.id], confirm: true })).toMatchObject({ resolved: 1 });
  });

  test("older than its API remembers keys is looked up instead, where that can be done", async () => {
    let now = 1_800_000_000_000;
    const clock = { ...FAST, now: () => now };
    const reconcile = async ({ body }: { readonly body: string | undefined }) => ({ happened: body?.includes("there") === true });
    await start([{ then: { reset: "after" } }], { ...KEYED, endpoints: { "POST /keyed": {} } }, { clock });
    await bury(door, "there", { path: "/keyed", key: "k-1" });
    api.setRules([{ then: { reset: "before" } }]);
    await bury(door, "lost", { path: "/keyed", key: "k-2" });
    api.setRules([]);
    await hf.close();
    now += 25 * 3_600_000;
    hf = await open({ ...KEYED, endpoints: { "POST /keyed": { reconcile } } }, { clock });
    expect(await hf.deadLetters.replay({ filter: {} })).toMatchObject({ resolved: 2 });
    expect(effects()).toEqual({ there: 1, lost: 1 });
  });

  test("is replayed once by two operators in two processes", async () => {
    await start(refused());
    for (const email of ["a", "b", "c"]) await bury(door, email);
    api.setRules([{ then: { delay: 20 } }]);
    const other = await open({}, { store: sqlite(join(folder, "letters.db")) });
    const reports = await Promise.all([hf, other].map((operator) => operator.deadLetters.replay({ filter: {}, rate: 1_000 })));
    await other.close();
    expect(reports.reduce((sum, { resolved }) => sum + resolved, 0)).toBe(3);
    expect(effects()).toEqual({ a: 1, b: 1, c: 1 });
  });

  test("resolves its group when it was the last one; another that joins then has regressed", async () => {
    await start(refused());
    await bury(door, "a");
    await bury(door, "b");
    const [group] = await groups();
    await hf.deadLetters.setGroupState(group!.fingerprint, "acknowledged");
    api.setRules([{ when: { where: { "body.email": "b" } }, then: refused()[0]!.then }]);
    await hf.deadLetters.replay({ filter: {} });
    expect(await groups()).toMatchObject([{ state: "acknowledged", open: 1, regressed: false }]);
    api.setRules([]);
    await hf.deadLetters.replay({ filter: {} });
    expect(await groups()).toMatchObject([{ state: "resolved", open: 0, total: 2 }]);
    api.setRules(refused());
    await bury(door, "c");
    expect(await groups()).toMatchObject([{ state: "open", open: 1, regressed: true }]);
  });

  test("of an ignored group stays so", async () => {
    await start(refused());
    const { id, fingerprint } = await bury(door, "a");
    await hf.deadLetters.setGroupState(fingerprint, "ignored");
    api.setRules([]);
    await hf.deadLetters.replay({ ids: [id] });
    expect(await groups()).toMatchObject([{ state: "ignored", open: 0 }]);
  });

  test("is given up with a reason, by its label", async () => {
    await start(refused());
    const kept = await bury(door, "a", { labels: { campaign: "q3" } });
    const given = await bury(door, "b", { labels: { campaign: "q4" } });
    await expect(hf.deadLetters.discard({ labels: { campaign: "q4" } }, " ")).rejects.toMatchObject({ path: "discard.reason" });
    expect(await hf.deadLetters.discard({ labels: { campaign: "q4" } }, "the campaign is over")).toBe(1);
    expect(await hf.deadLetters.get(given.id)).toMatchObject({ state: "discarded", note: "the campaign is over" });
    expect(await hf.deadLetters.get(kept.id)).toMatchObject({ state: "open" });
  });
});

describe("a run", () => {
  test("is over the letters that were there when it began", async () => {
    await start(refused());
    await bury("fetch", "a");
    await bury("fetch", "b");
    api.setRules([{ when: { where: { "body.email": "late" } }, then: refused("OTHER")[0]!.then }]);
    const late: Promise<DeadLetter>[] = [];
    const report = await hf.deadLetters.replay({ filter: {}, onEntry: () => late.push(bury("fetch", "late")) });
    await Promise.all(late);
    expect(report.entries).toHaveLength(2);
    expect(emailsOf().filter((email) => email === "late")).toHaveLength(2);
  });

  test("starts slowly, and keeps to its rate", async () => {
    await start(refused());
    for (let nth = 0; nth < 30; nth += 1) await bury("fetch", `lead-${nth}`);
    await hf.close();
    const sentAt: number[] = [];
    // Fifty times as fast: 20 a second by this clock are 1,000 by that of the machine.
    hf = await open({}, { clock: FAST, transport: (_, init) => (sentAt.push(FAST.monotonic()), fetch(`${api.url}/blind`, init)) });
    api.setRules([]);
    const began = FAST.monotonic();
    expect(await hf.deadLetters.replay({ filter: {}, rate: 20 })).toMatchObject({ resolved: 30 });
    const within = (ms: number): number => sentAt.filter((at) => at - began < ms).length;
    // A quarter of the rate in the first second, half in the next; a slow machine sends later, never sooner.
    expect(within(1_000)).toBeLessThanOrEqual(6);
    expect(within(2_000)).toBeLessThanOrEqual(17);
  });

  test("at a rate leaves the rest of a group alone whose failure comes back", async () => {
    await start(refused());
    for (let nth = 0; nth < 12; nth += 1) await bury("fetch", `lead-${nth}`);
    const before = emailsOf().length;
    const report = await hf.deadLetters.replay({ filter: {}, rate: 40, canary: 0 });
    expect(report.stopped).toContain("the same failure came back");
    expect(report.entries).toHaveLength(12);
    // Ten a second at first: the answer is there long before the third would go.
    expect(emailsOf().length - before).toBeLessThan(12);
    expect(report.failedAgain + report.skipped).toBe(12);
  });

  test("does not wait for its turn once it is stopped", async () => {
    await start(refused());
    for (const email of ["a", "b", "c"]) await bury("fetch", email);
    api.setRules([]);
    const controller = new AbortController();
    const report = await hf.deadLetters.replay({ filter: {}, rate: 0.001, signal: controller.signal, onEntry: () => controller.abort() });
    expect(report).toMatchObject({ resolved: 1, stopped: "stopped by its caller" });
  });

  test("takes an answer that does not pass verify for another failure", async () => {
    await start(refused());
    for (const email of ["a", "b", "c"]) await bury("fetch", email);
    api.setRules([
      { when: { where: { "body.email": "b" } }, then: { status: 200, json: { ok: false } } },
      { then: { status: 201, json: { ok: true } } },
    ]);
    const report = await hf.deadLetters.replay({
      filter: {},
      canary: 3,
      verify: async (response) => ((await response.json()) as { ok: boolean }).ok,
    });
    expect(report).toMatchObject({ resolved: 1, failedAgain: 1, stopped: "canary 2 of 3 failed again" });
    expect(report.entries[1]?.because).toBe("the answer (200) did not pass verify");
    const { items } = await hf.deadLetters.list({ state: "open" });
    expect(items.map(({ note }) => note)).toEqual([undefined, "the answer (200) did not pass verify"]);
    const thrown = await hf.deadLetters.replay({ filter: {}, canary: 1, verify: () => Promise.reject(new Error("no CRM here")) });
    expect(thrown.entries[0]?.because).toBe("verify threw: no CRM here");
  });

  test("leaves alone what has been replayed too often, unless it is named", async () => {
    await start(refused());
    const { id } = await bury("fetch", "poison");
    for (let nth = 0; nth < 2; nth += 1) await hf.deadLetters.replay({ filter: {}, maxReplays: 2 });
    const before = emailsOf().length;
    const report = await hf.deadLetters.replay({ filter: {}, maxReplays: 2 });
    expect(report).toMatchObject({ skipped: 1, entries: [{ because: expect.stringContaining("replayed 2 times") as string }] });
    expect(emailsOf()).toHaveLength(before);
    expect(await hf.deadLetters.replay({ ids: [id], maxReplays: 2 })).toMatchObject({ failedAgain: 1 });
  });

  test("skips a body that a patch cannot change, and says why", async () => {
    await start(refused());
    await hf.fetch("api")("/blind", { method: "POST", body: "not JSON" });
    expect((await hf.deadLetters.replay({ filter: {}, patch: { a: 1 } })).entries[0]?.because).toContain("its body is not JSON");
    const broken = await hf.deadLetters.replay({
      filter: {},
      patch: () => {
        throw new Error("what is this?");
      },
    });
    expect(broken).toMatchObject({ skipped: 1 });
    expect(api.ledger.requests()).toHaveLength(1);
  });

  test.each<[string, object]>([
    ["rate", { rate: 0 }],
    ["patch", { patch: [] }],
    ["verify", { verify: true }],
    ["confirm", { confirm: "yes" }],
    ["maxReplays", { maxReplays: 0 }],
    ["ids", { ids: "a" }],
    ["group", { group: 7 }],
    ["filter.labels.lead", { filter: { labels: { lead: 42 } } }],
    ["filter.since", { filter: { since: "yesterday" } }],
  ])("refuses %s that makes no sense", async (name, options) => {
    await start([]);
    await expect(hf.deadLetters.replay({ filter: {}, ...options })).rejects.toMatchObject({ code: "config", path: `replay.${name}` });
  });
});

describe("an export", () => {
  async function lines(format?: "jsonl" | "csv"): Promise<string[]> {
    const all: string[] = [];
    for await (const line of hf.deadLetters.export({ labels: { campaign: "q4" } }, format)) all.push(line);
    return all;
  }

  test("has one letter a line, whole", async () => {
    await start(refused());
    await bury("fetch", "a", { labels: { campaign: "q4" } });
    await bury("enqueue", "b", { labels: { campaign: "q4" } });
    await bury("fetch", "c");
    const [newest, oldest, ...more] = (await lines()).map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(more).toEqual([]);
    expect(newest).toMatchObject({ request: { method: "POST", body: '{"email":"b"}', bodyEncoding: "utf-8" }, attempts: [{ attempt: 1 }] });
    expect(oldest).toMatchObject({ reason: "permanent", state: "open", request: { body: '{"email":"a"}' } });
  });

  test("as a table quotes what needs it, and gives a spreadsheet no formula", async () => {
    await start(refused());
    await bury("fetch", '=cmd|"/c calc"!A1', { labels: { campaign: "q4", name: 'a,"b"' } });
    await hf.fetch("api", { labels: { campaign: "q4" } })("/blind", { method: "POST", body: "=1+1" });
    await hf.fetch("api", { labels: { campaign: "q4" } })("/blind", { method: "POST", body: new Uint8Array([0xff, 0x00]) });
    const [header, binary, formula, json] = await lines("csv");
    expect(header).toBe(
      "id,api,endpoint,partition,state,reason,title,group,attempts,status,first_attempt_at,died_at,replays,note,key,labels,method,url,body,body_encoding",
    );
    expect(binary).toMatch(/,\/wA=,base64$/);
    expect(formula).toMatch(/,'=1\+1,utf-8$/);
    expect(json).toContain('"{""email"":""=cmd|\\""/c calc\\""!A1""}"');
  });

  test("refuses another format", async () => {
    await start([]);
    await expect(lines("xml" as "csv")).rejects.toMatchObject({ path: "export.format" });
  });
});
