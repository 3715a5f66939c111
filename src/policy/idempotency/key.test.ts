import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { idempotencyKey, payloadFingerprint, scopedKey } from "./key.ts";

describe("a derived idempotency key", () => {
  it("is the same for ever for the same operation", () => {
    expect(idempotencyKey("crm", "POST /contacts", ["ada@example.com"])).toBe(
      "3907419953c26483482ed5a4add7e2547810fbfa51a48233c25c98e825a73c52",
    );
    expect(idempotencyKey("crm", "POST /contacts", [{ b: 1, a: 2 }])).toBe(idempotencyKey("crm", "POST /contacts", [{ a: 2, b: 1 }]));
  });

  it("tells APIs, endpoints and parts apart", () => {
    const keys = [
      idempotencyKey("crm", "POST /contacts", ["a", "b"]),
      idempotencyKey("crm", "POST /contacts", ["ab"]),
      idempotencyKey("crm", "POST /contacts", ["b", "a"]),
      idempotencyKey("crm", "POST /contacts", [["a", "b"]]),
      idempotencyKey("crm", "POST /deals", ["a", "b"]),
      idempotencyKey("erp", "POST /contacts", ["a", "b"]),
      idempotencyKey("crm", "POST /contacts", ["a", "b", null]),
      idempotencyKey("crm", "POST /contacts", [1]),
      idempotencyKey("crm", "POST /contacts", ["1"]),
    ];
    expect(new Set(keys).size).toBe(keys.length);
  });

  it.each<[string, unknown, string]>([
    ["no parts", [], "key"],
    ["empty parts", ["", null], "key"],
    ["no list", "ada@example.com", "key"],
    ["a part that is missing", ["welcome", undefined], "key[1]"],
    ["a part that is no number", [Number.NaN], "key[0]"],
    ["a part that hides what it is", [new Map([["a", 1]])], "idempotencyKey"],
  ])("is refused with %s, which operations would share", (_, parts, path) => {
    expect(() => idempotencyKey("crm", "x", parts as readonly unknown[])).toThrow(expect.objectContaining({ code: "config", path }));
  });

  it("takes null and an empty text beside something that tells operations apart", () => {
    expect(idempotencyKey("crm", "x", ["a", null])).not.toBe(idempotencyKey("crm", "x", ["a", ""]));
  });
});

describe("a key as a store keeps it", () => {
  it("is another for another API, endpoint, partition or key, however they are spelt", () => {
    const part = fc.string({ unit: fc.constantFrom("a", " ", '"', ",", "\n", "\\"), maxLength: 4 });
    const parts = fc.tuple(part, part, part, part);
    fc.assert(
      fc.property(parts, parts, (one, other) => {
        expect(scopedKey(...one) === scopedKey(...other)).toBe(one.every((text, index) => text === other[index]));
      }),
      { numRuns: 1_000 },
    );
  });
});

describe("the fingerprint of a payload", () => {
  it("differs exactly when method, endpoint or payload do", () => {
    const base = payloadFingerprint("POST", "POST /contacts", { a: 1, b: 2 });
    expect(payloadFingerprint("POST", "POST /contacts", { b: 2, a: 1 })).toBe(base);
    expect(payloadFingerprint("PUT", "POST /contacts", { a: 1, b: 2 })).not.toBe(base);
    expect(payloadFingerprint("POST", "POST /deals", { a: 1, b: 2 })).not.toBe(base);
    expect(payloadFingerprint("POST", "POST /contacts", { a: 1, b: "2" })).not.toBe(base);
  });

  it("does not count what is ignored", () => {
    const ignore = new Set(["sentAt"]);
    expect(payloadFingerprint("POST", "e", { a: 1, sentAt: 1 }, ignore)).toBe(payloadFingerprint("POST", "e", { a: 1, sentAt: 2 }, ignore));
  });
});
