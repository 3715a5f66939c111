import fc from "fast-check";
import { Pool } from "pg";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { deadLetters as memoryLetters } from "../../src/adapters/store/memory/dead-letters.ts";
import { idempotency as memoryKeys } from "../../src/adapters/store/memory/idempotency.ts";
import { postgres } from "../../src/adapters/store/postgres/index.ts";
import type { DeadLetterChange, DeadLetterFilter, NewDeadLetter, Page } from "../../src/ports/dead-letter-store.ts";
import type { Store } from "../../src/ports/store.ts";
import { answer, letter, T0 } from "../../src/testing/store-conformance/samples.ts";
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
const batch = <Item>(item: fc.Arbitrary<Item>): fc.Arbitrary<Item[]> => fc.array(item, { maxLength: 4 });

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

describe("PostgreSQL does what the memory model does", () => {
  it("with idempotency keys", { timeout: 60_000 }, async () => {
    expect.hasAssertions();
    await fc.assert(
      fc.asyncProperty(fc.array(keyStep, { maxLength: 40 }), async (steps) => {
        await emptySchema(pool, "holdfast");
        expect(await answers(steps, store.idempotency)).toEqual(await answers(steps, memoryKeys()));
      }),
      { numRuns: 60 },
    );
  });

  it("with dead letters", { timeout: 60_000 }, async () => {
    expect.hasAssertions();
    await fc.assert(
      fc.asyncProperty(fc.array(letterStep, { maxLength: 25 }), async (steps) => {
        await emptySchema(pool, "holdfast");
        expect(await answers(steps, store.deadLetters)).toEqual(await answers(steps, memoryLetters(1_000)));
      }),
      { numRuns: 60 },
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

  it("and text of any kind comes back as it was, in every field", { timeout: 60_000 }, async () => {
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
      { numRuns: 100 },
    );
  });

  it("and so do keys, the longest too", { timeout: 60_000 }, async () => {
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
      { numRuns: 100 },
    );
  });
});
