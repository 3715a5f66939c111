import assert from "node:assert/strict";
import { answer, beginRequest, letter, MINUTE, T0 } from "./samples.ts";
import type { Suite } from "./suite.ts";

/** What the contract says of opening, checking and closing. */
export function lifecycleRules({ section, rule, ruleFor }: Suite): void {
  section("opening, checking, closing", () => {
    rule("a store has a name and is sound, empty or not", async ({ store }) => {
      assert.ok(store.name.length > 0);
      const empty = await store.check();
      assert.deepEqual([empty.ok, empty.faults], [true, []]);
      await store.idempotency.begin([beginRequest()]);
      await store.deadLetters.add([letter(1)]);
      assert.deepEqual((await store.check()).faults, []);
    });

    rule("closing lets what was called before finish", async ({ store }) => {
      const begun = store.idempotency.begin([beginRequest()]);
      await store.close();
      assert.deepEqual(await begun, [{ state: "claimed", earlier: "none" }]);
    });

    rule("a closed store may be closed again, and refuses everything else", async ({ store }) => {
      await store.close();
      await store.close();
      const refused = { code: "store" };
      await assert.rejects(store.idempotency.begin([beginRequest()]), refused);
      await assert.rejects(store.idempotency.sweep(T0, 1), refused);
      await assert.rejects(store.deadLetters.add([letter(1)]), refused);
      await assert.rejects(store.deadLetters.list({}, { limit: 1 }), refused);
      await assert.rejects(store.check(), refused);
    });

    ruleFor("persistent", "what was kept is there after closing and opening again", async ({ store, another }) => {
      await store.idempotency.begin([beginRequest(), beginRequest({ key: "running" }), beginRequest({ key: "unknown" })]);
      await store.idempotency.finish([
        { key: "key-1", token: "token-1", now: T0, state: "done", answer: answer(), expiresAt: T0 + 60 * MINUTE },
        { key: "unknown", token: "token-1", now: T0, state: "unknown" },
      ]);
      await store.deadLetters.add([letter(1), letter(2)]);
      await store.deadLetters.change([{ id: letter(1).id, revision: 1, state: "discarded", now: T0, note: "not ours" }]);
      await store.deadLetters.setGroupState(letter(1).fingerprint, "acknowledged", T0);
      const before = await store.deadLetters.list({}, { limit: 10 });
      await store.close();

      const { idempotency, deadLetters } = await another();
      const request = { token: "token-2" };
      assert.deepEqual(
        await idempotency.begin([
          beginRequest(request),
          beginRequest({ ...request, key: "running" }),
          beginRequest({ ...request, key: "unknown" }),
        ]),
        [
          { state: "done", answer: answer() },
          { state: "running", leaseUntil: T0 + MINUTE },
          { state: "claimed", earlier: "unknown" },
        ],
      );
      assert.deepEqual(await deadLetters.list({}, { limit: 10 }), before);
      assert.deepEqual(
        (await deadLetters.groups({}, { limit: 10 })).items.map(({ state, open, total }) => [state, open, total]),
        [["acknowledged", 1, 2]],
      );
    });

    ruleFor("shared", "closing one handle leaves the other at work", async ({ store, another }) => {
      const second = await another();
      await store.close();
      assert.deepEqual(await second.idempotency.begin([beginRequest()]), [{ state: "claimed", earlier: "none" }]);
    });
  });
}
