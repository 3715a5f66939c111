import { DatabaseSync } from "node:sqlite";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { deadLetters as memoryLetters } from "../../src/adapters/store/memory/dead-letters.ts";
import { idempotency as memoryKeys } from "../../src/adapters/store/memory/idempotency.ts";
import { operations as memoryQueue } from "../../src/adapters/store/memory/operations/index.ts";
import { deadLetters as sqliteLetters } from "../../src/adapters/store/sqlite/dead-letters.ts";
import { health } from "../../src/adapters/store/sqlite/health.ts";
import { idempotency as sqliteKeys } from "../../src/adapters/store/sqlite/idempotency.ts";
import { migrate } from "../../src/adapters/store/sqlite/migrate.ts";
import { operations as sqliteQueue, type Queue } from "../../src/adapters/store/sqlite/operations/index.ts";
import type { Sync } from "../../src/adapters/store/sync.ts";
import type { DeadLetterChange, DeadLetterFilter, DeadLetterStore, NewDeadLetter, Page } from "../../src/ports/dead-letter-store.ts";
import type { IdempotencyStore } from "../../src/ports/idempotency-store.ts";
import type { LaneKey, NewOperation, OperationFilter, Settlement } from "../../src/ports/operation-store.ts";
import { answer, attempt, letter, operation, T0 } from "../../src/testing/store-conformance/samples.ts";

/**
 * Random sequences of verbs, done by the memory store and by SQLite: every answer must be the same. The memory store is the
 * model, simple enough to be read as the specification.
 */

function database(): DatabaseSync {
  const db = new DatabaseSync(":memory:");
  migrate(":memory:", db);
  return db;
}

/** One verb with what it is given, to be done on either store. */
interface Step<Verbs> {
  readonly name: string;
  readonly run: (verbs: Verbs) => unknown;
}

/** What the subject answered and what the model did, step by step. */
function answers<Verbs>(steps: readonly Step<Verbs>[], verbs: Verbs): unknown[] {
  return steps.map(({ name, run }) => [name, run(verbs)]);
}

/** Small domains, so that sequences meet themselves: few keys, few tokens, an hour of instants on a coarse grid. */
const key = fc.constantFrom("a", "b", "größe 🪸", "__proto__");
const token = fc.constantFrom("t1", "t2", "t3");
const fingerprint = fc.constantFrom("p1", "p1", "p1", "p2");
const instant = fc.integer({ min: 0, max: 20 }).map((step) => T0 + step * 1_000);
const batch = <Item>(item: fc.Arbitrary<Item>): fc.Arbitrary<Item[]> => fc.array(item, { maxLength: 4, size: "max" });

function step<Verbs, Verb extends keyof Verbs & string>(
  verb: Verb,
  args: fc.Arbitrary<Verbs[Verb] extends (...args: infer Arguments) => unknown ? Arguments : never>,
): fc.Arbitrary<Step<Verbs>> {
  return args.map((given) => ({
    name: `${verb}(${JSON.stringify(given)})`,
    run: (verbs) => (verbs[verb] as (...args: readonly unknown[]) => unknown)(...(given as readonly unknown[])),
  }));
}

type Keys = Sync<IdempotencyStore>;

const keyStep: fc.Arbitrary<Step<Keys>> = fc.oneof(
  {
    weight: 4,
    arbitrary: step<Keys, "begin">("begin", fc.tuple(batch(fc.record({ key, fingerprint, token, now: instant, leaseUntil: instant })))),
  },
  {
    weight: 3,
    arbitrary: step<Keys, "finish">(
      "finish",
      fc.tuple(
        batch(
          fc.oneof(
            fc.record({
              key,
              token,
              now: instant,
              state: fc.constant("done" as const),
              expiresAt: instant,
              answer: fc.uint8Array({ maxLength: 8 }).map((body) => answer({ body })),
            }),
            fc.record({ key, token, now: instant, state: fc.constant("unknown" as const) }),
          ),
        ),
      ),
    ),
  },
  step<Keys, "release">("release", fc.tuple(batch(fc.record({ key, token })))),
  step<Keys, "extend">("extend", fc.tuple(batch(fc.record({ key, token, leaseUntil: instant })))),
  step<Keys, "resolve">("resolve", fc.tuple(batch(fc.record({ key, now: instant })))),
  step<Keys, "sweep">("sweep", fc.tuple(instant, fc.constant(1_000))),
);

