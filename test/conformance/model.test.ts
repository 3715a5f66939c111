import { DatabaseSync } from "node:sqlite";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { deadLetters as memoryLetters } from "../../src/adapters/store/memory/dead-letters.ts";
import { idempotency as memoryKeys } from "../../src/adapters/store/memory/idempotency.ts";
import { deadLetters as sqliteLetters } from "../../src/adapters/store/sqlite/dead-letters.ts";
import { idempotency as sqliteKeys } from "../../src/adapters/store/sqlite/idempotency.ts";
import { migrate } from "../../src/adapters/store/sqlite/migrate.ts";
import type { Sync } from "../../src/adapters/store/sync.ts";
import type { DeadLetterChange, DeadLetterFilter, DeadLetterStore, NewDeadLetter, Page } from "../../src/ports/dead-letter-store.ts";
import type { IdempotencyStore } from "../../src/ports/idempotency-store.ts";
import { answer, letter, T0 } from "../../src/testing/store-conformance/samples.ts";

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
const batch = <Item>(item: fc.Arbitrary<Item>): fc.Arbitrary<Item[]> => fc.array(item, { maxLength: 4 });

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

describe("SQLite does what the memory model does", () => {
  it("with idempotency keys", () => {
    const db = database();
    expect.hasAssertions();
    fc.assert(
      fc.property(fc.array(keyStep, { maxLength: 40 }), (steps) => {
        db.exec("DELETE FROM idempotency");
        expect(answers(steps, sqliteKeys(db))).toEqual(answers(steps, memoryKeys()));
      }),
      { numRuns: 300 },
    );
  });

  it("with dead letters", () => {
    const db = database();
    expect.hasAssertions();
    fc.assert(
      fc.property(fc.array(letterStep, { maxLength: 25 }), (steps) => {
        db.exec("DELETE FROM dead; DELETE FROM dead_attempt; DELETE FROM dead_label; DELETE FROM dead_group; DELETE FROM sqlite_sequence");
        expect(answers(steps, sqliteLetters(db))).toEqual(answers(steps, memoryLetters(1_000)));
      }),
      { numRuns: 200 },
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

  it("and neither lets text or bytes of any kind change", () => {
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
      { numRuns: 200 },
    );
  });
});
