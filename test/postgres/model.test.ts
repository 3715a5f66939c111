import fc from "fast-check";
import { Pool } from "pg";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { coordinator as memoryCoordinator } from "../../src/adapters/store/memory/coordinator.ts";
import { deadLetters as memoryLetters } from "../../src/adapters/store/memory/dead-letters.ts";
import { idempotency as memoryKeys } from "../../src/adapters/store/memory/idempotency.ts";
import { inbox as memoryInbox } from "../../src/adapters/store/memory/inbox.ts";
import { operations as memoryQueue } from "../../src/adapters/store/memory/operations/index.ts";
import { steps as memorySteps } from "../../src/adapters/store/memory/steps.ts";
import { watermarks as memoryWatermarks } from "../../src/adapters/store/memory/watermarks.ts";
import { postgres } from "../../src/adapters/store/postgres/index.ts";
import type { DeadLetterChange, DeadLetterFilter, NewDeadLetter, Page } from "../../src/ports/dead-letter-store.ts";
import type { LaneKey, NewOperation, OperationFilter, OperationStore, Settlement } from "../../src/ports/operation-store.ts";
import type { Store } from "../../src/ports/store.ts";
import { answer, attempt, letter, operation, T0 } from "../../src/testing/store-conformance/samples.ts";
import { eventStep, markStep, runStep, sharedStep } from "../conformance/model/shape-steps.ts";
import type { Step as ModelStep } from "../conformance/model/steps.ts";
import { testDatabase, type TestDatabase } from "./server.ts";
import { emptySchema } from "./subject.ts";

/**
 * Random sequences of verbs, done by the memory store and by PostgreSQL: every answer must be the same. The memory store is the
 * model, simple enough to be read as the specification.
 */

let database: TestDatabase;
let pool: Pool;
let store: Store;

beforeAll(async () => {
  database = await testDatabase();
  pool = new Pool({ connectionString: database.url, max: 4 });
  store = await postgres(pool)();
}, 60_000);

afterAll(async () => {
  await store.close();
  await pool.end();
  await database.dispose();
});

type Verbs = Readonly<Record<string, (...args: never[]) => unknown>>;

/** One verb with what it is given, to be done on either store. */
interface Step {
  readonly name: string;
  readonly run: (verbs: Verbs) => Promise<unknown>;
}

async function answers(steps: readonly Step[], verbs: object): Promise<unknown[]> {
  const all: unknown[] = [];
  for (const { name, run } of steps) all.push([name, await run(verbs as Verbs)]);
  return all;
}

function step(verb: string, args: fc.Arbitrary<readonly unknown[]>): fc.Arbitrary<Step> {
  return args.map((given) => ({
    name: `${verb}(${JSON.stringify(given)})`,
    run: async (verbs) => (verbs[verb] as (...args: readonly unknown[]) => unknown)(...given),
  }));
}

/** Small domains, so that sequences meet themselves: few keys, few tokens, instants on a coarse grid. */
const key = fc.constantFrom("a", "b", "größe 🪸", "__proto__", "\0");
const token = fc.constantFrom("t1", "t2", "t3");
const fingerprint = fc.constantFrom("p1", "p1", "p1", "p2");
const instant = fc.integer({ min: 0, max: 20 }).map((seconds) => T0 + seconds * 1_000);
const batch = <Item>(item: fc.Arbitrary<Item>): fc.Arbitrary<Item[]> => fc.array(item, { maxLength: 4, size: "max" });

const finish = fc.oneof(
  fc.record({
    key,
    token,
    now: instant,
    state: fc.constant("done" as const),
    expiresAt: instant,
    answer: fc.uint8Array({ maxLength: 8 }).map((body) => answer({ body })),
  }),
  fc.record({ key, token, now: instant, state: fc.constant("unknown" as const) }),
);

const keyStep: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: step("begin", fc.tuple(batch(fc.record({ key, fingerprint, token, now: instant, leaseUntil: instant })))) },
  { weight: 3, arbitrary: step("finish", fc.tuple(batch(finish))) },
  step("release", fc.tuple(batch(fc.record({ key, token })))),
  step("extend", fc.tuple(batch(fc.record({ key, token, leaseUntil: instant })))),
  step("resolve", fc.tuple(batch(fc.record({ key, now: instant })))),
  step("sweep", fc.tuple(instant, fc.constant(1_000))),
);

const groupName = fc.constantFrom("v1:a", "v1:b", "v1:c");
const labels = fc.dictionary(fc.constantFrom("lead", "__proto__", "größe"), fc.constantFrom("1", "2\0"), { maxKeys: 2 });
const letterNumber = fc.integer({ min: 1, max: 12 });

