import { rmSync } from "node:fs";
import { afterAll, describe, expect, it } from "vitest";
import { systemClock } from "../../src/adapters/clock/system.ts";
import { exitCodes } from "../../src/cli/exit-codes.ts";
import { sleep } from "../../src/ports/clock.ts";
import { seededRandom } from "../../src/testing/index.ts";
import { temporaryFolder } from "../../scripts/tools.ts";
import { demo, reportOf, startDemo, told } from "./demo.ts";

const LEADS = 100;
const KILLS = 3;

const folders: string[] = [];
function newFolder(): string {
  const folder = temporaryFolder("demo-kill");
  folders.push(folder);
  return folder;
}
afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

// Side by side, each in a folder of its own: most of their time is the story's, in which nothing is computed.
describe.concurrent("a run that is killed with SIGKILL", { timeout: 120_000 }, () => {
  it("at random moments, its process or its whole group, ends as if it had not been", async ({ expect }) => {
    const folder = newFolder();
    const seed = systemClock.now();
    const random = seededRandom(seed);
    for (let kill = 1; kill <= KILLS; kill += 1) {
      const started = startDemo(folder, "--leads", String(LEADS));
      // The first while it comes up, the others in its work.
      if (kill > 1) await told(started, /leads from/);
      await Promise.race([sleep(systemClock, random() * 1_000), started.ended]);
      const { child } = started;
      if (child.exitCode === null) process.kill(kill % 2 === 0 ? -(child.pid as number) : (child.pid as number), "SIGKILL");
      await started.ended;
    }
    const end = await demo(folder, "--leads", String(LEADS));
    const report = reportOf(end);
    expect(report, `moments of the kills: seed ${seed}`).toMatchObject({ accepted: LEADS, lost: 0, doubled: 0 });
    expect(report.done + report.kept).toBe(LEADS);
    // Each step's effect once for each lead that came so far, say the ledgers.
    expect(report.apis.sequencer.effects).toBe(report.done);
    expect(report.apis.crm.effects).toBe(report.apis.sequencer.calls);
    expect(end.code).toBe(0);
  });

  it("in mid-work goes on where it stands, and says so", async ({ expect }) => {
    const folder = newFolder();
    const first = startDemo(folder, "--leads", "60");
    await told(first, /sequencer [1-9]/);
    first.child.kill("SIGKILL");
    await first.ended;
    const end = await demo(folder, "--leads", "60");
    expect(end.stderr).toContain("an unfinished run is in .holdfast/demo: going on where it stands (start 2)");
    expect(reportOf(end)).toMatchObject({ ok: true, starts: 2, accepted: 60 });
    expect(reportOf(end).replayed).toBeGreaterThan(0);
  });

  it("is not gone on with by a start with other leads, which says so", async ({ expect }) => {
    const folder = newFolder();
    const first = startDemo(folder, "--leads", "60");
    await told(first, /enrichment \d/);
    first.child.kill("SIGKILL");
    await first.ended;
    const end = await demo(folder, "--leads", "10");
    expect(end.stderr).toContain("was of other leads or another seed: it is replaced");
    expect(reportOf(end)).toMatchObject({ ok: true, starts: 1, accepted: 10 });
  });
});

describe.concurrent("a run that still goes on while it is started again", { timeout: 120_000 }, () => {
  it("gives way to the newer start, which ends as if it had been killed", async ({ expect }) => {
    const folder = newFolder();
    // Enough that the first is still at work when the second has come up, however slow the machine.
    const many = "600";
    const first = startDemo(folder, "--leads", many);
    await told(first, /enrichment \d/);
    const second = await demo(folder, "--leads", many);
    const gaveWay = await first.ended;
    expect(gaveWay).toMatchObject({ code: exitCodes.failed.code, stdout: "" });
    expect(gaveWay.stderr).toContain("a newer start in the same folder has taken this run over");
    expect(second.stderr).toContain("another run is at work here");
    expect([second.code, reportOf(second)]).toMatchObject([0, { ok: true, accepted: Number(many), starts: 2 }]);
  });
});

describe.concurrent("a run that is ended by a signal", { timeout: 120_000 }, () => {
  it.each([
    ["SIGINT", exitCodes.interrupted.code],
    ["SIGTERM", exitCodes.terminated.code],
  ] as const)("%s says how to go on", async (signal, code) => {
    const started = startDemo(newFolder(), "--leads", "60");
    await told(started, /enrichment \d/);
    started.child.kill(signal);
    const end = await started.ended;
    expect([end.code, end.stdout]).toEqual([code, ""]);
    expect(end.stderr).toContain("start it again to go on where it stands");
  });
});
