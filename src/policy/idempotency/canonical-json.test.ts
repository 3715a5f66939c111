import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { canonicalJson } from "./canonical-json.ts";

/** The same value with the keys of every object in another order. */
function shuffled(value: unknown, chance: () => number): unknown {
  if (Array.isArray(value)) return value.map((item) => shuffled(item, chance));
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).map(([key, inner]) => ({ key, inner, place: chance() }));
  entries.sort((one, other) => one.place - other.place);
  return Object.fromEntries(entries.map(({ key, inner }) => [key, shuffled(inner, chance)]));
}

describe("canonical JSON", () => {
  it("sorts keys by code unit, at every depth, and writes no white space", () => {
    expect(canonicalJson({ b: 1, a: [{ d: null, c: "x" }], A: true })).toBe('{"A":true,"a":[{"c":"x","d":null}],"b":1}');
    expect(canonicalJson({ "\u{20ac}": 1, "\r": 2, "\u{1f600}": 3, "1": 4, "\ufb33": 5 })).toBe(
      '{"\\r":2,"1":4,"\u{20ac}":1,"\u{1f600}":3,"\ufb33":5}',
    );
  });

  it("leaves out what JSON leaves out", () => {
    const value = { a: undefined, b: () => 1, c: Symbol("s"), d: [undefined, () => 1], e: Number.NaN, f: -0, g: new Date(0) };
    expect(canonicalJson(value)).toBe('{"d":[null,null],"e":null,"f":0,"g":"1970-01-01T00:00:00.000Z"}');
    expect(canonicalJson(undefined)).toBe("null");
    expect(canonicalJson(12n)).toBe("12");
  });

  it("does not count the fields that are ignored, through lists too, and only those", () => {
    const ignore = new Set(["meta.at", "items.at"]);
    const value = (at: number): unknown => ({ at: 1, meta: { at, id: 2 }, items: [{ at, id: 3 }] });
    expect(canonicalJson(value(1), ignore)).toBe(canonicalJson(value(2), ignore));
    expect(canonicalJson(value(1), ignore)).toBe('{"at":1,"items":[{"id":3}],"meta":{"id":2}}');
    expect(canonicalJson(value(1))).not.toBe(canonicalJson(value(2)));
  });

  it("is one text for one value, whatever the order of its keys", () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 4 }), fc.infiniteStream(fc.double({ noNaN: true })), (value, chances) => {
        const text = canonicalJson(value);
        expect(canonicalJson(shuffled(value, () => chances.next().value ?? 0))).toBe(text);
        expect(JSON.parse(text)).toEqual(JSON.parse(JSON.stringify(value)));
      }),
    );
  });

  it("is another text for another value", () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 3 }), fc.jsonValue({ maxDepth: 3 }), (one, other) => {
        const same = JSON.stringify(JSON.parse(canonicalJson(one))) === JSON.stringify(JSON.parse(canonicalJson(other)));
        expect(canonicalJson(one) === canonicalJson(other)).toBe(same);
      }),
    );
  });

  it.each([
    ["a Map", new Map([["a", 1]])],
    ["a Set", new Set([1])],
    ["URLSearchParams", new URLSearchParams("a=1")],
    ["a FormData", new FormData()],
    ["a Blob", new Blob(["x"])],
    ["an ArrayBuffer", new ArrayBuffer(4)],
    ["a promise", Promise.resolve(1)],
    ["an error", new Error("x")],
    ["a regular expression", /x/],
  ])("refuses %s, which would look like any other", (_, value) => {
    expect(() => canonicalJson({ lead: value })).toThrow(expect.objectContaining({ code: "config", path: "idempotencyKey" }));
    expect(() => canonicalJson(value)).toThrow(/without fields of its own/);
  });

  it("takes plain objects without fields, bytes, and objects of classes that show theirs", () => {
    class Lead {
      readonly email = "ada@example.com";
    }
    expect(canonicalJson([{}, Object.create(null), new Uint8Array([1, 2]), new Uint8Array(), new Lead()])).toBe(
      '[{},{},{"0":1,"1":2},{},{"email":"ada@example.com"}]',
    );
  });

  it("refuses what is nested without end, a cycle too, and takes what is merely deep", () => {
    const cycle: Record<string, unknown> = {};
    cycle["a"] = cycle;
    cycle["b"] = cycle;
    expect(() => canonicalJson(cycle)).toThrow(expect.objectContaining({ code: "config" }));
    expect(() => canonicalJson(JSON.parse("[".repeat(100_000) + "]".repeat(100_000)))).toThrow(/nested deeper than 200 levels/);
    expect(canonicalJson(JSON.parse("[".repeat(200) + "]".repeat(200)))).toHaveLength(400);
  });

  it("is not led astray by __proto__", () => {
    expect(canonicalJson(JSON.parse('{"__proto__":{"a":1},"b":2}'))).toBe('{"__proto__":{"a":1},"b":2}');
    expect(({} as { a?: unknown }).a).toBeUndefined();
  });
});
