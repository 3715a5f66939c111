import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { resolveApi } from "../api/resolve-api.ts";
import { payloadOf, readRequest, storedRequest } from "./http-request.ts";

const api = resolveApi("api", { baseUrl: "https://api.test/v1" });

/** The payload of a request, and of the same request out of a dead letter. */
async function bothWays(init: RequestInit): Promise<readonly [unknown, unknown]> {
  const request = await readRequest(api, "/x", { method: "POST", ...init });
  const stored = await storedRequest(request, request.headers, api.keepHeaders);
  const headers = (stored?.headers ?? []).map(([name, value]): [string, string] => [name, value]);
  const again = await readRequest(api, stored?.url ?? "", { method: "POST", headers, body: (stored?.body ?? null) as BodyInit });
  return [await payloadOf(request), await payloadOf(again)];
}

const json = fc.jsonValue().map((value): RequestInit => ({ headers: { "content-type": "application/json" }, body: JSON.stringify(value) }));
const text = fc.string().map((body): RequestInit => ({ body }));
const plain = fc.string().map((body): RequestInit => ({ body, headers: { "content-type": "text/csv" } }));
const bytes = fc.uint8Array().map((body): RequestInit => ({ body: new Uint8Array(body) }));
const pairs = fc.array(fc.tuple(fc.string(), fc.string()));
const parameters = pairs.map((list): RequestInit => ({ body: new URLSearchParams(list) }));
const blob = fc
  .tuple(fc.uint8Array(), fc.constantFrom("", "text/plain", "application/json"))
  .map(([content, type]): RequestInit => ({ body: new Blob([new Uint8Array(content)], { type }) }));
const form = fc
  .array(fc.tuple(fc.stringMatching(/^[a-z]{1,8}$/), fc.oneof(fc.string({ unit: "binary-ascii" }), fc.uint8Array())))
  .map((fields): RequestInit => {
    const body = new FormData();
    for (const [name, value] of fields) {
      if (typeof value === "string") body.append(name, value);
      else body.append(name, new File([new Uint8Array(value)], `${name}.bin`));
    }
    return { body };
  });

describe("the payload of a request", () => {
  test.each([
    ["JSON", json],
    ["a text", text],
    ["a text of some type", plain],
    ["bytes", bytes],
    ["parameters", parameters],
    ["a Blob", blob],
    ["a form", form],
  ])("is the same out of a dead letter: %s", async (_, init) => {
    await fc.assert(
      fc.asyncProperty(init, async (one) => {
        const [before, after] = await bothWays(one);
        expect(after).toEqual(before);
      }),
      { numRuns: 60 },
    );
  });

  test("is its query too", async () => {
    const payload = async (path: string): Promise<unknown> => await payloadOf(await readRequest(api, path, { method: "POST" }));
    expect(await payload("/x?a=1")).not.toEqual(await payload("/x?a=2"));
  });
});

describe("the path that an endpoint is named by", () => {
  test.each([
    ["/x/y?z=1", "/x/y"],
    ["x/y", "/x/y"],
    ["https://api.test/v1/x", "/x"],
    ["https://api.test/v2/x", "/v2/x"],
    ["?a=1", "/v1"],
  ])("of %s is %s", async (input, path) => {
    expect((await readRequest(api, input)).path).toBe(path);
  });
});
