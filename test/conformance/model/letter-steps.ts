import fc from "fast-check";
import type { Sync } from "../../../src/adapters/store/sync.ts";
import type { DeadLetterChange, DeadLetterFilter, DeadLetterStore, NewDeadLetter } from "../../../src/ports/dead-letter-store.ts";
import { letter } from "../../../src/testing/store-conformance/samples.ts";
import { batch, instant, labels, step, wholeListing, type Step } from "./steps.ts";

type Letters = Sync<DeadLetterStore>;

const groupName = fc.constantFrom("v1:a", "v1:b", "v1:c");
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

export const letterStep: fc.Arbitrary<Step<Letters>> = fc.oneof(
  { weight: 4, arbitrary: step<Letters, "add">("add", fc.tuple(batch(someLetter))) },
  { weight: 4, arbitrary: step<Letters, "change">("change", fc.tuple(batch(someChange))) },
  { weight: 2, arbitrary: wholeListing<Letters>("list", filter, (verbs, chosen, page) => verbs.list(chosen, page)) },
  { weight: 2, arbitrary: wholeListing<Letters>("groups", filter, (verbs, chosen, page) => verbs.groups(chosen, page)) },
  step<Letters, "openLetters">("openLetters", fc.constant([])),
  step<Letters, "concerned">("concerned", fc.tuple(instant, fc.integer({ min: 1, max: 3 }))),
  step<Letters, "spread">(
    "spread",
    fc.tuple(
      fc.array(groupName, { maxLength: 3 }),
      fc.record({ from: instant, stepMs: fc.integer({ min: 1, max: 5 }), steps: fc.constantFrom(1, 4) }),
    ),
  ),
  step<Letters, "get">("get", fc.tuple(someLetter.map(({ id }) => id))),
  step<Letters, "setGroupState">(
    "setGroupState",
    fc.tuple(groupName, fc.constantFrom("open" as const, "acknowledged" as const, "resolved" as const, "ignored" as const), instant),
  ),
  step<Letters, "sweep">("sweep", fc.tuple(instant, fc.integer({ min: 1, max: 3 }))),
);
