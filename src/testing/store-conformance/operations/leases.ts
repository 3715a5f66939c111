import assert from "node:assert/strict";
import type { ClaimedOperation } from "../../../ports/operation-store.ts";
import { attempt, MINUTE, numberOf, operation } from "../samples.ts";
import type { Suite } from "../suite.ts";
import { NOW, queueOf, claim, claimOne, claimedNumbers, settlement, SUCCEEDED, PARKED, dead } from "./steps.ts";

/** Leases: taken back when they run out, in doubt, until nobody survives the operation. */
export function leases({ section, rule }: Suite): void {
  const reaping = { worker: "reaper", now: NOW + MINUTE, leaseUntil: NOW + 2 * MINUTE, poisonAfter: 3, limit: 100 };

  section("operations: leases", () => {
    rule("a lease that ran out is taken back, in doubt and in its old place; one that has not is left alone", async ({ store }) => {
      const queue = queueOf(store);
      await queue.accept([operation(1), operation(2), operation(3)]);
      await claimOne(queue);
      await claimOne(queue, { leaseUntil: NOW + MINUTE + 1 });
      assert.deepEqual(await queue.reap({ ...reaping, now: NOW + MINUTE - 1 }), { returned: 0, poisoned: [] });
      assert.deepEqual(await queue.reap(reaping), { returned: 1, poisoned: [] });
      const back = await claim(queue, { now: NOW + MINUTE });
      assert.deepEqual(
        back.map((claimed) => numberOf(claimed.operation)),
        [1, 3],
      );
      assert.deepEqual([back[0]?.claim, back[0]?.vanished, back[0]?.inDoubt], [2, 1, true]);
      assert.deepEqual([back[1]?.claim, back[1]?.vanished, back[1]?.inDoubt], [1, 0, false]);
    });

    rule("a holder whose lease ran out may still settle while nobody has taken the operation back", async ({ store }) => {
      const queue = queueOf(store);
      await queue.accept([operation(1)]);
      const claimed = await claimOne(queue);
      assert.deepEqual(await queue.settle([settlement(claimed, SUCCEEDED, { now: NOW + 9 * MINUTE })]), ["applied"]);
    });

    rule("an extended lease is not taken back", async ({ store }) => {
      const queue = queueOf(store);
      await queue.accept([operation(1)]);
      const { claim: number } = await claimOne(queue);
      const { id } = operation(1);
      assert.deepEqual(await queue.extend([{ id, claim: number, leaseUntil: NOW + 5 * MINUTE }]), ["applied"]);
      assert.deepEqual(await queue.extend([{ id, claim: number + 1, leaseUntil: NOW }]), ["stale"]);
      assert.deepEqual(await queue.extend([{ id: operation(9).id, claim: 1, leaseUntil: NOW }]), ["stale"]);
      assert.equal((await queue.reap(reaping)).returned, 0);
      assert.equal((await queue.get(id))?.leaseUntil, NOW + 5 * MINUTE);
    });

    rule("a doubt lasts until an attempt is recorded", async ({ store }) => {
      const queue = queueOf(store);
      await queue.accept([operation(1)]);
      await claimOne(queue);
      await queue.reap(reaping);
      const second = await claimOne(queue, { now: NOW + MINUTE });
      await queue.settle([settlement(second, { ...PARKED, until: NOW })]);
      const third = await claimOne(queue, { now: NOW + MINUTE });
      assert.equal(third.inDoubt, true);
      await queue.settle([settlement(third, { ...PARKED, until: NOW }, { attempt: attempt(1) })]);
      const fourth = await claimOne(queue, { now: NOW + MINUTE });
      assert.deepEqual([fourth.inDoubt, fourth.vanished], [false, 1]);
    });

    rule("one that no holder survives is given to the reaper, under a new claim", async ({ store }) => {
      const queue = queueOf(store);
      await queue.accept([operation(1)]);
      for (let times = 1; times <= 2; times += 1) {
        await claimOne(queue);
        assert.deepEqual(await queue.reap(reaping), { returned: 1, poisoned: [] });
      }
      await claimOne(queue);
      const { returned, poisoned } = await queue.reap(reaping);
      assert.equal(returned, 0);
      assert.deepEqual(poisoned, [{ operation: operation(1), claim: 4, attempts: 0, previousDelayMs: 0, vanished: 3, inDoubt: true }]);
      const view = await queue.get(operation(1).id);
      assert.deepEqual([view?.state, view?.worker, view?.leaseUntil], ["leased", "reaper", NOW + 2 * MINUTE]);
      assert.deepEqual(await queue.settle([settlement(poisoned[0] as ClaimedOperation, dead(1))]), ["applied"]);
    });

    rule("the longest over goes first, and no more than asked", async ({ store }) => {
      const queue = queueOf(store);
      await queue.accept([1, 2, 3].map((number) => operation(number)));
      for (const [number, until] of [
        [1, 30],
        [2, 10],
        [3, 20],
      ] as const) {
        assert.equal(numberOf((await claimOne(queue, { leaseUntil: NOW + until })).operation), number);
      }
      assert.equal((await queue.reap({ ...reaping, limit: 2 })).returned, 2);
      assert.deepEqual(await claimedNumbers(queue), [2, 3]);
    });
  });
}