type Letters = Sync<DeadLetterStore>;

const groupName = fc.constantFrom("v1:a", "v1:b", "v1:c");
const labels = fc.dictionary(fc.constantFrom("lead", "__proto__", "größe"), fc.constantFrom("1", "2"), { maxKeys: 2 });
const someLetter: fc.Arbitrary<NewDeadLetter> = fc
  .record({
    number: fc.integer({ min: 1, max: 12 }),
    api: fc.constantFrom("crm", "billing"),
    reason: fc.constantFrom("permanent" as const, "exhausted" as const),
    fingerprint: groupName,
    labels,
    diedAt: instant,
    body: fc.option(fc.uint8Array({ maxLength: 4 }), { nil: undefined }),
  })
  .map(({ number, body, ...fields }) =>
    letter(number, {
      ...fields,
      title: `title of ${fields.fingerprint}`,
      request: { method: "POST", url: "https://api.example.com/", headers: [], ...(body && { body }) },
    }),
  );
const someChange: fc.Arbitrary<DeadLetterChange> = fc
  .record({
    number: fc.integer({ min: 1, max: 12 }),
    revision: fc.integer({ min: 1, max: 4 }),
    state: fc.constantFrom("open" as const, "replaying" as const, "resolved" as const, "discarded" as const),
    now: instant,
    note: fc.option(fc.constant("note"), { nil: undefined }),
    group: fc.option(groupName, { nil: undefined }),
    replayed: fc.boolean(),
  })
  .map(({ number, note, group, ...fields }) => ({
    ...fields,
    id: letter(number).id,
    ...(note !== undefined && { note }),
    ...(group !== undefined && { group: { fingerprint: group, title: `moved to ${group}` } }),
  }));
const filter: fc.Arbitrary<DeadLetterFilter> = fc.record(
  {
    api: fc.constantFrom("crm", "billing"),
    fingerprint: groupName,
    state: fc.constantFrom("open" as const, "resolved" as const),
    reason: fc.constantFrom("permanent" as const, "exhausted" as const),
    labels,
    since: instant,
    until: instant,
    ids: fc.constant([letter(1).id, letter(2).id, letter(3).id]),
  },
  { requiredKeys: [] },
);

/** All pages of a listing, as a step. */
function wholeListing(verb: "list" | "groups"): fc.Arbitrary<Step<Letters>> {
  return fc.tuple(filter, fc.integer({ min: 1, max: 4 })).map(([wanted, limit]) => ({
    name: `${verb}(${JSON.stringify(wanted)}) by ${limit}`,
    run: (verbs) => {
      const pages: unknown[] = [];
      for (let after: string | null = ""; after !== null;) {
        const page: Page<unknown> = verbs[verb](wanted, { limit, ...(after !== "" && { after }) });
        pages.push(page.items);
        after = page.next;
      }
      return pages;
    },
  }));
}

const letterStep: fc.Arbitrary<Step<Letters>> = fc.oneof(
  { weight: 4, arbitrary: step<Letters, "add">("add", fc.tuple(batch(someLetter))) },
  { weight: 4, arbitrary: step<Letters, "change">("change", fc.tuple(batch(someChange))) },
  { weight: 2, arbitrary: wholeListing("list") },
  { weight: 2, arbitrary: wholeListing("groups") },
  step<Letters, "get">("get", fc.tuple(someLetter.map(({ id }) => id))),
  step<Letters, "setGroupState">(
    "setGroupState",
    fc.tuple(groupName, fc.constantFrom("open" as const, "acknowledged" as const, "resolved" as const, "ignored" as const), instant),
  ),
  step<Letters, "sweep">("sweep", fc.tuple(instant, fc.integer({ min: 1, max: 3 }))),
);

const lane: fc.Arbitrary<LaneKey> = fc.constantFrom(
  { api: "crm", endpoint: "POST /contacts", partition: "" },
  { api: "crm", endpoint: "POST /contacts", partition: "account-7" },
  { api: "billing", endpoint: "POST /charges", partition: "" },
);
const operationNumber = fc.integer({ min: 1, max: 15 });
const someOperation: fc.Arbitrary<NewOperation> = fc
  .record({
    number: operationNumber,
    lane,
    flow: fc.constantFrom("", "", "a", "b"),
    priority: fc.constantFrom(0, 0, 1, -1),
    labels,
    idempotencyKey: fc.option(fc.constantFrom("k1", "k2"), { nil: undefined }),
    fingerprint: fc.constantFrom("p1", "p1", "p2"),
    acceptedAt: instant,
    delay: fc.constantFrom(0, 0, 0, 3_000),
  })
  .map(({ number, lane: key, idempotencyKey, acceptedAt, delay, ...fields }) =>
    operation(number, {
      ...key,
      ...fields,
      ...(idempotencyKey !== undefined && { idempotencyKey }),
      acceptedAt,
      dueAt: acceptedAt + delay,
    }),
  );
