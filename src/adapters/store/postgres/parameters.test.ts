import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { hashOf } from "./hash.ts";
import { bytesArray, packText, plainArray, textArray, unpackText } from "./parameters.ts";

/** Any sequence of UTF-16 units, halves of pairs and the mark among them. */
const anyText = fc
  .array(fc.oneof(fc.integer({ min: 0, max: 0xffff }), fc.constantFrom(0, 0xfdd0, 0xd800, 0xdc00, 0x30)))
  .map((units) => String.fromCharCode(...units));

describe("texts", () => {
  it("come back as they were, and are packed into what PostgreSQL can hold", () => {
    fc.assert(
      fc.property(anyText, (text) => {
        const packed = packText(text);
        expect(packed.isWellFormed()).toBe(true);
        expect(packed).not.toContain("\0");
        expect(unpackText(packed)).toBe(text);
      }),
    );
  });

  it("stay what they are where PostgreSQL can hold them", () => {
    expect(packText("größe 🪸 日本語 \n")).toBe("größe 🪸 日本語 \n");
  });
});

describe("array literals", () => {
  it("quote what would mean something, and tell NULL from its name", () => {
    expect(textArray(['a"b', "c\\d", "{,}", "", "NULL", null, undefined])).toBe('{"a\\"b","c\\\\d","{,}","","NULL",NULL,NULL}');
    expect(plainArray([1, 0.5, null, true, Infinity, undefined])).toBe("{1,0.5,NULL,true,Infinity,NULL}");
    expect(bytesArray([new Uint8Array([0, 255]), new Uint8Array(0), null])).toBe('{"\\\\x00ff","\\\\x",NULL}');
  });

  it("write only the bytes that a view shows", () => {
    expect(bytesArray([new Uint8Array([1, 2, 3, 4]).subarray(1, 3)])).toBe('{"\\\\x0203"}');
  });
});

describe("hashes", () => {
  it("keep apart what would read alike when joined", () => {
    expect(hashOf("a", "bc")).not.toBe(hashOf("ab", "c"));
    expect(hashOf("")).not.toBe(hashOf());
    expect(hashOf("\ud800")).not.toBe(hashOf("\ud801"));
    expect(hashOf("a")).toMatch(/^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
  });
});
