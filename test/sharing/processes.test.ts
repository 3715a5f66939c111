import { afterAll, describe, expect, it } from "vitest";
import { flakyApi } from "../../src/testing/flaky-api/flaky-api.ts";
import { rateExcess } from "../../src/testing/rate-excess.ts";
import { backends } from "../crash/loop/backend.ts";
import { startCalling } from "./calling.ts";
import { RATE } from "./rate.ts";

const CALLS = 14;

afterAll(async () => {
  for (const backend of backends) await backend.end();
});

describe.each(backends)("two processes over $name", (backend) => {
  it("never send more together than the API lets one account send, by its own ledger", async () => {
    const api = await flakyApi({ endpoints: { "POST /contacts": { subject: "body.id" } } });
    const { address, dispose } = await backend.create();
    try {
      const statuses = await Promise.all([startCalling(address, api.url, CALLS), startCalling(address, api.url, CALLS)]);
      expect(statuses.flat()).toEqual(Array.from({ length: 2 * CALLS }, () => 201));
      const starts = api.ledger.requests("POST /contacts").map(({ at }) => at);
      expect(starts).toHaveLength(2 * CALLS);
      expect(rateExcess(starts, RATE)).toBeLessThanOrEqual(0);
    } finally {
      await api.close();
      await dispose();
    }
  });
});
