import assert from "node:assert/strict";
import { answer, beginRequest, letter, MINUTE, T0 } from "./samples.ts";
import type { Suite } from "./suite.ts";

/** What the contract says of durability: what a caller was told is kept is there after a crash at that very moment. */
export function crashRules({ section, ruleFor }: Suite): void {
  section("after a crash", () => {
    ruleFor("crash", "a key that was claimed is known", async ({ store, afterCrash }) => {
      await store.idempotency.begin([beginRequest()]);
      const { idempotency } = await afterCrash();
      assert.deepEqual(await idempotency.begin([beginRequest({ token: "token-2" })]), [{ state: "running", leaseUntil: T0 + MINUTE }]);
    });

    ruleFor("crash", "an answer that was kept is kept", async ({ store, afterCrash }) => {
      await store.idempotency.begin([beginRequest()]);
      await store.idempotency.finish([
        { key: "key-1", token: "token-1", now: T0, state: "done", answer: answer(), expiresAt: T0 + MINUTE },
      ]);
      const { idempotency } = await afterCrash();
      assert.deepEqual(await idempotency.begin([beginRequest({ token: "token-2" })]), [{ state: "done", answer: answer() }]);
    });

    ruleFor("crash", "a released key is free", async ({ store, afterCrash }) => {
      await store.idempotency.begin([beginRequest()]);
      await store.idempotency.release([{ key: "key-1", token: "token-1" }]);
      const { idempotency } = await afterCrash();
      assert.deepEqual(await idempotency.begin([beginRequest({ token: "token-2" })]), [{ state: "claimed", earlier: "none" }]);
    });

    ruleFor("crash", "a dead letter that was added is there, whole, and so is its change", async ({ store, afterCrash }) => {
      await store.deadLetters.add([letter(1)]);
      await store.deadLetters.change([{ id: letter(1).id, revision: 1, state: "discarded", now: T0, note: "not ours" }]);
      const expected = await store.deadLetters.get(letter(1).id);
      const { deadLetters } = await afterCrash();
      assert.deepEqual(await deadLetters.get(letter(1).id), expected);
      assert.equal((await deadLetters.get(letter(1).id))?.note, "not ours");
    });

    ruleFor("crash", "what a crash left is sound", async ({ store, afterCrash }) => {
      await store.deadLetters.add([letter(1), letter(2)]);
      assert.deepEqual((await (await afterCrash()).check()).faults, []);
    });
  });
}