const outcome: fc.Arbitrary<(id: string) => Settlement["outcome"]> = fc.oneof(
  fc
    .tuple(instant, fc.boolean())
    .map(([keepUntil, withAnswer]) => () => ({ state: "succeeded" as const, keepUntil, ...(withAnswer && { answer: answer() }) })),
  fc
    .tuple(instant, fc.constantFrom("backoff" as const, "breaker-open" as const))
    .map(([until, code]) => () => ({ state: "parked" as const, until, because: { code }, delayMs: until - T0 })),
  instant.map((diedAt) => (id: string) => ({ state: "dead" as const, letter: letter(0, { id, diedAt }) })),
  fc.constant(() => ({ state: "cancelled" as const, because: { code: "cancelled" as const } })),
  fc.constant(() => ({ state: "ready" as const })),
);
const someSettlement: fc.Arbitrary<Settlement> = fc
  .record({ number: operationNumber, claim: fc.constantFrom(1, 1, 1, 2, 3), now: instant, outcome, tried: fc.integer({ min: 0, max: 3 }) })
  .map(({ number, outcome: make, tried, ...fields }) => {
    const { id } = operation(number);
    return { ...fields, id, outcome: make(id), ...(tried > 0 && { attempt: attempt(tried) }) };
  });
const lease = fc.record({
  id: operationNumber.map((number) => operation(number).id),
  claim: fc.integer({ min: 1, max: 3 }),
  leaseUntil: instant,
});
const operationFilter: fc.Arbitrary<OperationFilter> = fc.record(
  {
    api: fc.constantFrom("crm", "billing"),
    endpoint: fc.constant("POST /contacts"),
    partition: fc.constantFrom("", "account-7"),
    flow: fc.constantFrom("", "a"),
    state: fc.constantFrom(
      "ready" as const,
      "leased" as const,
      "parked" as const,
      "succeeded" as const,
      "dead" as const,
      "cancelled" as const,
    ),
    labels,
    idempotencyKey: fc.constantFrom("k1", "k2"),
  },
  { requiredKeys: [] },
);

/** Settles one of those that are leased, under the claim that holds it: the other settlements are mostly stale. */
const settleHeld: fc.Arbitrary<Step<Queue>> = fc.tuple(someSettlement, outcome, fc.nat(5)).map(([given, make, index]) => ({
  name: `settle the holder ${index} with ${JSON.stringify(make(""))}`,
  run: (verbs) => {
    const { items } = verbs.list({ state: "leased" }, { limit: 100 });
    const view = items[index % Math.max(1, items.length)];
    return view && verbs.settle([{ ...given, id: view.operation.id, claim: view.claim, outcome: make(view.operation.id) }]);
  },
}));

const queueStep: fc.Arbitrary<Step<Queue>> = fc.oneof(
  { weight: 8, arbitrary: settleHeld },
  { weight: 6, arbitrary: step<Queue, "accept">("accept", fc.tuple(batch(someOperation))) },
  {
    weight: 6,
    arbitrary: step<Queue, "claim">(
      "claim",
      fc.tuple(
        fc.record({
          worker: fc.constantFrom("w1", "w2"),
          allowances: batch(fc.tuple(lane, fc.integer({ min: 0, max: 4 })).map(([key, max]) => ({ ...key, max }))),
          now: instant,
          leaseUntil: instant,
        }),
      ),
    ),
  },
  { weight: 6, arbitrary: step<Queue, "settle">("settle", fc.tuple(batch(someSettlement))) },
  step<Queue, "extend">("extend", fc.tuple(batch(lease))),
  step<Queue, "reap">(
    "reap",
    fc.tuple(
      fc.record({
        worker: fc.constant("reaper"),
        now: instant,
        leaseUntil: instant,
        poisonAfter: fc.integer({ min: 1, max: 3 }),
        limit: fc.integer({ min: 1, max: 3 }),
      }),
    ),
  ),
  { weight: 2, arbitrary: step<Queue, "backlog">("backlog", fc.tuple(instant)) },
  step<Queue, "wake">("wake", fc.tuple(lane, instant, fc.integer({ min: 1, max: 3 }))),
  step<Queue, "cancel">(
    "cancel",
    fc.tuple(batch(operationNumber.map((number) => operation(number).id)), fc.constant({ code: "cancelled" as const }), instant),
  ),
  step<Queue, "pause">("pause", fc.tuple(lane, fc.boolean(), instant)),
  step<Queue, "get">("get", fc.tuple(operationNumber.map((number) => operation(number).id))),
  step<Queue, "list">("list", fc.tuple(operationFilter, fc.constant({ limit: 100 }))),
  step<Queue, "stats">("stats", fc.constant([])),
  step<Queue, "sweep">("sweep", fc.tuple(instant, fc.integer({ min: 1, max: 3 }))),
);

