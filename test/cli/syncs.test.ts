import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { repositoryRoot, temporaryFolder } from "../../scripts/tools.ts";
import { exitCodes } from "../../src/cli/exit-codes.ts";
import { cli, startCli, type CliEnd } from "./holdfast.ts";

const RECORDS = 12;

let folder: string;
const run = (...args: string[]): Promise<CliEnd> => cli(["syncs", ...args], { cwd: folder });

/** A sync into a file that takes each key once. While a file `slow` is there, it takes its time. */
beforeAll(() => {
  folder = temporaryFolder("syncs");
  const library = pathToFileURL(join(repositoryRoot, "src", "index.ts")).href;
  writeFileSync(
    join(folder, "holdfast.config.ts"),
    `import { appendFileSync, existsSync, readFileSync } from "node:fs";
     import { defineConfig, defineSync } from ${JSON.stringify(library)};
     export default defineConfig({ store: "sqlite:syncs.db", apis: {} });
     const written = () => (existsSync("ledger") ? readFileSync("ledger", "utf8").split("\\n") : []);
     const rows = Array.from({ length: ${RECORDS} }, (_, index) => ({ n: Math.floor(index / 2), id: \`r\${index}\` }));
     export const syncs = [
       defineSync({
         name: "rows",
         lease: "1s",
         batchSize: 1,
         source: () => rows,
         cursor: ({ n, id }) => [n, id],
         sink: async (batch) => {
           for (const { id, key } of batch) {
             if (id === "r5" && existsSync("broken")) return [{ id, status: 422 }];
             if (!written().some((line) => line.startsWith(key))) appendFileSync("ledger", \`\${key} \${id}\\n\`);
             if (existsSync("slow")) await new Promise((resolve) => setTimeout(resolve, 200));
           }
         },
       }),
     ];\n`,
  );
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

function ledger(): readonly string[] {
  try {
    return readFileSync(join(folder, "ledger"), "utf8")
      .trim()
      .split("\n")
      .map((line) => line.split(" ")[1] as string);
  } catch {
    return [];
  }
}

// The tests of this file tell one story and run in its order.
describe("holdfast syncs", () => {
  it("a run that is killed keeps others out until its lease is over; the next one ends what it began", async () => {
    writeFileSync(join(folder, "slow"), "");
    const doomed = startCli(["syncs", "run", "rows"], { cwd: folder });
    await expect.poll(() => ledger().length, { timeout: 20_000, interval: 10 }).toBeGreaterThan(2);
    process.kill(-(doomed.child.pid as number), "SIGKILL");
    await doomed.ended;
    rmSync(join(folder, "slow"));
    let next = await run("run", "rows");
    for (; next.code === exitCodes.busy.code; next = await run("run", "rows")) expect(next.stdout).toContain("is running already");
    expect([next.code, next.stderr]).toEqual([0, ""]);
    expect(ledger().toSorted((a, b) => a.localeCompare(b, "en", { numeric: true }))).toEqual(
      Array.from({ length: RECORDS }, (_, index) => `r${index}`),
    );
  });

  it("lists and shows", async () => {
    expect((await run("list")).stdout).toMatch(/rows +5 .*complete/);
    expect(JSON.parse((await run("list", "--json")).stdout)).toMatchObject({
      sync: "rows",
      watermark: 5,
      lastRun: { outcome: "complete" },
    });
    expect((await run("show", "rows")).stdout).toContain("watermark  5 (number)");
    expect((await run("show", "nobody")).code).toBe(exitCodes.notFound.code);
  });

  it("resets: not without a reason, nor without an answer; what was done stays", async () => {
    expect((await run("reset", "rows")).code).toBe(exitCodes.usage.code);
    const unasked = await run("reset", "rows", "--reason", "try");
    expect([unasked.code, unasked.stderr]).toEqual([exitCodes.usage.code, expect.stringContaining("--yes") as string]);
    expect((await run("reset", "rows", "--reason", "try", "--to", "soon", "--yes")).stderr).toContain("to is soon, which is no number");
    const done = await run("reset", "rows", "--reason", "the file was lost", "--by", "ada", "--to", "1", "--yes");
    expect([done.code, done.stdout]).toEqual([0, "the watermark of rows is 1 now; it was 5\n"]);
    expect((await run("show", "rows")).stdout).toMatch(/reset .* by ada: 5 → 1 \(the file was lost\)/);
  });

  it("a run that is not complete says so in its exit code, and why", async () => {
    writeFileSync(join(folder, "broken"), "");
    const partial = await run("run", "rows");
    expect([partial.code, partial.stdout]).toEqual([exitCodes.failed.code, expect.stringMatching(/partial[^]*held by: r5/) as string]);
    expect((await run("show", "rows")).stdout).toMatch(/failed +r5 at 2/);
    expect(JSON.parse((await run("run", "rows", "--json")).stdout)).toMatchObject({ outcome: "partial", watermark: { blockedBy: ["r5"] } });
  });

  it("names that are not there are told", async () => {
    expect((await run("run", "nobody")).stderr).toContain('has no sync named "nobody"; it has rows');
    writeFileSync(join(folder, "empty.ts"), "export const syncs = 1;\n");
    expect((await run("run", "rows", "--module", "empty.ts")).stderr).toContain("exports no syncs");
  });
});
