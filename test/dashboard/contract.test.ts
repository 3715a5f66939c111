import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { apiContract } from "../../scripts/api-contract.ts";

it("the dashboard's types are those of the gateway's routes (else: node scripts/bootstrap.mjs scripts/api-contract.ts)", async () => {
  const file = new URL("../../dashboard/src/api/contract.ts", import.meta.url);
  expect(readFileSync(file, "utf8")).toBe(await apiContract());
});
