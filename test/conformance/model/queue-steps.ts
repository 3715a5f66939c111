import fc from "fast-check";
import type { Sync } from "../../../src/adapters/store/sync.ts";
import type {
  LaneKey,
  NewOperation,
  OperationFilter,
  OperationStore,
  OperationView,
  Settlement,
} from "../../../src/ports/operation-store.ts";
import type { Page } from "../../../src/ports/page.ts";
import { answer, attempt, letter, operation, T0 } from "../../../src/testing/store-conformance/samples.ts";
import { batch, instant, labels, step, wholeListing, type Step } from "./steps.ts";

export type Queue = Sync<Omit<OperationStore, "onWork">>;
export const lane: fc.Arbitrary<LaneKey> = fc.constantFrom(
  { api: "crm", endpoint: "POST /contacts", partition: "" },
  { api: "crm", endpoint: "POST /contacts", partition: "account-7" },
  { api: "billing", endpoint: "POST /charges", partition: "" },
);
const operationNumber = fc.integer({ min: 1, max: 15 });
export const someOperation: fc.Arbitrary<NewOperation> = fc
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
    const settle = ({ items }: Page<OperationView>): unknown => {
      const view = items[index % Math.max(1, items.length)];
      return view && verbs.settle([{ ...given, id: view.operation.id, claim: view.claim, outcome: make(view.operation.id) }]);
    };
    const held: Page<OperationView> | Promise<Page<OperationView>> = verbs.list({ state: "leased" }, { limit: 100 });
    return held instanceof Promise ? held.then(settle) : settle(held);
  },
}));

export const queueStep: fc.Arbitrary<Step<Queue>> = fc.oneof(
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
  wholeListing<Queue>("list", operationFilter, (verbs, chosen, page) => verbs.list(chosen, page)),
  step<Queue, "stats">("stats", fc.constant([])),
  step<Queue, "waiting">("waiting", fc.tuple(fc.integer({ min: 1, max: 4 }))),
  step<Queue, "sweep">("sweep", fc.tuple(instant, fc.integer({ min: 1, max: 3 }))),
);
