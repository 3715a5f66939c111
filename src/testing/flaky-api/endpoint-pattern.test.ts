import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { matchPattern, parsePattern, patternsMeet, splitPath } from "./endpoint-pattern.ts";
import type { EndpointPattern } from "./endpoint-pattern.ts";

function parse(text: string): EndpointPattern {
  return parsePattern(text, "endpoint", "optional");
}

function params(pattern: string, method: string, path: string): unknown {
  const found = matchPattern(parse(pattern), method, splitPath(path));
  return found === undefined ? undefined : { ...found };
}

describe("a pattern", () => {
  it("takes its parameters out of the path, decoded", () => {
    expect(params("GET /a/{id}/b/{other}", "GET", "/a/1%2F2/b/%C3%A4")).toEqual({ id: "1/2", other: "ä" });
    expect(params("GET /a/{id}", "GET", "/a/%E0%A4")).toEqual({ id: "%E0%A4" });
  });

  it("fits the whole path, unless it is open at the end", () => {
    expect(params("/a", "GET", "/a/b")).toBeUndefined();
    expect(params("/a/*", "GET", "/a/b/c")).toEqual({});
    expect(params("/a/*", "GET", "/a")).toEqual({});
    expect(params("/a/*", "GET", "/b/a")).toBeUndefined();
    expect(params("/", "GET", "/")).toEqual({});
  });

  it("fits its method, or any", () => {
    expect(params("POST /a", "GET", "/a")).toBeUndefined();
    expect(params("* /a", "GET", "/a")).toEqual({});
  });
});

describe("two patterns", () => {
  const name = fc.constantFrom("a", "b");
  const segment = fc.oneof(name, fc.constant("{id}"));
  const pattern = fc
    .tuple(fc.constantFrom("GET ", "POST ", "* ", ""), fc.array(segment, { maxLength: 3 }), fc.boolean())
    .map(([method, segments, open]) => `${method}/${[...segments, ...(open ? ["*"] : [])].join("/")}`);
  /** All requests that are needed to tell such patterns apart. */
  const paths = ["/"];
  for (const path of paths)
    if (splitPath(path).length < 4) paths.push(...["a", "b", "c"].map((piece) => (path === "/" ? `/${piece}` : `${path}/${piece}`)));
  const requests = ["GET", "POST", "PUT"].flatMap((method) => paths.map((path) => ({ method, pieces: splitPath(path) })));

  it("meet just if there is a request that fits both", () => {
    fc.assert(
      fc.property(pattern, pattern, (one, other) => {
        const [first, second] = [parse(one), parse(other)];
        const shared = requests.some(({ method, pieces }) =>
          [first, second].every((each) => matchPattern(each, method, pieces) !== undefined),
        );
        expect(patternsMeet(first, second)).toBe(shared);
      }),
      { numRuns: 300 },
    );
  });
});
