import { afterEach, describe, expect, it } from "vitest";
import type { ApiOptions } from "../../src/api/api-options.ts";
import type { Holdfast } from "../../src/client/holdfast.ts";
import { isHoldfastError } from "../../src/core/errors.ts";
import { flakyApi, manualClock, type FlakyApi } from "../../src/testing/index.ts";
import { engineFor } from "./engines.ts";
import { json, serve } from "./server.ts";

let closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closing.reverse()) await close();
  closing = [];
});

describe("an answer that tells what is left", () => {
  /** Seven calls, by a program that believes in a bucket twenty times as large as the real one. */
  async function refusals(announce: boolean): Promise<number> {
    const api: FlakyApi = await flakyApi({
      endpoints: { "GET /contacts": { answer: { json: {} } } },
      limits: [{ name: "real", limit: 5, per: "1s", burst: 5, announce }],
    });
    closing.push(() => api.close());
    const hf = await engineFor(api.url, { rateLimit: { limit: 100, per: "1s", burst: 100 }, retry: { maxAttempts: 5 }, maxWait: "5s" });
    closing.push(() => hf.close());
    for (let call = 0; call < 7; call += 1) expect((await hf.fetch("api")("/contacts")).status).toBe(200);
    return api.ledger.requests().filter(({ status }) => status === 429).length;
  }

  it("is believed at once: no call runs into the limit that it tells of", async () => {
    expect(await refusals(true)).toBe(0);
  });

  it("and the same calls do run into it where nothing is told", async () => {
    expect(await refusals(false)).toBeGreaterThan(0);
  });
});

describe("an answer that tells what it has used", () => {
  async function calls(endpoint: NonNullable<ApiOptions["endpoints"]>[string], used: number): Promise<readonly string[]> {
    const server = await serve(async (_request, response) => json(response, 200, { usage: { input: used - 1, output: 1 } }));
    closing.push(async () => await server[Symbol.asyncDispose]());
    const hf: Holdfast<"api"> = await engineFor(
      server.url,
      { rateLimit: { limit: 100, per: "24h" }, endpoints: { "POST /complete": endpoint }, repeatable: true },
      { clock: manualClock() },
    );
    closing.push(() => hf.close());
    const ends: string[] = [];
    for (let call = 0; call < 3; call += 1) {
      ends.push(
        await hf
          .fetch("api")("/complete", { method: "POST", body: "{}" })
          .then(
            ({ status }) => String(status),
            (error: unknown) => (isHoldfastError(error) ? error.code : "?"),
          ),
      );
    }
    return ends;
  }
  const usage = ["usage.input", "usage.output"];

  it("owes what was not reserved for it", async () => {
    expect(await calls({ cost: 10, usage }, 70)).toEqual(["200", "200", "rate-limited"]);
    expect(await calls({ cost: 10 }, 70)).toEqual(["200", "200", "200"]);
  });

  it("gets back what was reserved in vain", async () => {
    expect(await calls({ cost: 60, usage }, 10)).toEqual(["200", "200", "200"]);
    expect(await calls({ cost: 60 }, 10)).toEqual(["200", "rate-limited", "rate-limited"]);
  });

  it("needs a rate limit that counts the cost, and paths", async () => {
    const api = (rateLimit: ApiOptions["rateLimit"], paths: unknown): Promise<unknown> =>
      engineFor("http://127.0.0.1:1", {
        ...(rateLimit === undefined ? {} : { rateLimit }),
        endpoints: { "POST /complete": { usage: paths as string } },
      });
    const path = 'apis.api.endpoints["POST /complete"].usage';
    await expect(api(undefined, "usage")).rejects.toMatchObject({ code: "config", path });
    await expect(api({ limit: 5, counts: "calls" }, "usage")).rejects.toMatchObject({ code: "config", path });
    await expect(api({ limit: 5 }, "usage..total")).rejects.toMatchObject({ code: "config", path });
    await expect(api({ limit: 5 }, [])).rejects.toMatchObject({ code: "config", path });
  });
});
