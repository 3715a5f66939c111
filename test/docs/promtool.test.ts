/** What Prometheus itself says of the rules and of the page that it is to read. */
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { createHoldfast } from "../../src/index.ts";

const promtool = process.env["HOLDFAST_TEST_PROMTOOL"] ?? "promtool";
const isThere = spawnSync(promtool, ["--version"]).error === undefined;

function check(args: readonly string[], input?: string): { readonly status: number | null; readonly told: string } {
  const { status, stdout, stderr } = spawnSync(promtool, args, { encoding: "utf8", ...(input === undefined ? {} : { input }) });
  return { status, told: `${stdout}${stderr}` };
}

// Where nobody has it these are left out; on CI it is got, and one that is missing is a failure.
describe.skipIf(!isThere && process.env["CI"] === undefined)("promtool", () => {
  it("takes the rules of docs/monitoring/alerts.yml", () => {
    const rules = fileURLToPath(new URL("../../docs/monitoring/alerts.yml", import.meta.url));
    expect(check(["check", "rules", rules])).toEqual({ status: 0, told: expect.stringMatching(/SUCCESS: \d+ rules found/) as string });
  });

  it("finds nothing to complain of in what hf.metrics() tells, and would", async () => {
    const hf = await createHoldfast({
      metrics: true,
      apis: { crm: { baseUrl: "https://crm.test", retry: { maxAttempts: 2, backoff: { base: 1, jitter: "none" } } } },
      transport: async (url) => new Response("{}", { status: url.includes("broken") ? 503 : 200 }),
    });
    const send = hf.fetch("crm");
    await send("/contacts");
    await send("/broken");
    const page = await hf.metrics();
    await hf.close();
    expect(page).toContain("holdfast_");
    expect(check(["check", "metrics"], page)).toEqual({ status: 0, told: "" });
    expect(check(["check", "metrics"], "# TYPE x counter\nx 1\n").status).not.toBe(0);
  });
});
