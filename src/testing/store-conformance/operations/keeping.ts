import assert from "node:assert/strict";
import { CANCELLED_KEPT_MS, type ClaimedOperation } from "../../../ports/operation-store.ts";
import { answer, attempt, MINUTE, numberOf, operation } from "../samples.ts";
import type { Suite } from "../suite.ts";
import { LANE, NOW, STOPPED, queueOf, claim, claimOne, claimedNumbers, settlement, SUCCEEDED, PARKED, dead } from "./steps.ts";

/** Keeping: until its time is over, over restarts and crashes. */
export function keeping({ section, rule, ruleFor }: Suite): void {
  section("operations: keeping", () => {
    rule("a success is kept until its time, a cancelled one for a day, what has not ended for ever", async ({ store }) => {
      const queue = queueOf(store);
      await queue.accept([1, 2, 3, 4, 5].map((number) => operation(number, { labels: { lead: String(number) } })));
      const [one, two] = (await claim(queue, { allowances: [{ ...LANE, max: 3 }] })) as [ClaimedOperation, ClaimedOperation];
      await queue.settle([
        settlement(one, { ...SUCCEEDED, keepUntil: NOW + MINUTE, answer: answer() }, { attempt: attempt(1) }),
        settlement(two, { ...SUCCEEDED, keepUntil: NOW + 2 * MINUTE }),
      ]);
      await queue.cancel([operation(4).id], STOPPED, NOW);
      assert.equal(await queue.sweep(NOW + MINUTE - 1, 9), 0);
      assert.equal(await queue.sweep(NOW + MINUTE, 9), 1);
      assert.equal(await queue.get(operation(1).id), undefined);
      assert.deepEqual((await queue.list({ labels: { lead: "1" } }, { limit: 9 })).items, []);
      assert.equal(await queue.sweep(NOW + CANCELLED_KEPT_MS - 1, 9), 1);
      assert.equal(await queue.sweep(NOW + CANCELLED_KEPT_MS, 9), 1);
      assert.equal(await queue.sweep(NOW + 1_000 * CANCELLED_KEPT_MS, 9), 0);
      assert.deepEqual(await queue.stats(), { ready: 1, leased: 1, parked: 0, succeeded: 0, dead: 0, cancelled: 0 });
      assert.deepEqual((await store.check()).faults, []);
    });

    rule("sweeping takes no more than asked, what is longest over first", async ({ store }) => {
      const queue = queueOf(store);
      await queue.accept([1, 2, 3].map((number) => operation(number)));
      const claimed = await claim(queue);
      const until = [NOW + 30, NOW + 10, NOW + 20];
      await queue.settle(claimed.map((one, index) => settlement(one, { ...SUCCEEDED, keepUntil: until[index] as number })));
      assert.equal(await queue.sweep(NOW + MINUTE, 2), 2);
      assert.deepEqual(
        (await queue.list({}, { limit: 9 })).items.map((view) => numberOf(view.operation)),
        [1],
      );
    });

    rule("a dead operation is kept as long as its dead letter", async ({ store }) => {
      const queue = queueOf(store);
      await queue.accept([operation(1)]);
      await queue.settle([settlement(await claimOne(queue), dead(1))]);
      assert.equal(await queue.sweep(NOW + 1_000 * CANCELLED_KEPT_MS, 9), 0);
      await store.deadLetters.change([{ id: operation(1).id, revision: 1, state: "discarded", now: NOW }]);
      assert.equal(await queue.sweep(NOW + 1_000 * CANCELLED_KEPT_MS, 9), 0);
      assert.equal(await store.deadLetters.sweep(NOW, 9), 1);
      assert.equal((await queue.get(operation(1).id))?.state, "dead");
      assert.equal(await queue.sweep(NOW, 9), 1);
      assert.equal(await queue.get(operation(1).id), undefined);
      assert.deepEqual((await store.check()).faults, []);
    });

    ruleFor("persistent", "the queue is there after closing and opening again", async ({ store, another }) => {
      const queue = queueOf(store);
      await queue.accept([...[1, 2, 3, 4].map((number) => operation(number)), operation(5, { flow: "b", idempotencyKey: "k" })]);
      const [one, , two] = (await claim(queue, { allowances: [{ ...LANE, max: 3 }] })) as ClaimedOperation[];
      await queue.settle([
        settlement(one as ClaimedOperation, PARKED, { attempt: attempt(1) }),
        settlement(two as ClaimedOperation, dead(2)),
      ]);
      await queue.pause({ ...LANE, api: "billing" }, true, NOW);
      const before = [await queue.list({}, { limit: 9 }), await queue.backlog(NOW), await queue.stats()];
      await store.close();
      const reopened = queueOf(await another());
      assert.deepEqual([await reopened.list({}, { limit: 9 }), await reopened.backlog(NOW), await reopened.stats()], before);
      assert.deepEqual(await claimedNumbers(reopened), [3, 4]);
      assert.deepEqual(await reopened.accept([operation(9, { idempotencyKey: "k", fingerprint: "payload-5" })]), [
        { state: "known", id: operation(5).id },
      ]);
    });

    ruleFor("crash", "what was accepted, claimed and settled is so after a crash", async ({ store, afterCrash }) => {
      const queue = queueOf(store);
      await queue.accept([1, 2, 3].map((number) => operation(number)));
      const [one, two] = (await claim(queue, { allowances: [{ ...LANE, max: 2 }] })) as [ClaimedOperation, ClaimedOperation];
      await queue.settle([settlement(one, SUCCEEDED, { attempt: attempt(1) })]);
      const recovered = await afterCrash();
      const after = queueOf(recovered);
      assert.deepEqual(await after.list({}, { limit: 9 }), await queue.list({}, { limit: 9 }));
      assert.equal((await after.get(two.operation.id))?.state, "leased");
      assert.equal((await after.get(one.operation.id))?.attempts.length, 1);
      assert.deepEqual((await recovered.check()).faults, []);
    });

    ruleFor("crash", "a death and its dead letter are there together after a crash", async ({ store, afterCrash }) => {
      const queue = queueOf(store);
      await queue.accept([operation(1)]);
      await queue.settle([settlement(await claimOne(queue), dead(1))]);
      const recovered = await afterCrash();
      assert.equal((await queueOf(recovered).get(operation(1).id))?.state, "dead");
      assert.equal((await recovered.deadLetters.get(operation(1).id))?.state, "open");
    });
  });
}
