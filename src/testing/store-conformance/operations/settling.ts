import assert from "node:assert/strict";
import { answer, attempt, MINUTE, operation } from "../samples.ts";
import type { Suite } from "../suite.ts";
import { NOW, STOPPED, queueOf, claim, claimOne, claimedNumbers, settlement, SUCCEEDED, PARKED, READY, dead } from "./steps.ts";

/** Settling: what each outcome writes down, and that a claim which no longer holds writes nothing. */
export function settling({ section, rule }: Suite): void {
  section("operations: settling", () => {
    rule("a success keeps its answer and its last attempt", async ({ store }) => {
      const queue = queueOf(store);
      await queue.accept([operation(1)]);
      const claimed = await claimOne(queue);
      assert.deepEqual(await queue.settle([settlement(claimed, { ...SUCCEEDED, answer: answer() }, { attempt: attempt(1) })]), ["applied"]);
      assert.deepEqual(await queue.get(operation(1).id), {
        operation: operation(1),
        state: "succeeded",
        claim: 1,
        attempts: [attempt(1)],
        since: NOW + 1_000,
        answer: answer(),
      });
      assert.deepEqual(await claim(queue, { now: NOW + 100 * MINUTE }), []);
    });

    rule("a parked operation rests until its time, with its reason, and then knows what was tried", async ({ store }) => {
      const queue = queueOf(store);
      await queue.accept([operation(1)]);
      await queue.settle([settlement(await claimOne(queue), PARKED, { attempt: attempt(1) })]);
      assert.deepEqual(await queue.get(operation(1).id), {
        operation: operation(1),
        state: "parked",
        claim: 1,
        attempts: [attempt(1)],
        since: NOW + 1_000,
        parkedUntil: NOW + 10 * MINUTE,
        because: { code: "backoff", delayMs: 600_000 },
      });
      assert.deepEqual(await claim(queue, { now: NOW + 10 * MINUTE - 1 }), []);
      const again = await claimOne(queue, { now: NOW + 10 * MINUTE });
      assert.deepEqual([again.claim, again.attempts, again.previousDelayMs, again.inDoubt], [2, 1, 600_000, false]);
      await queue.settle([settlement(again, SUCCEEDED, { attempt: attempt(2) })]);
      assert.deepEqual((await queue.get(operation(1).id))?.attempts, [attempt(1), attempt(2)]);
    });

    rule("waiting uses up no attempt: one that was parked or handed back without a try has as many as before", async ({ store }) => {
      const queue = queueOf(store);
      await queue.accept([operation(1)]);
      await queue.settle([settlement(await claimOne(queue), { ...PARKED, until: NOW })]);
      await queue.settle([settlement(await claimOne(queue), READY)]);
      const claimed = await claimOne(queue);
      assert.deepEqual([claimed.claim, claimed.attempts], [3, 0]);
      assert.deepEqual((await queue.get(operation(1).id))?.attempts, []);
    });

    rule("one that is handed back keeps its place", async ({ store }) => {
      const queue = queueOf(store);
      await queue.accept([operation(1), operation(2), operation(3)]);
      const first = await claimOne(queue);
      await queue.settle([settlement(first, READY)]);
      assert.deepEqual(await claimedNumbers(queue), [1, 2, 3]);
    });

    rule("a death writes its dead letter with it", async ({ store }) => {
      const queue = queueOf(store);
      await queue.accept([operation(1)]);
      const outcome = dead(1);
      await queue.settle([settlement(await claimOne(queue), outcome, { attempt: attempt(1) })]);
      const view = await queue.get(operation(1).id);
      assert.deepEqual([view?.state, view?.because], ["dead", outcome.letter.because]);
      const kept = await store.deadLetters.get(operation(1).id);
      assert.deepEqual([kept?.state, kept?.attempts], ["open", outcome.letter.attempts]);
      assert.equal((await store.deadLetters.groups({}, { limit: 9 })).items[0]?.total, 1);
    });

    rule("a worker whose claim no longer holds changes nothing, and writes no dead letter", async ({ store }) => {
      const queue = queueOf(store);
      await queue.accept([operation(1)]);
      const late = await claimOne(queue);
      await queue.reap({ worker: "worker-2", now: NOW + MINUTE, leaseUntil: NOW + 2 * MINUTE, poisonAfter: 9, limit: 9 });
      const outcomes = [SUCCEEDED, PARKED, READY, dead(1), { state: "cancelled", because: STOPPED } as const];
      for (const outcome of outcomes) {
        assert.deepEqual(await queue.settle([settlement(late, outcome, { attempt: attempt(9) })]), ["stale"], outcome.state);
      }
      const holder = await claimOne(queue, { worker: "worker-2", now: NOW + MINUTE, leaseUntil: NOW + 2 * MINUTE });
      for (const outcome of outcomes) {
        assert.deepEqual(await queue.settle([settlement(late, outcome, { attempt: attempt(9) })]), ["stale"], outcome.state);
      }
      assert.deepEqual(await queue.extend([{ id: late.operation.id, claim: late.claim, leaseUntil: NOW + 99 * MINUTE }]), ["stale"]);
      assert.equal(await store.deadLetters.get(operation(1).id), undefined);
      const view = await queue.get(operation(1).id);
      assert.deepEqual([view?.state, view?.claim, view?.worker, view?.attempts], ["leased", 2, "worker-2", []]);
      assert.deepEqual(await queue.settle([settlement(holder, SUCCEEDED)]), ["applied"]);
    });

    rule("a settlement counts once, also within one batch; batches answer in order", async ({ store }) => {
      const queue = queueOf(store);
      await queue.accept([operation(1), operation(2)]);
      const [one, two] = await claim(queue);
      assert.ok(one && two);
      assert.deepEqual(
        await queue.settle([
          settlement(two, SUCCEEDED),
          settlement(one, dead(1)),
          settlement(two, dead(2)),
          { ...settlement(one, SUCCEEDED), id: operation(99).id },
        ]),
        ["applied", "applied", "stale", "stale"],
      );
      assert.equal(await store.deadLetters.get(operation(2).id), undefined);
      assert.deepEqual(await queue.settle([]), []);
    });

    rule("two settle one claim at once: one of them counts", async ({ store }) => {
      const queue = queueOf(store);
      await queue.accept([operation(1)]);
      const claimed = await claimOne(queue);
      const results = await Promise.all([queue.settle([settlement(claimed, SUCCEEDED)]), queue.settle([settlement(claimed, dead(1))])]);
      assert.deepEqual(results.flat().sort(), ["applied", "stale"]);
    });
  });
}
