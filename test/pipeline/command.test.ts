import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { exitCodes } from "../../src/cli/exit-codes.ts";
import { progressBar } from "../../src/cli/pipelines/progress-bar.ts";
import { manualClock } from "../../src/testing/manual-clock.ts";
import { repositoryRoot, temporaryFolder } from "../../scripts/tools.ts";
import { cli, type CliEnd } from "../cli/holdfast.ts";

let folder: string;
beforeAll(() => {
  folder = temporaryFolder("pipelines");
  const index = pathToFileURL(join(repositoryRoot, "src", "index.ts")).href;
  writeFileSync(
    join(folder, "holdfast.config.mjs"),
    `import { existsSync } from "node:fs";
     import { definePipeline } from ${JSON.stringify(index)};
     const even = definePipeline("even", { subject: ({ id }) => id })
       .step("look", { effects: "read", run: ({ input }) => Number(input.id) })
       .step("check", {
         effects: "write",
         run: ({ results }) => {
           if (results.look % 2 === 1 && !existsSync("mended")) throw new Error("odd");
           return "even";
         },
       });
     export default { store: "sqlite:runs.db", apis: {}, pipelines: [even] };`,
  );
  writeFileSync(join(folder, "subjects.csv"), "id,name\n1,Ada\n2,Grace\n4,Alan\n");
});
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

function pipelines(...args: readonly string[]): Promise<CliEnd> {
  return cli(["pipelines", ...args, "--config", "holdfast.config.mjs"], { cwd: folder });
}

describe("holdfast pipelines", () => {
  it("runs a file of subjects, shows what came of each, and goes on when a dead letter is replayed", async () => {
    const run = await pipelines("run", "even", "--file", "subjects.csv", "--json");
    expect([run.code, JSON.parse(run.stdout)]).toEqual([exitCodes.failed.code, { runs: 3, succeeded: 2, parked: 1, failed: 0 }]);
    expect(run.stderr).toContain("look 3  check 2  of 3  (2 succeeded, 1 wait for dead letters)");
    const open = await pipelines("list", "--state", "open", "--json");
    expect(JSON.parse(open.stdout)).toMatchObject({
      id: "even/1",
      steps: [
        { step: "look", state: "done" },
        { step: "check", state: "parked" },
      ],
    });
    const shown = await pipelines("show", "even/1");
    expect(shown.stdout).toMatch(/^check +parked +dead letter \S+:.*odd/m);
    writeFileSync(join(folder, "mended"), "");
    const replayed = await cli(["dlq", "replay", "--all", "--confirm", "--config", "holdfast.config.mjs"], { cwd: folder });
    expect([replayed.code, replayed.stderr]).toEqual([0, ""]);
    const again = await pipelines("resume", "even", "--json");
    expect([again.code, JSON.parse(again.stdout)]).toEqual([0, { runs: 0, succeeded: 0, parked: 0, failed: 0 }]);
    const listed = await pipelines("list", "--state", "succeeded", "--json");
    expect(listed.stdout.trimEnd().split("\n")).toHaveLength(3);
  });

  it("names what is known when it is asked for another", async () => {
    const { code, stderr } = await pipelines("run", "odd", "--file", "subjects.csv");
    expect([code, stderr]).toEqual([exitCodes.notFound.code, expect.stringContaining("known are: even")]);
  });
});

describe("a progress bar", () => {
  const progress = { runs: 3, succeeded: 1, parked: 1, failed: 0, busy: 0, steps: { look: 3, check: 1 } };

  it("is drawn over itself on a terminal, no more often than people can see", () => {
    const clock = manualClock();
    const written: string[] = [];
    const bar = progressBar({ isTTY: true, columns: 80, write: (text: string) => written.push(text) }, 4, clock);
    bar.show(progress);
    bar.show({ ...progress, runs: 4 });
    expect(written).toHaveLength(1);
    expect(written[0]).toContain(`look  ${"█".repeat(22)}${"░".repeat(8)} 3/4`);
    bar.end();
    expect(written[1]?.startsWith("\u001B[3A")).toBe(true);
  });
});