const someLetter: fc.Arbitrary<NewDeadLetter> = fc
  .record({
    number: letterNumber,
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
    number: letterNumber,
    revision: fc.integer({ min: 1, max: 4 }),
    state: fc.constantFrom("open" as const, "replaying" as const, "resolved" as const, "discarded" as const),
    now: instant,
    note: fc.option(fc.constant("note"), { nil: undefined }),
    group: fc.option(groupName, { nil: undefined }),
    replayed: fc.boolean(),
    attempts: fc.integer({ min: 0, max: 2 }),
  })
  .map(({ number, note, group, attempts, ...fields }) => ({
    ...fields,
    id: letter(number).id,
    attempts: letter(1).attempts.slice(0, attempts),
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
function wholeListing(verb: "list" | "groups"): fc.Arbitrary<Step> {
  return fc.tuple(filter, fc.integer({ min: 1, max: 4 })).map(([wanted, limit]) => ({
    name: `${verb}(${JSON.stringify(wanted)}) by ${limit}`,
    run: async (verbs) => {
      const read = verbs[verb] as unknown as (...args: readonly unknown[]) => Page<unknown> | Promise<Page<unknown>>;
      const pages: unknown[] = [];
      for (let after: string | null = ""; after !== null;) {
        const page: Page<unknown> = await read(wanted, { limit, ...(after !== "" && { after }) });
        pages.push(page.items);
        after = page.next;
      }
      return pages;
    },
  }));
}

const letterStep: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: step("add", fc.tuple(batch(someLetter))) },
  { weight: 4, arbitrary: step("change", fc.tuple(batch(someChange))) },
  { weight: 2, arbitrary: wholeListing("list") },
  { weight: 2, arbitrary: wholeListing("groups") },
  step("get", fc.tuple(someLetter.map(({ id }) => id))),
  step(
    "setGroupState",
    fc.tuple(groupName, fc.constantFrom("open" as const, "acknowledged" as const, "resolved" as const, "ignored" as const), instant),
  ),
  step("sweep", fc.tuple(instant, fc.integer({ min: 1, max: 3 }))),
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
const settleHeld: fc.Arbitrary<Step> = fc.tuple(someSettlement, outcome, fc.nat(5)).map(([given, make, index]) => ({
  name: `settle the holder ${index} with ${JSON.stringify(make(""))}`,
  run: async (verbs) => {
    const queue = verbs as unknown as OperationStore;
    const { items } = await queue.list({ state: "leased" }, { limit: 100 });
    const view = items[index % Math.max(1, items.length)];
    return view && queue.settle([{ ...given, id: view.operation.id, claim: view.claim, outcome: make(view.operation.id) }]);
  },
}));

const queueStep: fc.Arbitrary<Step> = fc.oneof(
  { weight: 8, arbitrary: settleHeld },
  { weight: 6, arbitrary: step("accept", fc.tuple(batch(someOperation))) },
  {
    weight: 6,
    arbitrary: step(
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
  { weight: 6, arbitrary: step("settle", fc.tuple(batch(someSettlement))) },
  step("extend", fc.tuple(batch(lease))),
  step(
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
  { weight: 2, arbitrary: step("backlog", fc.tuple(instant)) },
  step("wake", fc.tuple(lane, instant, fc.integer({ min: 1, max: 3 }))),
  step(
    "cancel",
    fc.tuple(batch(operationNumber.map((number) => operation(number).id)), fc.constant({ code: "cancelled" as const }), instant),
  ),
  step("pause", fc.tuple(lane, fc.boolean(), instant)),
  step("get", fc.tuple(operationNumber.map((number) => operation(number).id))),
  step("list", fc.tuple(operationFilter, fc.constant({ limit: 100 }))),
  step("stats", fc.constant([])),
  step("sweep", fc.tuple(instant, fc.integer({ min: 1, max: 3 }))),
);

describe("PostgreSQL does what the memory model does", () => {
  it("with idempotency keys", { timeout: 120_000 }, async () => {
    expect.hasAssertions();
    await fc.assert(
      fc.asyncProperty(fc.array(keyStep, { maxLength: 40, size: "max" }), async (steps) => {
        await emptySchema(pool, "holdfast");
        expect(await answers(steps, store.idempotency)).toEqual(await answers(steps, memoryKeys()));
      }),
      { numRuns: 20 },
    );
  });

  it("with dead letters", { timeout: 120_000 }, async () => {
    expect.hasAssertions();
    await fc.assert(
      fc.asyncProperty(fc.array(letterStep, { maxLength: 25, size: "max" }), async (steps) => {
        await emptySchema(pool, "holdfast");
        expect(await answers(steps, store.deadLetters)).toEqual(await answers(steps, memoryLetters(1_000)));
      }),
      { numRuns: 20 },
    );
  });

  it("with the queue", { timeout: 120_000 }, async () => {
    expect.hasAssertions();
    await fc.assert(
      fc.asyncProperty(fc.array(queueStep, { maxLength: 40, size: "max" }), async (steps) => {
        await emptySchema(pool, "holdfast");
        const fresh = await postgres(pool)();
        expect(await answers(steps, fresh.operations as OperationStore)).toEqual(
          await answers(steps, memoryQueue(memoryLetters(1_000), 1_000)),
        );
        expect((await fresh.check()).faults).toEqual([]);
        await fresh.close();
      }),
      { numRuns: 20 },
    );
  });

  it("with shared lanes, watermarks, steps and the inbox", { timeout: 120_000 }, async () => {
    expect.hasAssertions();
    const same = async <Verbs extends object>(steps: fc.Arbitrary<ModelStep<Verbs>>, model: () => Verbs, subject: (of: Store) => object) =>
      fc.assert(
        fc.asyncProperty(fc.array(steps as fc.Arbitrary<unknown> as fc.Arbitrary<Step>, { maxLength: 25, size: "max" }), async (some) => {
          await emptySchema(pool, "holdfast");
          expect(await answers(some, subject(store))).toEqual(await answers(some, model()));
          expect((await store.check()).faults).toEqual([]);
        }),
        { numRuns: 15 },
      );
    await same(sharedStep, memoryCoordinator, ({ coordinator }) => coordinator as object);
    await same(markStep, memoryWatermarks, ({ watermarks }) => watermarks as object);
    await same(runStep, memorySteps, ({ steps }) => steps as object);
    await same(
      eventStep,
      () => memoryInbox(memoryQueue(memoryLetters(1_000), 1_000)),
      ({ inbox }) => inbox as object,
    );
  });

  it("and the comparison would notice a store that forgets doubts", async () => {
    const forgetful = {
      ...memoryKeys(),
      begin: (requests: readonly unknown[]) => requests.map(() => ({ state: "claimed", earlier: "none" })),
    };
    const twice: Step[] = ["t1", "t2"].map((name) => ({
      name,
      run: async (verbs) =>
        (verbs["begin"] as (requests: unknown) => unknown)([{ key: "a", fingerprint: "p", token: name, now: T0, leaseUntil: T0 }]),
    }));
    expect(await answers(twice, forgetful)).not.toEqual(await answers(twice, memoryKeys()));
  });

  it("and text of any kind comes back as it was, in every field", { timeout: 120_000 }, async () => {
    await emptySchema(pool, "holdfast");
    let number = 0;
    await fc.assert(
      fc.asyncProperty(fc.string({ unit: "binary" }), fc.uint8Array({ maxLength: 2_000 }), async (text, body) => {
        const request = { method: text, url: text, headers: [[text, text]] as const, body };
        const fresh = letter((number += 1), {
          ...{ request, api: text, endpoint: text, partition: text, fingerprint: text, title: text, operation: text, idempotencyKey: text },
          labels: { [text]: text },
          because: { code: "permanent", detail: text },
        });
        await store.deadLetters.add([fresh]);
        expect(await store.deadLetters.get(fresh.id)).toMatchObject(fresh);
        const found = await store.deadLetters.list({ api: text, fingerprint: text, labels: { [text]: text } }, { limit: 100 });
        expect(found.items.map(({ id }) => id)).toContain(fresh.id);
      }),
      { numRuns: 30 },
    );
  });

  it("and so do keys, the longest too", { timeout: 120_000 }, async () => {
    await emptySchema(pool, "holdfast");
    const long = Array.from({ length: 20_000 }, (_, index) => String.fromCodePoint(0x4e00 + ((index * 7_919) % 20_000))).join("");
    await fc.assert(
      fc.asyncProperty(
        fc.oneof(fc.string({ unit: "binary" }), fc.constantFrom(long, `${long}.`, "\ud800", "\ud801", "\0", "")),
        async (text) => {
          const begin = { key: text, fingerprint: text, token: text, now: T0, leaseUntil: T0 + 1_000 };
          await store.idempotency.resolve([{ key: text, now: T0 + 1_000 }]);
          expect(await store.idempotency.begin([begin, begin])).toEqual([1, 2].map(() => ({ state: "claimed", earlier: "none" })));
          expect(await store.idempotency.begin([{ ...begin, token: `${text}!` }])).toEqual([{ state: "running", leaseUntil: T0 + 1_000 }]);
        },
      ),
      { numRuns: 30 },
    );
  });
});
