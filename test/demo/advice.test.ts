import { rmSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { planFor } from "../../src/cli/demo/plan.ts";
import type { DemoReport } from "../../src/cli/demo/report.ts";
import type { Advice } from "../../src/signals/advice/advice.ts";
import { temporaryFolder } from "../../scripts/tools.ts";
import { cli } from "../cli/holdfast.ts";
import { demo, reportOf } from "./demo.ts";

const LEADS = 4_000;

/** What the job's weather planted, and what its own report says of it. */
describe("advice on a recorded main job", { timeout: 180_000 }, () => {
  let folder: string;
  let report: DemoReport;
  let items: readonly Advice[];
  beforeAll(async () => {
    folder = temporaryFolder("demo-advice");
    report = reportOf(await demo(folder, "--leads", String(LEADS)));
    const advised = await cli(["advise", "--store", ".holdfast/demo/holdfast.db", "--json"], { cwd: folder });
    items = advised.stdout
      .split("\n")
      .filter((line) => line !== "")
      .map((line) => JSON.parse(line) as Advice);
  }, 180_000);
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  const find = (kind: string, api: string): Advice | undefined => items.find((advice) => advice.kind === kind && advice.api === api);

  it("names the validation that is reported as 500", () => {
    const advice = find("dead-letters", "scoring");
    expect(advice).toMatchObject({
      endpoint: "POST /scores",
      numbers: { open: report.apis.scoring.misbehaved["validation reported as 500"] },
    });
    expect(advice?.evidence.join(" ")).toContain("INVALID_FIELD");
  });

  it("names what the CRM really takes, which is less than is configured", () => {
    const { perSecond } = planFor(LEADS);
    const advice = find("rate-limit", "crm");
    expect(advice?.numbers["configured"]).toBeCloseTo(perSecond * 1.8);
    // What it takes is 1.6 times the pace of the job, and twice that at once; seconds of a machine that is busy are uneven.
    expect(advice?.numbers["limit"]).toBeGreaterThan(perSecond * 0.8);
    expect((advice?.numbers["limit"] as number) + (advice?.numbers["burst"] as number)).toBeLessThan(perSecond * (1.8 + 2.5));
  });

  it("names how long the CRM's outage lasted", () => {
    const outage = report.outages.find(({ api }) => api === "crm");
    expect(outage).toBeDefined();
    const advice = find("breaker", "crm");
    expect(advice?.numbers["recoveryMs"]).toBeGreaterThan(planFor(LEADS).storyMs * 0.05);
    expect(advice?.numbers["recoveryMs"]).toBeLessThan(planFor(LEADS).storyMs * 0.4);
  });

  it("says nothing else: no rule, no limit and no time for what solved itself", () => {
    const said = items.map(({ kind, api }) => `${kind} ${api}`).sort();
    expect(said).toEqual(["breaker crm", "dead-letters crm", "dead-letters scoring", "rate-limit crm"]);
  });
});