/** Emptied, and with sequences starting over, so that a failing example can be told by itself. */
function empty(db: DatabaseSync): void {
  const tables = db.prepare("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'").all();
  for (const { name } of tables) db.exec(`DELETE FROM ${String(name)}`);
  db.exec("DELETE FROM sqlite_sequence");
}

/** SQLite's queue, with what the writer does at the end of each transaction. */
function committing(db: DatabaseSync): Queue {
  const { queue, transaction } = sqliteQueue(db, sqliteLetters(db));
  const verbs = Object.entries(queue as unknown as Record<string, (...args: never[]) => unknown>).map(([name, verb]) => [
    name,
    (...args: never[]): unknown => {
      const result = verb(...args);
      transaction.beforeCommit();
      return result;
    },
  ]);
  return Object.fromEntries(verbs) as Queue;
}

/** Many runs, on a machine that may be busy. */
const PATIENCE = { timeout: 60_000 };

describe("SQLite does what the memory model does", () => {
  it("with idempotency keys", PATIENCE, () => {
    const db = database();
    expect.hasAssertions();
    fc.assert(
      fc.property(fc.array(keyStep, { maxLength: 40, size: "max" }), (steps) => {
        empty(db);
        expect(answers(steps, sqliteKeys(db))).toEqual(answers(steps, memoryKeys()));
      }),
      { numRuns: 150 },
    );
  });

  it("with dead letters", PATIENCE, () => {
    const db = database();
    expect.hasAssertions();
    fc.assert(
      fc.property(fc.array(letterStep, { maxLength: 25, size: "max" }), (steps) => {
        empty(db);
        expect(answers(steps, sqliteLetters(db))).toEqual(answers(steps, memoryLetters(1_000)));
      }),
      { numRuns: 100 },
    );
  });

  it("with the queue", PATIENCE, () => {
    const db = database();
    expect.hasAssertions();
    fc.assert(
      fc.property(fc.array(queueStep, { maxLength: 40, size: "max" }), (steps) => {
        empty(db);
        expect(answers(steps, committing(db))).toEqual(answers(steps, memoryQueue(memoryLetters(1_000), 1_000)));
        expect(health("", db).check().faults).toEqual([]);
      }),
      { numRuns: 150 },
    );
  });

  it("and the comparison would notice a store that forgets doubts", () => {
    const forgetful: Keys = { ...memoryKeys(), begin: (requests) => requests.map(() => ({ state: "claimed", earlier: "none" })) };
    const twice: Step<Keys>[] = ["t1", "t2"].map((name) => ({
      name,
      run: (verbs) => verbs.begin([{ key: "a", fingerprint: "p", token: name, now: T0, leaseUntil: T0 }]),
    }));
    expect(answers(twice, forgetful)).not.toEqual(answers(twice, memoryKeys()));
  });

  it("and neither lets text or bytes of any kind change", PATIENCE, () => {
    const db = database();
    const [model, subject] = [memoryLetters(1_000), sqliteLetters(db)];
    let number = 0;
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), fc.uint8Array({ maxLength: 2_000 }), (text, body) => {
        const request = { method: "POST", url: "https://api.example.com/", headers: [[text, text]] as const, body };
        const fresh = letter((number += 1), { request, labels: { [text]: text }, title: text, operation: text });
        for (const store of [model, subject]) {
          store.add([fresh]);
          expect(store.get(fresh.id)).toMatchObject({ request, labels: { [text]: text }, title: text, operation: text });
        }
      }),
      { numRuns: 60 },
    );
  });
});
