import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, it } from "vitest";
import { flakyApi } from "../../src/testing/flaky-api/flaky-api.ts";
import { rateExcess } from "../../src/testing/rate-excess.ts";
import { backends } from "../crash/loop/backend.ts";
import { RATE } from "./rate.ts";

const CHILD = fileURLToPath(new URL("./child.ts", import.meta.url));
const CALLS = 14;

afterAll(async () => {
  for (const backend of backends) await backend.end();
});

async function child(...args: readonly string[]): Promise<readonly number[]> {
  const calling = spawn(process.execPath, [CHILD, ...args], { stdio: ["ignore", "pipe", "inherit"] });
  let said = "";
  calling.stdout.setEncoding("utf8").on("data", (text: string) => {
    said += text;
  });
  const [code] = (await once(calling, "close")) as [number | null];
  expect(code).toBe(0);
  return JSON.parse(said) as number[];
}

describe.each(backends)("two processes over $name", (backend) => {
  it("never send more together than the API lets one account send, by its own ledger", async () => {
    const api = await flakyApi({ endpoints: { "POST /contacts": { subject: "body.id" } } });
    const { address, dispose } = await backend.create();
    try {
      const statuses = await Promise.all([child(address, api.url, String(CALLS)), child(address, api.url, String(CALLS))]);
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
