import assert from "node:assert/strict";
import type { ClaimedOperation, OperationFilter, OperationStore } from "../../../ports/operation-store.ts";
import { attempt, collect, letter, MINUTE, numberOf, operation, pageOf } from "../samples.ts";
import type { Suite } from "../suite.ts";
import { LANE, NOW, STOPPED, queueOf, claim, claimOne, settlement, SUCCEEDED, PARKED, dead } from "./steps.ts";

/** Reading: one, many, and how many. */
export function reading({ section, rule }: Suite): void {
  section("operations: reading", () => {
    rule("an id that is not known has no operation", async ({ store }) => {
      assert.equal(await queueOf(store).get(operation(1).id), undefined);
    });

    rule("what has not ended says whom it concerns, the last accepted first", async ({ store }) => {
      const queue = queueOf(store);
      await queue.accept([
        operation(1, { labels: { lead: "1" } }),
        operation(2, { labels: { lead: "2" }, api: "billing", dueAt: NOW + 60 * MINUTE }),
        operation(3, { labels: { lead: "3" } }),
        operation(4),
      ]);
      const claimed = (await claim(queue)).find((one) => numberOf(one.operation) === 1) as ClaimedOperation;
      const third = (await queue.get(operation(3).id))?.claim ?? 0;
      await queue.settle([settlement(claimed, PARKED), { id: operation(3).id, claim: third, now: NOW, outcome: { state: "ready" } }]);
      const told = (await queue.waiting(5)).map(({ labels, api, state }) => [labels["lead"], api, state]);
      const { labels } = operation(4);
      assert.deepEqual(told, [
        [labels["lead"], "crm", "leased"],
        ["3", "crm", "ready"],
        ["2", "billing", "parked"],
        ["1", "crm", "parked"],
      ]);
      const [, , second, first] = await queue.waiting(5);
      assert.equal(second?.acceptedAt, operation(2).acceptedAt);
      assert.ok(first?.because);
      assert.deepEqual(
        (await queue.waiting(1)).map(({ state }) => state),
        ["leased", "ready", "parked"],
      );
    });

    rule("a filter lets through what fits all of it, the last accepted first, page by page as in one", async ({ store }) => {
      const queue = queueOf(store);
      await queue.accept([
        operation(1, { labels: { lead: "1", campaign: "q4" } }),
        operation(2, { labels: { lead: "2", campaign: "q4" }, api: "billing" }),
        operation(3, { labels: { lead: "3" }, endpoint: "PATCH /contacts/{id}" }),
        operation(4, { partition: "account-7", flow: "import" }),
        operation(5, { dueAt: NOW + 60 * MINUTE }),
        operation(6, { idempotencyKey: "lead-6" }),
        operation(7, { flow: "import", labels: { campaign: "q4" } }),
      ]);
      const [one, six, seven] = (await claim(queue)) as [ClaimedOperation, ClaimedOperation, ClaimedOperation];
      assert.deepEqual(
        [one, six, seven].map((claimed) => numberOf(claimed.operation)),
        [1, 7, 6],
      );
      await queue.settle([settlement(one, SUCCEEDED), settlement(seven, dead(6))]);
      await queue.cancel([operation(3).id], STOPPED, NOW);
      const cases: readonly (readonly [OperationFilter, readonly number[]])[] = [
        [{}, [7, 6, 5, 4, 3, 2, 1]],
        [{ api: "crm" }, [7, 6, 5, 4, 3, 1]],
        [{ api: "none" }, []],
        [{ endpoint: "POST /contacts" }, [7, 6, 5, 4, 2, 1]],
        [{ partition: "account-7" }, [4]],
        [{ partition: "" }, [7, 6, 5, 3, 2, 1]],
        [{ flow: "import" }, [7, 4]],
        [{ idempotencyKey: "lead-6" }, [6]],
        [{ labels: { campaign: "q4" } }, [7, 2, 1]],
        [{ labels: { campaign: "q4", lead: "1" } }, [1]],
        [{ state: "ready" }, [4, 2]],
        [{ state: "leased" }, [7]],
        [{ state: "parked" }, [5]],
        [{ state: "succeeded" }, [1]],
        [{ state: "dead" }, [6]],
        [{ state: "cancelled" }, [3]],
        [{ state: "ready", api: "billing", labels: { campaign: "q4" } }, [2]],
        [{ state: "succeeded", api: "billing" }, []],
      ];
      for (const [filter, expected] of cases) {
        assert.deepEqual(await numbers(queue, filter), expected, JSON.stringify(filter));
        assert.deepEqual(await numbers(queue, filter, 1), expected, `page by page: ${JSON.stringify(filter)}`);
      }
    });

    rule("operations that come and end while somebody turns pages shift nothing", async ({ store }) => {
      const queue = queueOf(store);
      await queue.accept([1, 2, 3, 4, 5].map((number) => operation(number)));
      const first = await queue.list({}, { limit: 2 });
      await queue.accept([operation(6)]);
      await queue.settle([settlement(await claimOne(queue), SUCCEEDED)]);
      const rest = await collect((after) => queue.list({}, pageOf(2, after ?? first.next)));
      assert.deepEqual(
        [...first.items, ...rest].map((view) => numberOf(view.operation)),
        [5, 4, 3, 2, 1],
      );
    });

    rule("a listing shows what reading one shows", async ({ store }) => {
      const queue = queueOf(store);
      await queue.accept([1, 2, 3].map((number) => operation(number, { labels: { lead: String(number) } })));
      await queue.settle([settlement(await claimOne(queue), PARKED, { attempt: attempt(1) })]);
      await claimOne(queue);
      const { items } = await queue.list({}, { limit: 9 });
      assert.deepEqual(items, await Promise.all([3, 2, 1].map((number) => queue.get(operation(number).id))));
    });

    rule("counts by state add up", async ({ store }) => {
      const queue = queueOf(store);
      const none = { ready: 0, leased: 0, parked: 0, succeeded: 0, dead: 0, cancelled: 0 };
      assert.deepEqual(await queue.stats(), none);
      await queue.accept([1, 2, 3, 4, 5].map((number) => operation(number, { api: `api-${number % 2}` })));
      await queue.accept([operation(6, { dueAt: NOW + MINUTE }), operation(7)]);
      const [one, three, five] = (await claim(queue, { allowances: [{ ...LANE, api: "api-1", max: 9 }] })) as ClaimedOperation[];
      await queue.settle([settlement(one as ClaimedOperation, SUCCEEDED), settlement(three as ClaimedOperation, dead(3))]);
      assert.equal(five?.claim, 1);
      await queue.cancel([operation(7).id], STOPPED, NOW);
      assert.deepEqual(await queue.stats(), { ready: 2, leased: 1, parked: 1, succeeded: 1, dead: 1, cancelled: 1 });
    });

    rule("a cursor of another listing is refused", async ({ store }) => {
      const queue = queueOf(store);
      await queue.accept([operation(1), operation(2)]);
      await store.deadLetters.add([letter(1), letter(2)]);
      const { next } = await store.deadLetters.list({}, { limit: 1 });
      await assert.rejects(queue.list({}, pageOf(1, next)), { code: "store" });
    });
  });
}

async function numbers(queue: OperationStore, filter: OperationFilter, limit: number = 100): Promise<number[]> {
  return (await collect((after) => queue.list(filter, pageOf(limit, after)))).map((view) => numberOf(view.operation));
}
