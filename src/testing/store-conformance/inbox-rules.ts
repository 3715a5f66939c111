import assert from "node:assert/strict";
import type { InboxEvent, InboxStore } from "../../ports/inbox-store.ts";
import type { Store } from "../../ports/store.ts";
import { MINUTE, operation, T0 } from "./samples.ts";
import type { Suite } from "./suite.ts";

function inboxOf({ inbox }: Store): InboxStore {
  assert.ok(inbox, "the store has an inbox");
  return inbox;
}

function event(fields: Partial<InboxEvent> = {}): InboxEvent {
  return { source: "stripe", id: "evt_1", fingerprint: "body-1", now: T0, keepUntil: T0 + MINUTE, operations: [], ...fields };
}

/** What the contract says of taking webhooks once. */
export function inboxRules({ section, ruleFor }: Suite): void {
  const rule = ruleFor.bind(undefined, "inbox");
  section("inbox", () => {
    rule("an event is taken once, with what is to be done about it", async ({ store }) => {
      const inbox = inboxOf(store);
      const { id } = operation(1);
      assert.deepEqual(await inbox.take([event({ operations: [operation(1)] })]), [
        { state: "taken", operations: [{ state: "accepted", id }] },
      ]);
      assert.equal((await store.operations?.get(id))?.state, "ready");
      const again = event({ now: T0 + 1, operations: [operation(2)] });
      assert.deepEqual(await inbox.take([again]), [{ state: "duplicate", takenAt: T0 }]);
      assert.equal(await store.operations?.get(operation(2).id), undefined);
    });

    rule("the same id with another body is a conflict, and does nothing", async ({ store }) => {
      const inbox = inboxOf(store);
      const results = await inbox.take([event(), event({ fingerprint: "body-2", operations: [operation(1)] })]);
      assert.deepEqual(results, [
        { state: "taken", operations: [] },
        { state: "conflict", takenAt: T0 },
      ]);
      assert.equal(await store.operations?.get(operation(1).id), undefined);
    });

    rule("each source has its own ids, and any text is one", async ({ store }) => {
      const inbox = inboxOf(store);
      const events = ["evt_1", "__proto__", "größe 🪸", ""].flatMap((id) => [event({ id }), event({ id, source: "github" })]);
      assert.deepEqual(
        (await inbox.take(events)).map(({ state }) => state),
        events.map(() => "taken"),
      );
      assert.deepEqual(
        (await inbox.take(events)).map(({ state }) => state),
        events.map(() => "duplicate"),
      );
    });

    rule("fifty deliveries at once: one is taken", async ({ store }) => {
      const inbox = inboxOf(store);
      const results = (await Promise.all(Array.from({ length: 50 }, () => inbox.take([event()])))).flat();
      assert.equal(results.filter(({ state }) => state === "taken").length, 1);
    });

    rule("an id whose time is over is a new one, swept or not", async ({ store }) => {
      const inbox = inboxOf(store);
      await inbox.take([event(), event({ id: "evt_2" }), event({ id: "evt_3", keepUntil: T0 + 2 * MINUTE })]);
      assert.equal((await inbox.take([event({ now: T0 + MINUTE - 1 })]))[0]?.state, "duplicate");
      assert.equal((await inbox.take([event({ now: T0 + MINUTE, keepUntil: T0 + 3 * MINUTE })]))[0]?.state, "taken");
      assert.equal(await inbox.sweep(T0 + MINUTE, 9), 1);
      assert.equal(await inbox.sweep(T0 + 3 * MINUTE, 1), 1);
      assert.equal(await inbox.sweep(T0 + 3 * MINUTE, 9), 1);
    });

    rule("listeners hear of the work that an event brought", async ({ store }) => {
      let heard = 0;
      store.operations?.onWork(() => (heard += 1));
      await inboxOf(store).take([event({ operations: [operation(1)] })]);
      await inboxOf(store).take([event({ operations: [operation(2)] })]);
      assert.equal(heard, 1);
    });
  });
}
