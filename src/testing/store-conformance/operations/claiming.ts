import assert from "node:assert/strict";
import type { OperationStore } from "../../../ports/operation-store.ts";
import { MINUTE, operation, T0 } from "../samples.ts";
import type { Suite } from "../suite.ts";
import { LANE, NOW, queueOf, claim, claimedNumbers } from "./steps.ts";

/** Claiming: the order, the turns of flows, the allowance of each lane, and that nothing is given to two. */
export function claiming({ section, rule, ruleFor }: Suite): void {
  section("operations: claiming", () => {
    rule("a claim leases: nobody else is given the operation, and it says who holds it until when", async ({ store }) => {
      const queue = queueOf(store);
      await queue.accept([operation(1)]);
      assert.deepEqual(await claim(queue), [
        { operation: operation(1), claim: 1, attempts: 0, previousDelayMs: 0, vanished: 0, inDoubt: false },
      ]);
      assert.deepEqual(await claim(queue, { worker: "worker-2" }), []);
      assert.deepEqual(await queue.get(operation(1).id), {
        operation: operation(1),
        state: "leased",
        claim: 1,
        attempts: [],
        since: NOW,
        leaseUntil: NOW + MINUTE,
        worker: "worker-1",
      });
    });

    rule("of each lane no more than it is allowed; of others nothing", async ({ store }) => {
      const queue = queueOf(store);
      await queue.accept([1, 2, 3].map((number) => operation(number, { api: "a" })));
      await queue.accept([4, 5, 6].map((number) => operation(number, { api: "b" })));
      await queue.accept([7].map((number) => operation(number, { api: "c" })));
      const allowances = [
        { ...LANE, api: "b", max: 1 },
        { ...LANE, api: "a", max: 2 },
        { ...LANE, api: "none", max: 5 },
        { ...LANE, api: "a", endpoint: "GET /other", max: 5 },
        { ...LANE, api: "a", partition: "other", max: 5 },
      ];
      assert.deepEqual(await claimedNumbers(queue, { allowances }), [4, 1, 2]);
      assert.deepEqual(await claimedNumbers(queue, { allowances: [] }), []);
      assert.deepEqual(await claimedNumbers(queue, { allowances: [{ ...LANE, api: "a", max: 0 }] }), []);
      assert.deepEqual(await claimedNumbers(queue, { allowances: [{ ...LANE, api: "c", max: 9 }] }), [7]);
    });

    rule("the higher priority goes first, then what fell due first, then what was accepted first", async ({ store }) => {
      const queue = queueOf(store);
      await queue.accept([
        operation(1, { priority: -1 }),
        operation(2),
        operation(3, { priority: 7 }),
        operation(4, { acceptedAt: T0, dueAt: T0 }),
        operation(5, { acceptedAt: T0, dueAt: T0 + 1_000 }),
        operation(6, { acceptedAt: T0, dueAt: T0 }),
        operation(7, { priority: 7 }),
      ]);
      assert.deepEqual(await claimedNumbers(queue), [3, 7, 4, 6, 2, 5, 1]);
    });

    rule("the flows of a lane take turns, and the turn goes on from claim to claim", async ({ store }) => {
      const queue = queueOf(store);
      await queue.accept([
        ...[1, 2, 3, 4, 5].map((number) => operation(number, { flow: "a", priority: 9 })),
        ...[11, 12].map((number) => operation(number, { flow: "b" })),
        ...[21, 22, 23].map((number) => operation(number, { flow: "c" })),
      ]);
      const next = (max: number): Promise<number[]> => claimedNumbers(queue, { allowances: [{ ...LANE, max }] });
      assert.deepEqual(await next(4), [1, 11, 21, 2]);
      assert.deepEqual(await next(1), [12]);
      await queue.accept([operation(31, { flow: "bb" })]);
      assert.deepEqual(await next(2), [31, 22]);
      assert.deepEqual(await next(100), [3, 23, 4, 5]);
    });

    rule("a flood of one flow does not hold up another", async ({ store }) => {
      const queue = queueOf(store);
      await queue.accept(Array.from({ length: 300 }, (_, index) => operation(index, { flow: "flood" })));
      await queue.accept([operation(1_000, { flow: "other" })]);
      assert.ok((await claimedNumbers(queue, { allowances: [{ ...LANE, max: 2 }] })).includes(1_000));
    });

    rule("twenty workers at once: every operation is given to one of them", async ({ store }) => {
      const queue = queueOf(store);
      await queue.accept(Array.from({ length: 100 }, (_, index) => operation(index)));
      const given = await Promise.all(
        Array.from({ length: 20 }, (_, index) => claimedNumbers(queue, { worker: `worker-${index}`, allowances: [{ ...LANE, max: 7 }] })),
      );
      assert.equal(given.flat().length, 100);
      assert.equal(new Set(given.flat()).size, 100);
    });

    ruleFor("shared", "two handles claim side by side: every operation is given to one of them", async ({ store, another }) => {
      const queues = [queueOf(store), queueOf(await another())];
      await queues[0]?.accept(Array.from({ length: 60 }, (_, index) => operation(index)));
      const given = await Promise.all(
        Array.from({ length: 12 }, (_, index) =>
          claimedNumbers(queues[index % 2] as OperationStore, { allowances: [{ ...LANE, max: 5 }] }),
        ),
      );
      assert.equal(given.flat().length, 60);
      assert.equal(new Set(given.flat()).size, 60);
    });
  });
}
