import assert from "node:assert/strict";
import type { ClaimedOperation } from "../../../ports/operation-store.ts";
import { MINUTE, operation, T0 } from "../samples.ts";
import type { Suite } from "../suite.ts";
import {
  LANE,
  NOW,
  STOPPED,
  queueOf,
  claim,
  claimedNumbers,
  settlement,
  SUCCEEDED,
  PARKED,
  READY,
  parkedForBreaker,
  dead,
} from "./steps.ts";

/** Lanes: what stands in them, pausing, waking, and who hears of work. */
export function lanes({ section, rule }: Suite): void {
  section("operations: lanes", () => {
    rule("the backlog shows what is due, leased and parked in each lane, and since and until when", async ({ store }) => {
      const queue = queueOf(store);
      assert.deepEqual(await queue.backlog(NOW), []);
      await queue.accept([
        ...[1, 2, 3, 4, 5].map((number) => operation(number)),
        operation(6, { dueAt: NOW + MINUTE }),
        operation(7, { dueAt: NOW + 2 * MINUTE }),
        operation(8, { api: "billing", endpoint: "POST /charges", partition: "account-7", dueAt: NOW }),
      ]);
      const [first] = await claim(queue, { allowances: [{ ...LANE, max: 2 }] });
      await queue.settle([settlement(first as ClaimedOperation, { ...PARKED, until: NOW + 3 * MINUTE })]);
      const other = { api: "billing", endpoint: "POST /charges", partition: "account-7", due: 1, leased: 0, parked: 0, paused: false };
      assert.deepEqual(await queue.backlog(NOW), [
        { ...other, oldestDueAt: NOW },
        { ...LANE, due: 3, leased: 1, parked: 3, oldestDueAt: T0 + 3, nextDueAt: NOW + MINUTE, paused: false },
      ]);
      assert.deepEqual((await queue.backlog(NOW + 2 * MINUTE))[1], {
        ...{ ...LANE, due: 5, leased: 1, parked: 1, oldestDueAt: T0 + 3, nextDueAt: NOW + 3 * MINUTE, paused: false },
      });
    });

    rule("a lane whose work has ended is not in the backlog", async ({ store }) => {
      const queue = queueOf(store);
      await queue.accept([operation(1), operation(2), operation(3)]);
      const [one, two] = await claim(queue, { allowances: [{ ...LANE, max: 2 }] });
      await queue.settle([settlement(one as ClaimedOperation, SUCCEEDED), settlement(two as ClaimedOperation, dead(2))]);
      await queue.cancel([operation(3).id], STOPPED, NOW);
      assert.deepEqual(await queue.backlog(NOW), []);
    });

    rule("the oldest due is found behind a higher priority and in every flow", async ({ store }) => {
      const queue = queueOf(store);
      await queue.accept([
        operation(5, { priority: 9 }),
        operation(2),
        operation(4, { flow: "x" }),
        operation(1, { priority: -3, flow: "y" }),
      ]);
      assert.equal((await queue.backlog(NOW))[0]?.oldestDueAt, T0 + 1);
    });

    rule("a paused lane gives nothing, and is shown even when it is empty; resumed, it goes on", async ({ store }) => {
      const queue = queueOf(store);
      await queue.pause(LANE, true, NOW);
      assert.deepEqual(await queue.backlog(NOW), [{ ...LANE, due: 0, leased: 0, parked: 0, paused: true }]);
      await queue.accept([operation(1)]);
      assert.deepEqual(await claim(queue), []);
      assert.deepEqual(await queue.backlog(NOW), [{ ...LANE, due: 1, leased: 0, parked: 0, oldestDueAt: T0 + 1, paused: true }]);
      await queue.pause(LANE, false, NOW);
      assert.deepEqual(await claimedNumbers(queue), [1]);
    });

    rule("waking ends the rest of what waits for the breaker, and of nothing else", async ({ store }) => {
      const queue = queueOf(store);
      await queue.accept([...[1, 2, 3, 4].map((number) => operation(number)), operation(5, { dueAt: NOW + 9 * MINUTE })]);
      const [one, two, three, four] = (await claim(queue)) as [ClaimedOperation, ClaimedOperation, ClaimedOperation, ClaimedOperation];
      await queue.settle([
        settlement(one, parkedForBreaker(NOW + 7 * MINUTE)),
        settlement(two, parkedForBreaker(NOW + 5 * MINUTE)),
        settlement(three, parkedForBreaker(NOW + 6 * MINUTE)),
        settlement(four, PARKED),
      ]);
      assert.equal(await queue.wake({ ...LANE, partition: "other" }, NOW, 9), 0);
      assert.equal(await queue.wake(LANE, NOW, 2), 2);
      assert.deepEqual(await claimedNumbers(queue), [2, 3]);
      assert.equal(await queue.wake(LANE, NOW, 9), 1);
      assert.equal(await queue.wake(LANE, NOW, 9), 0);
      assert.deepEqual(await claimedNumbers(queue), [1]);
    });

    rule("a lane full of parked work holds up neither its own due work nor another lane", async ({ store }) => {
      const queue = queueOf(store);
      await queue.accept(Array.from({ length: 2_000 }, (_, index) => operation(index, { dueAt: NOW + 60 * MINUTE })));
      await queue.accept([operation(5_000), operation(5_001, { api: "billing" })]);
      const [billing, crm] = await queue.backlog(NOW);
      assert.deepEqual([billing?.due, crm?.due, crm?.parked], [1, 1, 2_000]);
      const allowances = [
        { ...LANE, max: 9 },
        { ...LANE, api: "billing", max: 9 },
      ];
      assert.deepEqual(await claimedNumbers(queue, { allowances }), [5_000, 5_001]);
    });

    rule("listeners hear of work, once a batch, until they stop listening", async ({ store }) => {
      const queue = queueOf(store);
      let heard = 0;
      const stop = queue.onWork(() => (heard += 1));
      await queue.accept([operation(1), operation(2), operation(3)]);
      assert.equal(heard, 1);
      const [one, two] = (await claim(queue, { allowances: [{ ...LANE, max: 2 }] })) as [ClaimedOperation, ClaimedOperation];
      assert.equal(heard, 1, "a claim makes no work");
      await queue.settle([settlement(one, READY), settlement(two, READY)]);
      assert.equal(heard, 2);
      stop();
      await queue.accept([operation(4)]);
      assert.equal(heard, 2);
    });
  });
}
