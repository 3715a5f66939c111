import { rmSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { temporaryFolder } from "../../scripts/tools.ts";
import type { CliRun } from "../cli/holdfast.ts";
import { reportOf, startDemo } from "./demo.ts";

let folder: string;
let run: CliRun;
let url: string;
beforeAll(async () => {
  folder = temporaryFolder("demo-dashboard");
  run = startDemo(folder, "--leads", "60", "--dashboard", "--port", "0");
  url = await shown(run);
}, 120_000);
afterAll(async () => {
  run.child.kill("SIGKILL");
  await run.ended;
  rmSync(folder, { recursive: true, force: true });
});

function shown({ child, ended }: CliRun): Promise<string> {
  let all = "";
  return new Promise((resolve, reject) => {
    child.stderr?.on("data", (chunk: Buffer) => {
      all += chunk.toString();
      const found = /The dashboard shows this run: (http:\S+)/.exec(all)?.[1];
      if (found !== undefined) resolve(found);
    });
    void ended.then(() => reject(new Error(all)));
  });
}

// oxlint-disable-next-line typescript/no-explicit-any -- tests look into answers of every shape
async function read(path: string, init?: RequestInit): Promise<any> {
  const response = await fetch(`${url}${path}`, init);
  expect([path, response.ok]).toEqual([path, true]);
  return await response.json();
}

const post = (body: object): RequestInit => ({
  method: "POST",
  headers: { "content-type": "application/json" },
  body: JSON.stringify(body),
});

describe("the dashboard that a run ends with", { timeout: 60_000 }, () => {
  it("has the run's calls, failures and retries on its timeline, and none of them in the future", async () => {
    const { items } = await read("/v1/stats/history?window=15m");
    const names = items.map(({ api }: { api: string }) => api);
    expect(names).toEqual(["crm", "enrichment", "scoring", "sequencer"]);
    for (const { api, points } of items) {
      const calls = points.reduce((sum: number, point: { calls: number }) => sum + point.calls, 0);
      // Those that died at an earlier step never came so far.
      expect([api, calls >= 40], `${api} ${calls}`).toEqual([api, true]);
      expect(points.some((point: { p95: number | null }) => point.p95 !== null)).toBe(true);
    }
    const crm = items.find(({ api }: { api: string }) => api === "crm");
    expect(crm.points.reduce((sum: number, point: { retries: number }) => sum + point.retries, 0)).toBeGreaterThan(0);
    expect(crm.points.at(-1).standing.openDeadLetters).toBeGreaterThan(0);
  });

  it("has the CRM's outage on the timeline of its breaker", async () => {
    const lanes = (await read("/v1/lanes")).items;
    const crm = lanes.find(({ api, endpoint }: { api: string; endpoint: string }) => api === "crm" && endpoint.startsWith("POST"));
    const { changes, points } = await read(`/v1/lanes/${encodeURIComponent(crm.id)}/history?window=15m`);
    const states = changes.map(({ to }: { to: string }) => to);
    expect(states[0]).toBe("open");
    expect(states).toContain("half-open");
    expect(states.at(-1)).toBe("closed");
    expect(changes[0].because).toMatch(/% of the last calls failed/);
    const refused = points.reduce((sum: number, { verdicts }: { verdicts: { transient?: number } }) => sum + (verdicts.transient ?? 0), 0);
    expect(refused).toBeGreaterThan(0);
  });

  it("shows what every step came to, and replays its dead letters against the mended APIs", async () => {
    const { runs, steps } = await read("/v1/pipelines/lead");
    expect(steps.map(({ step }: { step: string }) => step)).toEqual(["enrichment", "scoring", "crm", "sequencer"]);
    expect(runs.open + runs.succeeded).toBe(60);
    expect(runs.open).toBeGreaterThan(0);
    const groups = (await read("/v1/dead-letters/groups")).items;
    expect(groups.every(({ chart }: { chart: { counts: number[] } }) => chart.counts.some((count) => count > 0))).toBe(true);
    const { id } = await read("/v1/dead-letters/replay", post({ filter: {}, canary: 1, confirm: true }));
    let replay = await read(`/v1/replays/${id}`);
    for (; replay.state === "running"; replay = await read(`/v1/replays/${id}`)) await new Promise((resolve) => setTimeout(resolve, 20));
    expect([replay.state, replay.resolved]).toEqual(["finished", runs.open]);
    expect((await read("/v1/pipelines/lead")).runs).toEqual({ open: 0, succeeded: 60, failed: 0 });
  });

  it("ends with Ctrl-C and the run's own exit code, its result on stdout", async () => {
    run.child.kill("SIGINT");
    const end = await run.ended;
    expect([end.code, end.signal]).toEqual([0, null]);
    expect(reportOf(end)).toMatchObject({ ok: true, accepted: 60, lost: 0, doubled: 0 });
  });
});
