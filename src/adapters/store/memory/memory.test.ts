import { describe, expect, it } from "vitest";
import { answer, beginRequest, letter, MINUTE, T0 } from "../../../testing/store-conformance/samples.ts";
import { idempotency } from "./idempotency.ts";
import { memory } from "./index.ts";

describe("the memory store stays in bounds", () => {
  it("drops expired answers by itself, however many keys come", () => {
    const keys = idempotency();
    let most = 0;
    for (let index = 0; index < 20_000; index += 1) {
      const now = T0 + index;
      const holder = { key: `key-${index}`, token: "t" };
      keys.begin([beginRequest({ ...holder, now, leaseUntil: now + 1 })]);
      keys.finish([{ ...holder, now, state: "done", answer: answer(), expiresAt: now + 500 }]);
      if (index % 1_000 === 999) most = Math.max(most, keys.sweep(now, Infinity));
    }
    expect(most).toBeLessThan(2_500);
  });

  it("refuses dead letters over its limit and says what to do; those it has stay", async () => {
    const store = await memory({ maxDeadLetters: 2 })();
    await store.deadLetters.add([letter(1), letter(2)]);
    await expect(store.deadLetters.add([letter(2), letter(3)])).rejects.toThrow(/takes at most 2 \(option maxDeadLetters\).*sqlite\(\)/);
    await store.deadLetters.add([letter(1)]);
    await store.deadLetters.change([{ id: letter(1).id, revision: 1, state: "resolved", now: T0 }]);
    await store.deadLetters.sweep(T0 + MINUTE, 10);
    await store.deadLetters.add([letter(3)]);
    expect((await store.deadLetters.list({}, { limit: 9 })).items).toHaveLength(2);
  });

  it("refuses options that it does not have", () => {
    expect(() => memory({ max: 1 } as never)).toThrow(/memory\(\) has no option "max"/);
    expect(() => memory({ maxDeadLetters: 0 })).toThrow(/memory.maxDeadLetters/);
  });
});
