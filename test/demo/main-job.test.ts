import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { exitCodes } from "../../src/cli/exit-codes.ts";
import type { DemoReport } from "../../src/cli/demo/report.ts";
import { repositoryRoot, run, temporaryFolder } from "../../scripts/tools.ts";
import { cli, startCli, type CliEnd } from "../cli/holdfast.ts";
import { demo, reportOf } from "./demo.ts";

let folder: string;
beforeAll(() => {
  folder = temporaryFolder("demo");
});
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

describe("a run over few leads", { timeout: 120_000 }, () => {
  let end: CliEnd;
  let report: DemoReport;
  beforeAll(async () => {
    end = await demo(folder, "--leads", "60");
    report = reportOf(end);
  }, 120_000);

  it("ends with 0, with nothing lost and nothing doubled", () => {
    expect(end.code).toBe(exitCodes.ok.code);
    for (const figure of ['"accepted": 60,', '"lost": 0,', '"doubled": 0,']) expect(end.stdout).toContain(figure);
    expect(report).toMatchObject({ ok: true, accepted: 60, lost: 0, doubled: 0, starts: 1, refused: [] });
    expect(report.done + report.kept).toBe(60);
  });

  it("has figures that agree with each other", () => {
    const { enrichment, scoring, crm, sequencer } = report.apis;
    // One lead cannot be scored, one has an address that the CRM refuses; the rest is done.
    expect(report.kept).toBeGreaterThanOrEqual(2);
    expect([enrichment.calls, scoring.calls]).toEqual([60, 60]);
    expect(sequencer.effects).toBe(report.done);
    expect(crm.effects).toBeGreaterThanOrEqual(report.done);
    for (const api of Object.values(report.apis)) {
      expect(api.wireAttempts).toBeGreaterThanOrEqual(api.calls);
      expect(Object.values(api.endings).reduce((sum, count) => sum + count, 0)).toBe(api.wireAttempts);
    }
    expect(report.wireAttempts).toBe(Object.values(report.apis).reduce((sum, { wireAttempts }) => sum + wireAttempts, 0));
    expect(report.deadLetters.reduce((sum, { letters }) => sum + letters, 0)).toBeGreaterThanOrEqual(report.kept);
  });

  it("meets bad weather of every kind that hits single leads, and an outage that opens a breaker", () => {
    const met = Object.assign({}, ...Object.values(report.apis).map(({ misbehaved }) => misbehaved)) as Record<string, number>;
    for (const kind of ["validation reported as 500", "address refused", "dead endpoint"]) expect(met[kind], kind).toBeGreaterThan(0);
    expect(report.outages.map(({ api }) => api)).toContain("crm");
  });

  it("says so on stderr, line by line where there is no terminal", () => {
    expect(end.stderr).toContain("60 leads from examples/leads.csv, 10 times as fast as life");
    expect(end.stderr).toMatch(/^\d\d:\d\d {2}enrichment \d+/m);
    expect(end.stderr).not.toContain("\u001B");
  });

  it("leaves dead letters that the printed commands list and replay, against the APIs once they are mended", async () => {
    const { list, serve, replay, groups } = report.commands;
    const words = (command: string): string[] => command.replace("npm run -s holdfast -- ", "").split(" ");
    const listed = await cli([...words(list), "--json"], { cwd: folder });
    expect(listed.stdout.trimEnd().split("\n")).toHaveLength(report.deadLetters.reduce((sum, { letters }) => sum + letters, 0));
    expect((await cli(words(groups), { cwd: folder })).stdout).toContain("INVALID_FIELD");

    const apis = startCli(words(serve), { cwd: folder });
    await new Promise<void>((resolve) =>
      apis.child.stdout?.on("data", (chunk: Buffer) => chunk.toString().includes("listening") && resolve()),
    );
    const replayed = await cli(words(replay), { cwd: folder });
    expect([replayed.code, replayed.stdout.includes("0 failed again, 0 skipped")]).toEqual([0, true]);
    apis.child.kill("SIGTERM");
    expect((await apis.ended).code).toBe(0);
  });

  it("is replaced by the next start, once it is finished", async () => {
    const again = await cli(["demo", "--fast", "--leads", "5"], { cwd: folder });
    expect(again.code).toBe(0);
    expect(again.stderr).toContain("the finished run in .holdfast/demo is replaced");
    expect(again.stdout).toContain("accepted 5   done 5   kept as dead letters 0   lost 0   doubled 0");
    expect(again.stdout).toContain("Nothing was lost and nothing was doubled.");
  });
});

describe("a fault in the job", { timeout: 120_000 }, () => {
  const sabotaged = async (how: string): Promise<{ code: number; report: DemoReport }> => {
    const cwd = temporaryFolder(`demo-${how}`);
    try {
      const harness = join(repositoryRoot, "test", "demo", "harness", "sabotaged.mjs");
      const { code, output } = await run(process.execPath, [harness, how], { cwd, show: "capture" });
      return { code, report: JSON.parse(output) as DemoReport };
    } finally {
      rmSync(cwd, { recursive: true, force: true });
    }
  };

  it("that sends again what has happened is found in the ledgers", async () => {
    const { code, report } = await sabotaged("lying-look-up");
    expect(report.doubled).toBeGreaterThan(0);
    expect(report.apis.sequencer.doubled).toBe(report.doubled);
    expect([code, report.ok, report.lost]).toEqual([1, false, 0]);
  });

  it("that leaves something out is found in the ledgers", async () => {
    const { code, report } = await sabotaged("skipped-write");
    expect(report.lost).toBeGreaterThan(0);
    expect(report.suspects.missing[0]).toMatch(/0$/);
    expect([code, report.ok, report.doubled]).toEqual([1, false, 0]);
  });

  it("is all that is found: the same run without one is well", async () => {
    expect(await sabotaged("honest")).toMatchObject({ code: 0, report: { ok: true, lost: 0, doubled: 0 } });
  });
});

describe("a file of the user's own", { timeout: 120_000 }, () => {
  it("is taken row by row, and every row that is no lead is told by its line", async () => {
    writeFileSync(
      join(folder, "own.csv"),
      'Email,Company,Employees\nada@example.com,"Kelp, Sons & Co",12\nnot an address,x,1\ngrace@example.com,"The ""Blue""\nDoor",7\nada@example.com,x,1\nb@example.com\n',
    );
    const store = join(folder, "own.db");
    const end = await demo(folder, "--file", "own.csv", "--store", store);
    expect(end.code).toBe(0);
    expect(reportOf(end)).toMatchObject({
      accepted: 2,
      done: 2,
      from: "own.csv",
      refused: [{ line: 3 }, { line: 6 }, { line: 7 }],
    });
    expect(end.stderr).toContain('line 3 is refused: "not an address" is not an e-mail address');
    expect(readFileSync(`${store}.demo/refused.txt`, "utf8").trimEnd().split("\n")).toHaveLength(3);
    expect(existsSync(store)).toBe(true);
  });

  it("is not started over a store that is somebody else's", async () => {
    writeFileSync(join(folder, "precious.db"), "not a demo's");
    const { code, stderr } = await demo(folder, "--store", "precious.db", "--leads", "1");
    expect([code, readFileSync(join(folder, "precious.db"), "utf8")]).toEqual([exitCodes.usage.code, "not a demo's"]);
    expect(stderr).toContain("give a file that is not there yet");
  });
});
