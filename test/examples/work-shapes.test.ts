import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { repositoryRoot, run, temporaryFolder } from "../../scripts/tools.ts";
import { cli } from "../cli/holdfast.ts";

let folder: string;
beforeAll(() => {
  folder = temporaryFolder("examples-shapes");
});
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

describe.concurrent("the examples of the shapes of work", () => {
  it("an LLM batch of 12 blocks comes through a bad day, and pays for no block twice when it is started again", async () => {
    const program = join(repositoryRoot, "examples", "llm-batch", "main.ts");
    // Here "holdfast" is the source, as in the examples of the documentation.
    const preload = join(repositoryRoot, "test", "docs", "harness", "source-package.mjs");
    const args = ["--import", preload, program, join(folder, "report.db")];
    const first = await run(process.execPath, args, { cwd: folder, show: "capture" });
    expect(first.code, first.output).toBe(0);
    // 12 blocks, and one request more for each of the five that went wrong.
    expect(first.output).toContain("12 of 12 blocks, 17 requests");
    expect(first.output.match(/^Block \d+: all is well\.$/gm)).toHaveLength(12);
    const again = await run(process.execPath, args, { cwd: folder, show: "capture" });
    expect(again.output).toContain("12 of 12 blocks, 0 requests");
  });

  it("a daily briefing under exec, with the options of its crontab", async () => {
    const line = readFileSync(join(repositoryRoot, "examples", "daily-briefing", "crontab"), "utf8");
    for (const option of ["--transient 75", "--schedule 0,30s,90s,180s", "--timeout 300s,300s,600s,600s"]) expect(line).toContain(option);
    const program = join(repositoryRoot, "examples", "daily-briefing", "briefing.ts");
    // The same, but that nobody waits for half a minute.
    const args = [
      "exec",
      "--name",
      "daily-briefing",
      "--transient",
      "75",
      "--schedule",
      "0,50ms",
      "--timeout",
      "60s",
      "--",
      process.execPath,
      program,
    ];
    const end = await cli(args, { cwd: folder });
    expect([end.code, end.stdout]).toEqual([0, expect.stringContaining("Good morning. Three meetings today.")]);
    expect(end.stderr).toContain("attempt 1 of 2 failed: it exited with 75");
    const history = await cli(["exec", "--history", "--name", "daily-briefing"], { cwd: folder });
    expect(history.stdout).toMatch(/^daily-briefing +\S+ +succeeded +2 /m);
  });
});
