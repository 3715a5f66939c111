import assert from "node:assert/strict";
import type { OperationFilter } from "../../../ports/operation-store.ts";
import { bytes, MINUTE, numberOf, operation, T0, utf8 } from "../samples.ts";
import type { Suite } from "../suite.ts";
import { LANE, NOW, queueOf, claim, claimOne, claimedNumbers, settlement, SUCCEEDED } from "./steps.ts";

/** Accepting: one operation for each id and each key, kept as it was given. */
export function accepting({ section, rule }: Suite): void {
  section("operations: accepting", () => {
    rule("an operation that was accepted is ready, whole, and has no history", async ({ store }) => {
      const queue = queueOf(store);
      const full = operation(1, {
        idempotencyKey: "lead-1",
        labels: { lead: "1", campaign: "q4" },
        flow: "import",
        partition: "account-7",
        priority: 5,
        expiresAt: T0 + 60 * MINUTE,
        callback: "https://example.com/done",
        trace: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
      });
      assert.deepEqual(await queue.accept([full]), [{ state: "accepted", id: full.id }]);
      assert.deepEqual(await queue.get(full.id), { operation: full, state: "ready", claim: 0, attempts: [], since: full.dueAt });
    });

    for (const [what, body] of [
      ["no body", undefined],
      ["an empty body", new Uint8Array(0)],
      ["a body of 1 MiB with every byte value", bytes(1024 * 1024)],
      ["a body that is a view into a larger buffer", bytes(1_000).subarray(100, 300)],
    ] as const) {
      rule(`${what} comes back unchanged, in reading and in a claim`, async ({ store }) => {
        const queue = queueOf(store);
        const request = {
          method: "PUT",
          url: "https://api.example.com/",
          headers: [["x-odd", "größe 🪸"]] as const,
          ...(body && { body }),
        };
        await queue.accept([operation(1, { request })]);
        const found = [(await queue.get(operation(1).id))?.operation, (await claimOne(queue)).operation];
        for (const kept of found) {
          const { body: keptBody, ...head } = kept?.request ?? {};
          assert.deepEqual(head, { method: "PUT", url: "https://api.example.com/", headers: [["x-odd", "größe 🪸"]] });
          assert.equal(keptBody === undefined, body === undefined);
          assert.ok(Buffer.from(keptBody ?? []).equals(body ?? new Uint8Array(0)));
        }
      });
    }

    rule("an id that is known already is known, and nothing changes", async ({ store }) => {
      const queue = queueOf(store);
      const { id } = operation(1);
      assert.deepEqual(await queue.accept([operation(1), operation(1, { priority: 9 })]), [
        { state: "accepted", id },
        { state: "known", id },
      ]);
      const claimed = await claimOne(queue);
      assert.deepEqual(await queue.accept([operation(1)]), [{ state: "known", id }]);
      await queue.settle([settlement(claimed, SUCCEEDED)]);
      assert.deepEqual(await queue.accept([operation(1)]), [{ state: "known", id }]);
      assert.deepEqual(await claim(queue), []);
    });

    rule("one key is one operation: the same payload meets it, another is a mismatch; another API is another key", async ({ store }) => {
      const queue = queueOf(store);
      const keyed = { idempotencyKey: "lead-1", fingerprint: "payload" };
      const { id } = operation(1);
      assert.deepEqual(
        await queue.accept([
          operation(1, keyed),
          operation(2, keyed),
          operation(3, { ...keyed, fingerprint: "other" }),
          operation(4, { ...keyed, api: "billing" }),
          operation(5),
          operation(6),
        ]),
        [
          { state: "accepted", id },
          { state: "known", id },
          { state: "mismatch", id },
          { state: "accepted", id: operation(4).id },
          { state: "accepted", id: operation(5).id },
          { state: "accepted", id: operation(6).id },
        ],
      );
      assert.deepEqual(await claimedNumbers(queue), [1, 5, 6]);
    });

    rule("a key stands for its operation after the end, until that is swept", async ({ store }) => {
      const queue = queueOf(store);
      const keyed = { idempotencyKey: "lead-1", fingerprint: "payload" };
      await queue.accept([operation(1, keyed)]);
      await queue.settle([settlement(await claimOne(queue), SUCCEEDED)]);
      assert.deepEqual(await queue.accept([operation(2, keyed)]), [{ state: "known", id: operation(1).id }]);
      assert.equal(await queue.sweep(NOW + 60 * MINUTE, 10), 1);
      assert.deepEqual(await queue.accept([operation(2, keyed)]), [{ state: "accepted", id: operation(2).id }]);
    });

    rule("fifty at once under one key: one is accepted, the others meet it", async ({ store }) => {
      const queue = queueOf(store);
      const keyed = { idempotencyKey: "lead-1", fingerprint: "payload" };
      const results = (await Promise.all(Array.from({ length: 50 }, (_, index) => queue.accept([operation(index, keyed)])))).flat();
      assert.equal(results.filter(({ state }) => state === "accepted").length, 1);
      assert.equal(new Set(results.map(({ id }) => id)).size, 1);
    });

    rule("what is not due yet is parked until then", async ({ store }) => {
      const queue = queueOf(store);
      const later = operation(1, { dueAt: NOW + MINUTE });
      await queue.accept([later]);
      assert.deepEqual(await queue.get(later.id), {
        operation: later,
        state: "parked",
        claim: 0,
        attempts: [],
        since: later.acceptedAt,
        parkedUntil: NOW + MINUTE,
      });
      assert.deepEqual(await claim(queue, { now: NOW + MINUTE - 1 }), []);
      assert.deepEqual(await claimedNumbers(queue, { now: NOW + MINUTE }), [1]);
    });

    rule("what is kept is a copy: neither writer nor reader can change it", async ({ store }) => {
      const queue = queueOf(store);
      const body = utf8("original");
      await queue.accept([operation(1, { request: { method: "POST", url: "https://api.example.com/", headers: [], body } })]);
      body.fill(0);
      (await queue.get(operation(1).id))?.operation.request.body?.fill(0);
      assert.deepEqual((await claimOne(queue)).operation.request.body, utf8("original"));
    });

    rule("label and flow names that mean something to JavaScript are plain names", async ({ store }) => {
      const queue = queueOf(store);
      const labels = JSON.parse('{"__proto__":"polluted","constructor":"c","größe":"🪸"}') as Record<string, string>;
      const odd = operation(1, { labels, flow: "__proto__", partition: "__proto__", idempotencyKey: "__proto__" });
      await queue.accept([odd, operation(2, { flow: "constructor" })]);
      const found = await queue.get(odd.id);
      assert.deepEqual(new Map(Object.entries(found?.operation.labels ?? {})), new Map(Object.entries(labels)));
      assert.equal(({} as Record<string, unknown>)["polluted"], undefined);
      const filter = JSON.parse('{"labels":{"__proto__":"polluted"}}') as OperationFilter;
      assert.deepEqual(
        (await queue.list(filter, { limit: 9 })).items.map((view) => numberOf(view.operation)),
        [1],
      );
      assert.deepEqual(await claimedNumbers(queue, { allowances: [{ ...LANE, partition: "__proto__", max: 9 }] }), [1]);
    });
  });
}
