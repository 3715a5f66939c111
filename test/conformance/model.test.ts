import type { DatabaseSync } from "node:sqlite";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { coordinator as memoryCoordinator } from "../../src/adapters/store/memory/coordinator.ts";
import { deadLetters as memoryLetters } from "../../src/adapters/store/memory/dead-letters.ts";
import { idempotency as memoryKeys } from "../../src/adapters/store/memory/idempotency.ts";
import { inbox as memoryInbox } from "../../src/adapters/store/memory/inbox.ts";
import { operations as memoryQueue } from "../../src/adapters/store/memory/operations/index.ts";
import { steps as memorySteps } from "../../src/adapters/store/memory/steps.ts";
import { watermarks as memoryWatermarks } from "../../src/adapters/store/memory/watermarks.ts";
import { coordinator as sqliteCoordinator } from "../../src/adapters/store/sqlite/coordinator.ts";
import { deadLetters as sqliteLetters } from "../../src/adapters/store/sqlite/dead-letters.ts";
import { health } from "../../src/adapters/store/sqlite/health.ts";
import { idempotency as sqliteKeys } from "../../src/adapters/store/sqlite/idempotency.ts";
import { inbox as sqliteInbox } from "../../src/adapters/store/sqlite/inbox.ts";
import { steps as sqliteSteps } from "../../src/adapters/store/sqlite/steps.ts";
import { watermarks as sqliteWatermarks } from "../../src/adapters/store/sqlite/watermarks.ts";
import { letter, T0 } from "../../src/testing/store-conformance/samples.ts";
import { keyStep, type Keys } from "./model/key-steps.ts";
import { letterStep } from "./model/letter-steps.ts";
import { queueStep } from "./model/queue-steps.ts";
import { eventStep, markStep, runStep, sharedStep } from "./model/shape-steps.ts";
import { committing, database, empty } from "./model/sqlite-model.ts";
import { answers, type Step } from "./model/steps.ts";

/**
 * Random sequences of verbs, done by the memory store and by SQLite: every answer must be the same. The memory store is the
 * model, simple enough to be read as the specification.
 */

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
      { numRuns: 60 },
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
      { numRuns: 40 },
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
      { numRuns: 60 },
    );
  });

  it("with shared lanes, watermarks, steps and the inbox", PATIENCE, () => {
    const db = database();
    expect.hasAssertions();
    const same = <Verbs>(steps: fc.Arbitrary<Step<Verbs>>, model: () => Verbs, subject: (connection: DatabaseSync) => Verbs): void =>
      fc.assert(
        fc.property(fc.array(steps, { maxLength: 25, size: "max" }), (some) => {
          empty(db);
          expect(answers(some, subject(db))).toEqual(answers(some, model()));
        }),
        { numRuns: 40 },
      );
    same(sharedStep, memoryCoordinator, sqliteCoordinator);
    same(markStep, memoryWatermarks, sqliteWatermarks);
    same(runStep, memorySteps, sqliteSteps);
    same(
      eventStep,
      () => memoryInbox(memoryQueue(memoryLetters(1_000), 1_000)),
      (connection) => sqliteInbox(connection, committing(connection)),
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
