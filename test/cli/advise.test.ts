import { rmSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { sqlite } from "../../src/adapters/store/sqlite/index.ts";
import { createHoldfast } from "../../src/client/holdfast.ts";
import type { Advice } from "../../src/signals/advice/advice.ts";
import { temporaryFolder } from "../../scripts/tools.ts";
import { cliHere } from "./in-process.ts";

let folder: string;
const run = (...args: string[]): ReturnType<typeof cliHere> => cliHere(["advise", ...args], { cwd: folder });

/** A program that retried what cannot succeed, and has ended since. */
beforeAll(async () => {
  folder = temporaryFolder("advise");
  const hf = await createHoldfast({
    store: sqlite(join(folder, "jobs.db")),
    apis: {
      crm: { baseUrl: "https://crm.test", repeatable: true, retry: { maxAttempts: 3, backoff: [0] }, breaker: false, retryBudget: false },
    },
    transport: async (_url, init) =>
      init.body === "bad" ? Response.json({ error: { code: "INVALID_FIELD" } }, { status: 500 }) : Response.json({}),
  });
  for (let nth = 0; nth < 120; nth += 1) await hf.fetch("crm")("/scores", { method: "POST", body: nth % 8 === 0 ? "bad" : "good" });
  await hf.close();
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

it("holdfast advise tells what was seen, and the line to paste", async () => {
  const { code, stdout } = await run("--store", "jobs.db");
  expect(code).toBe(0);
  expect(stdout).toMatch(/^from 150 attempts at 1 endpoint, /);
  expect(stdout).toContain("1. crm POST /scores: 500 INVALID_FIELD never succeeds on a retry: make it permanent  (low confidence)");
  expect(stdout).toContain("15 operations met it and were tried again 30 times; none succeeded");
  expect(stdout).toContain('   paste under apis.crm:\n     "classify": [{ "when": { "status": 500, "body": "INVALID_FIELD",');
});

it("--json has one piece of advice a line, and --api only one API's", async () => {
  const lines = async (...args: string[]): Promise<Advice[]> =>
    (await run("--store", "jobs.db", "--json", ...args)).stdout
      .split("\n")
      .flatMap((line) => (line === "" ? [] : [JSON.parse(line) as Advice]));
  expect(await lines()).toMatchObject([{ kind: "permanent-error", api: "crm", numbers: { operations: 15, retries: 30 } }]);
  expect(await lines("--api", "crm")).toHaveLength(1);
  expect(await lines("--api", "mail")).toEqual([]);
});

it("says where there is nothing to go by", async () => {
  const hf = await createHoldfast({ store: sqlite(join(folder, "empty.db")), apis: {} });
  await hf.close();
  const { code, stdout } = await run("--store", "empty.db");
  expect([code, stdout]).toEqual([0, "there is no history here yet; docs/guide/advice.md tells what is looked at\n"]);
});
