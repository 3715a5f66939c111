import assert from "node:assert/strict";
import type { ClaimedOperation } from "../../../ports/operation-store.ts";
import { attempt, MINUTE, operation } from "../samples.ts";
import type { Suite } from "../suite.ts";
import { LANE, NOW, STOPPED, queueOf, claim, settlement, SUCCEEDED, PARKED, READY, dead } from "./steps.ts";

/** Cancelling: at once, or at the end of the attempt under way. */
export function cancelling({ section, rule }: Suite): void {
  section("operations: cancelling", () => {
    rule("what has not started ends at once; what is under way is asked to; the rest is told apart", async ({ store }) => {
      const queue = queueOf(store);
      await queue.accept([operation(1), operation(2), operation(3, { dueAt: NOW + MINUTE }), operation(4)]);
      const [one, two] = (await claim(queue, { allowances: [{ ...LANE, max: 2 }] })) as [ClaimedOperation, ClaimedOperation];
      await queue.settle([settlement(one, SUCCEEDED)]);
      const ids = [1, 2, 3, 4, 99, 4].map((number) => operation(number).id);
      assert.deepEqual(await queue.cancel(ids, STOPPED, NOW), ["ended", "requested", "cancelled", "cancelled", "missing", "ended"]);
      assert.deepEqual(await claim(queue, { now: NOW + 9 * MINUTE }), []);
      const view = await queue.get(operation(3).id);
      assert.deepEqual([view?.state, view?.because, view?.since, view?.parkedUntil], ["cancelled", STOPPED, NOW, undefined]);
      assert.deepEqual([(await queue.get(two.operation.id))?.state, (await queue.get(two.operation.id))?.because], ["leased", STOPPED]);
    });

    rule("one that was asked to cancel is not sent again, but its attempt may still succeed or die", async ({ store }) => {
      const queue = queueOf(store);
      await queue.accept([1, 2, 3, 4, 5].map((number) => operation(number)));
      const [one, two, three, four, five] = (await claim(queue)) as ClaimedOperation[];
      await queue.cancel(
        [1, 2, 3, 4, 5].map((number) => operation(number).id),
        STOPPED,
        NOW,
      );
      assert.deepEqual(
        await queue.settle([
          settlement(one as ClaimedOperation, PARKED, { attempt: attempt(1) }),
          settlement(two as ClaimedOperation, READY),
          settlement(three as ClaimedOperation, SUCCEEDED),
          settlement(four as ClaimedOperation, dead(4)),
        ]),
        ["applied", "applied", "applied", "applied"],
      );
      assert.equal(five?.claim, 1);
      await queue.reap({ worker: "reaper", now: NOW + MINUTE, leaseUntil: NOW + 2 * MINUTE, poisonAfter: 1, limit: 9 });
      const states = await Promise.all([1, 2, 3, 4, 5].map(async (number) => (await queue.get(operation(number).id))?.state));
      assert.deepEqual(states, ["cancelled", "cancelled", "succeeded", "dead", "cancelled"]);
      assert.deepEqual((await queue.get(operation(1).id))?.attempts, [attempt(1)]);
      assert.deepEqual(await claim(queue, { now: NOW + 99 * MINUTE }), []);
    });
  });
}
