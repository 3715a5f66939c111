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
import type { Store } from "../../src/ports/store.ts";
import { letter, T0 } from "../../src/testing/store-conformance/samples.ts";
import { keyStep } from "../conformance/model/key-steps.ts";
import { letterStep } from "../conformance/model/letter-steps.ts";
import { queueStep } from "../conformance/model/queue-steps.ts";
import { eventStep, markStep, runStep, sharedStep } from "../conformance/model/shape-steps.ts";
import type { Step } from "../conformance/model/steps.ts";
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

/** What the store answers, step by step; the model answers at once. */
async function answers<Verbs>(steps: readonly Step<Verbs>[], verbs: Verbs): Promise<unknown[]> {
  const all: unknown[] = [];
  for (const { name, run } of steps) all.push([name, await run(verbs)]);
  return all;
}

/** Holds part of the store to the part of the model that takes the same steps. */
async function same<Verbs extends object>(
  step: fc.Arbitrary<Step<Verbs>>,
  model: () => Verbs,
  part: (of: Store) => unknown,
  { numRuns, maxLength }: { readonly numRuns: number; readonly maxLength: number },
): Promise<void> {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength, size: "max" }), async (steps) => {
      await emptySchema(pool, "holdfast");
      // A store remembers what it has read; another one begins with nothing.
      const fresh = await postgres(pool)();
      expect(await answers(steps, part(fresh) as Verbs)).toEqual(await answers(steps, model()));
      expect((await fresh.check()).faults).toEqual([]);
      await fresh.close();
    }),
    { numRuns },
  );
}

const PATIENCE = { timeout: 120_000 };

describe("PostgreSQL does what the memory model does", () => {
  it("with idempotency keys", PATIENCE, async () => {
    expect.hasAssertions();
    await same(keyStep, memoryKeys, ({ idempotency }) => idempotency, { numRuns: 20, maxLength: 40 });
  });

  it("with dead letters", PATIENCE, async () => {
    expect.hasAssertions();
    await same(
      letterStep,
      () => memoryLetters(1_000),
      ({ deadLetters }) => deadLetters,
      { numRuns: 20, maxLength: 25 },
    );
  });

  it("with the queue", PATIENCE, async () => {
    expect.hasAssertions();
    await same(
      queueStep,
      () => memoryQueue(memoryLetters(1_000), 1_000),
      ({ operations }) => operations,
      { numRuns: 20, maxLength: 40 },
    );
  });

  it("with shared lanes, watermarks, steps and the inbox", PATIENCE, async () => {
    expect.hasAssertions();
    const effort = { numRuns: 15, maxLength: 25 };
    await same(sharedStep, memoryCoordinator, ({ coordinator }) => coordinator, effort);
    await same(markStep, memoryWatermarks, ({ watermarks }) => watermarks, effort);
    await same(runStep, memorySteps, ({ steps }) => steps, effort);
    await same(
      eventStep,
      () => memoryInbox(memoryQueue(memoryLetters(1_000), 1_000)),
      ({ inbox }) => inbox,
      effort,
    );
  });

  it("and text of any kind comes back as it was, in every field", PATIENCE, async () => {
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

  it("and so do keys, the longest too", PATIENCE, async () => {
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
