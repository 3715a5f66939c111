import { createHash } from "node:crypto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { plainSha256Hex, sha256Hex as platformSha256Hex } from "./sha256.ts";

const real = (input: string | Uint8Array): string => createHash("sha256").update(input).digest("hex");

describe.each([
  ["SHA-256 of the platform", platformSha256Hex],
  ["SHA-256 in plain JavaScript", plainSha256Hex],
])("%s", (_name, sha256Hex) => {
  it("is that of FIPS 180-4", () => {
    expect(sha256Hex("")).toBe("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    expect(sha256Hex("abc")).toBe("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  });

  it("is that of node:crypto around every border of its blocks", () => {
    for (let length = 0; length <= 200; length += 1) {
      const bytes = Uint8Array.from({ length }, (_, index) => (index * 131 + length) & 0xff);
      expect(sha256Hex(bytes)).toBe(real(bytes));
    }
  });

  it("is that of node:crypto for any bytes and any text", () => {
    const input = fc.oneof(fc.uint8Array({ maxLength: 400 }), fc.string({ unit: "grapheme" }));
    fc.assert(
      fc.property(input, (bytes) => {
        expect(sha256Hex(bytes)).toBe(real(bytes));
      }),
    );
  });

  it("takes lone surrogates as Buffer does", () => {
    expect(sha256Hex("a\ud800b")).toBe(real("a\ud800b"));
  });

  it("is that of node:crypto for megabytes", () => {
    for (const length of [1_048_575, 1_048_576, 1_048_631, 3_000_000]) {
      const bytes = new Uint8Array(length).fill(0xa5);
      expect(sha256Hex(bytes)).toBe(real(bytes));
    }
  });

  it("looks at a view's own bytes only, and leaves them as they are", () => {
    const buffer = Uint8Array.from({ length: 100 }, (_, index) => index);
    const view = buffer.subarray(10, 30);
    expect(sha256Hex(view)).toBe(real(view.slice()));
    expect([...view]).toEqual(Array.from({ length: 20 }, (_, index) => index + 10));
  });
});
