/**
 * The whole gate: everything that must hold before a change is merged. `.ci/run` runs the same.
 *
 *     npm run check                  all gates
 *     npm run check -- lint types    some of them
 *
 * A gate that fails does not stop the ones after it. The last line is `N passed, N failed`: one for each test, and one
 * for each gate. The exit code is 0 only if nothing failed and, where tests were asked for, at least one ran.
 */
import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { run, temporaryFolder, type Ended } from "./tools.ts";

interface Gate {
  readonly name: string;
  readonly check: () => Promise<Verdict>;
}

interface Verdict {
  readonly ok: boolean;
  /** One line for people, such as the number of tests. */
  readonly summary?: string;
  /** What to read when it is not ok. */
  readonly output: string;
  readonly tests?: { readonly passed: number; readonly failed: number };
}

const GATES: readonly Gate[] = [
  script("format:check"),
  script("lint"),
  script("types"),
  script("knip"),
  script("package", "--no-tests"),
  tests("test"),
  tests("test:system"),
  tests("test:browser"),
];

const { positionals } = parseArgs({ allowPositionals: true });
const unknown = positionals.filter((name) => GATES.every((gate) => gate.name !== name));
if (unknown.length > 0) {
  console.error(`there is no gate named ${unknown.join(", ")}; there are ${GATES.map(({ name }) => name).join(", ")}`);
  process.exit(2);
}

let passed = 0;
let failed = 0;
for (const { name, check } of GATES) {
  if (positionals.length > 0 && !positionals.includes(name)) continue;
  const started = performance.now();
  const verdict = await check();
  const seconds = ((performance.now() - started) / 1_000).toFixed(1);
  if (!verdict.ok) console.log(verdict.output.trimEnd());
  console.log([verdict.ok ? "ok    " : "FAILED", name.padEnd(14), `${seconds} s`.padStart(8), verdict.summary ?? ""].join("  ").trimEnd());
  passed += (verdict.ok ? 1 : 0) + (verdict.tests?.passed ?? 0);
  failed += (verdict.ok ? 0 : 1) + (verdict.tests?.failed ?? 0);
}
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;

/** A gate of tests, whose report is counted. */
function tests(name: string): Gate {
  return { name, check: () => runTests(name) };
}

/** A gate that is an npm script, so that the README, people and machines all run the same thing. */
function script(name: string, ...args: string[]): Gate {
  const check = async (): Promise<Verdict> => {
    const { code, output } = await npmRun(name, ...args);
    return { ok: code === 0, output };
  };
  return { name, check };
}

function npmRun(name: string, ...args: string[]): Promise<Ended> {
  return run("npm", ["run", "--silent", name, "--", ...args], { show: "capture" });
}

interface TestReport {
  readonly success: boolean;
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly numPendingTests: number;
  readonly numTodoTests: number;
}

async function runTests(name: string): Promise<Verdict> {
  const folder = temporaryFolder("check");
  const file = join(folder, "tests.json");
  try {
    const { code, output } = await npmRun(name, "--reporter=default", "--reporter=json", `--outputFile.json=${file}`);
    const report = readReport(file);
    if (report === undefined) return { ok: false, summary: "the tests did not run to their end", output };
    const { numPassedTests: testsPassed, numFailedTests: testsFailed } = report;
    const skipped = report.numPendingTests + report.numTodoTests;
    return {
      ok: code === 0 && report.success && testsPassed > 0,
      summary: `${testsPassed} tests passed, ${testsFailed} failed, ${skipped} skipped`,
      output: testsPassed === 0 ? `${output}\nno test ran` : output,
      tests: { passed: testsPassed, failed: testsFailed },
    };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function readReport(file: string): TestReport | undefined {
  try {
    return JSON.parse(readFileSync(file, "utf8")) as TestReport;
  } catch {
    return undefined;
  }
}
