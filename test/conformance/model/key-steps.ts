import fc from "fast-check";
import type { Sync } from "../../../src/adapters/store/sync.ts";
import type { IdempotencyStore } from "../../../src/ports/idempotency-store.ts";
import { answer } from "../../../src/testing/store-conformance/samples.ts";
import { batch, fingerprint, instant, key, step, token, type Step } from "./steps.ts";

export type Keys = Sync<IdempotencyStore>;

export const keyStep: fc.Arbitrary<Step<Keys>> = fc.oneof(
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
