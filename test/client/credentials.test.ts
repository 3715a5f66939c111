import { afterEach, describe, expect, test, vi } from "vitest";
import { memory } from "../../src/adapters/store/memory/index.ts";
import { createHoldfast, explain } from "../../src/index.ts";
import { flakyApi } from "../../src/testing/index.ts";
import { json, serve } from "./server.ts";

const SECRET = "s3cret-key/with&signs";

afterEach(() => {
  vi.unstubAllEnvs();
});

describe("a token of a token endpoint", () => {
  test("that runs out under fifty calls is got once more, by the fetch door too", async () => {
    await using api = await flakyApi({ auth: { uses: 60 }, endpoints: { "POST /contacts": {} } });
    await using hf = await createHoldfast({
      apis: {
        crm: {
          baseUrl: api.url,
          auth: { type: "oauth2", grant: "client-credentials", tokenUrl: `${api.url}/oauth/token`, clientId: "id", clientSecret: SECRET },
        },
      },
    });
    const crm = hf.fetch("crm");
    let made = 0;
    const send = async (): Promise<readonly number[]> =>
      await Promise.all(
        Array.from(
          { length: 50 },
          async () => (await crm("/contacts", { method: "POST", body: JSON.stringify({ id: (made += 1) }) })).status,
        ),
      );
    const statuses = [...(await send()), ...(await send())];
    expect(new Set(statuses)).toEqual(new Set([201]));
    expect(api.ledger.summary()).toMatchObject({ effects: 100, doubled: 0, tokens: { issued: 2 } });
  });
});

describe("a credential in the query", () => {
  test("reaches the other side, and stands nowhere else", async () => {
    const urls: string[] = [];
    await using server = await serve((seen, response) => {
      urls.push(seen.url);
      // As some do: the whole URL in the refusal, and in a redirect.
      response.setHeader("location", `https://elsewhere.test${seen.url}`);
      json(response, 422, { youAsked: seen.url });
    });
    const told: unknown[] = [];
    await using hf = await createHoldfast({
      store: memory(),
      apis: { crm: { baseUrl: server.url, auth: { type: "query", name: "api_key", value: SECRET } } },
    });
    for (const event of ["attempt:started", "attempt:settled", "call:settled", "dead-letter:added"] as const)
      hf.on(event, (all) => told.push(all));
    const response = await hf.fetch("crm")("/contacts?page=2", { method: "POST", body: "{}" });
    expect(response.status).toBe(422);
    expect(urls).toEqual([`/contacts?page=2&api_key=${encodeURIComponent(SECRET)}`]);
    const { items } = await hf.deadLetters.list();
    expect(items[0]?.request?.url).toBe(`${server.url}/contacts?page=2`);
    expect(items[0]?.attempts[0]?.bodyExcerpt).toContain("[redacted]");
    const everything = JSON.stringify([items, told, explain(response)]);
    expect(everything).not.toContain(SECRET);
    expect(everything).not.toContain(encodeURIComponent(SECRET));
  });
});

describe("a credential that was rotated", () => {
  test("while a call was under way is sent in its next attempt, and by a replay long after", async () => {
    const seen: (string | undefined)[] = [];
    let status = 401;
    await using server = await serve(({ headers }, response) => {
      seen.push(headers.authorization);
      if (headers.authorization === "Bearer first-token") vi.stubEnv("CRM_TOKEN", "second-token");
      json(response, status, {});
      status = 422;
    });
    vi.stubEnv("CRM_TOKEN", "first-token");
    await using hf = await createHoldfast({
      apis: { crm: { baseUrl: server.url, auth: { type: "bearer", token: { env: "CRM_TOKEN" } } } },
    });
    await hf.fetch("crm")("/contacts", { method: "POST", body: "{}" });
    expect(seen).toEqual(["Bearer first-token", "Bearer second-token"]);

    vi.stubEnv("CRM_TOKEN", "third-token");
    status = 201;
    expect(await hf.deadLetters.replay({ filter: {} })).toMatchObject({ resolved: 1 });
    expect(seen.at(-1)).toBe("Bearer third-token");
  });

  test("is not tried again where it is still the same", async () => {
    let asked = 0;
    await using server = await serve((_, response) => {
      asked += 1;
      json(response, 401, {});
    });
    vi.stubEnv("CRM_TOKEN", "the-only-one");
    await using hf = await createHoldfast({
      apis: { crm: { baseUrl: server.url, auth: { type: "bearer", token: { env: "CRM_TOKEN" } } } },
    });
    expect((await hf.fetch("crm")("/contacts")).status).toBe(401);
    expect(asked).toBe(1);
  });
});
