import fc from "fast-check";
import type { Sync } from "../../../src/adapters/store/sync.ts";
import type { Coordinator } from "../../../src/ports/coordinator.ts";
import type { InboxStore } from "../../../src/ports/inbox-store.ts";
import type { StepStore } from "../../../src/ports/step-store.ts";
import type { WatermarkStore } from "../../../src/ports/watermark-store.ts";
import { lane, someOperation } from "./queue-steps.ts";
import { batch, fingerprint, instant, step, token, wholeListing, type Step } from "./steps.ts";

type Shared = Sync<Coordinator>;
export const sharedStep: fc.Arbitrary<Step<Shared>> = fc.oneof(
  {
    weight: 9,
    arbitrary: step<Shared, "exchange">(
      "exchange",
      fc.tuple(
        batch(
          fc
            .record({
              lane,
              now: instant,
              rates: fc.subarray([
                { limit: 2, perMs: 1_000, burst: 10 },
                { limit: 7, perMs: 10_000, burst: 7 },
              ]),
              want: fc.integer({ min: 0, max: 8 }),
              unused: fc.integer({ min: 0, max: 3 }),
              pausedUntil: fc.option(instant, { nil: undefined }),
              remaining: fc.option(fc.integer({ min: 0, max: 9 }), { nil: undefined }),
              revision: fc.option(fc.integer({ min: 0, max: 3 }), { nil: undefined }),
              to: fc.record({ state: fc.constantFrom("closed" as const, "open" as const), reopened: fc.nat(2) }),
            })
            .map(({ lane: key, pausedUntil, remaining, revision, to, ...fields }) => ({
              ...key,
              ...fields,
              ...(pausedUntil !== undefined && { pausedUntil }),
              ...(remaining !== undefined && { remaining }),
              ...(revision !== undefined && { breaker: { revision, to } }),
            })),
        ),
      ),
    ),
  },
  step<Shared, "sweep">("sweep", fc.tuple(instant, fc.integer({ min: 1, max: 2 }))),
);

type Marks = Sync<WatermarkStore>;
const sync = fc.constantFrom("contacts", "deals");
const runName = fc.constantFrom("r1", "r2");
export const markStep: fc.Arbitrary<Step<Marks>> = fc.oneof(
  step<Marks, "begin">("begin", fc.tuple(batch(fc.record({ sync, run: runName, now: instant, leaseUntil: instant })))),
  step<Marks, "advance">(
    "advance",
    fc.tuple(batch(fc.record({ sync, run: runName, revision: fc.nat(4), to: fc.constantFrom("1", "2"), now: instant }))),
  ),
  step<Marks, "extend">("extend", fc.tuple(batch(fc.record({ sync, run: runName, leaseUntil: instant })))),
  step<Marks, "end">("end", fc.tuple(batch(fc.record({ sync, run: runName, now: instant, report: fc.constant("{}") })))),
  step<Marks, "read">("read", fc.tuple(sync)),
  wholeListing<Marks>("list", fc.constant({}), (verbs, _none, page) => verbs.list(page)),
);

type Runs = Sync<StepStore>;
const held = fc.record({ run: runName, token });
export const runStep: fc.Arbitrary<Step<Runs>> = fc.oneof(
  step<Runs, "pipelines">("pipelines", fc.constant([])),
  step<Runs, "overview">("overview", fc.tuple(fc.constantFrom("onboard", "offboard"), fc.integer({ min: 1, max: 3 }))),
  {
    weight: 2,
    arbitrary: step<Runs, "open">(
      "open",
      fc.tuple(
        batch(
          fc.record({
            id: runName,
            pipeline: fc.constantFrom("onboard", "offboard"),
            version: fc.constantFrom("1", "2"),
            subject: fc.constantFrom("lead-1", "lead-2"),
            input: fc.constant("{}"),
            token,
            now: instant,
            leaseUntil: instant,
          }),
        ),
      ),
    ),
  },
  {
    weight: 3,
    arbitrary: step<Runs, "finish">(
      "finish",
      fc.tuple(
        batch(
          fc
            .tuple(
              held,
              fc.record({ step: fc.constantFrom("a", "b"), state: fc.constantFrom("done" as const, "failed" as const), now: instant }),
              fc.record({ result: fc.constant("1"), operation: fc.constant("o") }, { requiredKeys: [] }),
            )
            .map(([holder, fields, more]) => ({ ...holder, ...fields, ...more })),
        ),
      ),
    ),
  },
  step<Runs, "extend">("extend", fc.tuple(batch(fc.record({ run: runName, token, leaseUntil: instant })))),
  step<Runs, "release">("release", fc.tuple(batch(held))),
  step<Runs, "end">(
    "end",
    fc.tuple(
      batch(
        fc.record({
          run: runName,
          token,
          state: fc.constantFrom("succeeded" as const, "failed" as const),
          now: instant,
          keepUntil: instant,
        }),
      ),
    ),
  ),
  step<Runs, "get">("get", fc.tuple(runName)),
  wholeListing<Runs>(
    "list",
    fc.record(
      { pipeline: fc.constant("onboard"), subject: fc.constant("lead-1"), state: fc.constantFrom("open", "failed") },
      { requiredKeys: [] },
    ),
    (verbs, chosen, page) => verbs.list(chosen, page),
  ),
  step<Runs, "sweep">("sweep", fc.tuple(instant, fc.integer({ min: 1, max: 2 }))),
);

type Events = Sync<InboxStore>;
export const eventStep: fc.Arbitrary<Step<Events>> = fc.oneof(
  {
    weight: 4,
    arbitrary: step<Events, "take">(
      "take",
      fc.tuple(
        batch(
          fc.record({
            source: fc.constantFrom("stripe", "github"),
            id: fc.constantFrom("1", "2"),
            fingerprint,
            now: instant,
            keepUntil: instant,
            operations: batch(someOperation),
          }),
        ),
      ),
    ),
  },
  step<Events, "sweep">("sweep", fc.tuple(instant, fc.constant(1_000))),
);
