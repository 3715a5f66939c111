import { readdirSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import type { Figure } from "../../bench/figure.ts";
import { repositoryRoot, run } from "../../scripts/tools.ts";

const MAIN = join(repositoryRoot, "bench", "main.ts");
/** In five processes on a machine that does other things too. */
const TIMEOUT_MS = 120_000;

/** Runs the bench over next to nothing: what it says is checked, not what it measures. */
function bench(...args: readonly string[]): ReturnType<typeof run> {
  return run(process.execPath, [MAIN, "--quick", ...args], { show: "capture" });
}

describe("npm run bench -- --json", () => {
  let code = -1;
  let figures: readonly Figure[] = [];

  beforeAll(async () => {
    const ended = await bench("--json");
    code = ended.code;
    figures = ended.output
      .split("\n")
      .filter((line) => line !== "")
      .map((line) => JSON.parse(line) as Figure);
  }, TIMEOUT_MS);

  it("says every figure of every suite as one line of JSON", () => {
    expect(code).toBe(0);
    expect(figures.length).toBeGreaterThan(readdirSync(join(repositoryRoot, "bench", "suites")).length);
    for (const figure of figures) {
      const compared = figure.against !== null;
      const aimed = figure.aim !== null;
      expect(Object.fromEntries(Object.entries(figure).map(([key, value]) => [key, value === null ? "null" : typeof value]))).toEqual({
        name: "string",
        value: "number",
        unit: "string",
        against: compared ? "string" : "null",
        ratio: compared ? "number" : "null",
        aim: aimed ? "number" : "null",
        holds: aimed ? "boolean" : "null",
      });
    }
  });

  it("holds ratios to aims, and what stands by itself to its value", () => {
    const aimed = figures.filter((figure): figure is Figure & { readonly aim: number } => figure.aim !== null);
    expect(aimed.map(({ ratio, value, aim }) => (ratio ?? value) <= aim)).toEqual(aimed.map(({ holds }) => holds));
    expect(aimed.some(({ ratio }) => ratio === null)).toBe(true);
    expect(aimed.some(({ ratio }) => ratio !== null)).toBe(true);
  });

  it("measures what it is compared by", () => {
    const names = new Set(figures.map(({ name }) => name));
    for (const name of [
      "retry(fn): success",
      "hf.call: success",
      "hf.call, heard: success",
      "hf.call: two failures, then a success",
      "hf.call: allocated for a success",
      "hf.call: held while pending",
    ]) {
      expect(names).toContain(name);
    }
  });
});

describe("npm run bench", () => {
  it(
    "shows the suites that were asked for as a table, and how many aims hold",
    async () => {
      const { code, output } = await bench("pending");
      expect(code).toBe(0);
      expect(output).toMatch(/^figure +value +ratio +against +aim$/m);
      expect(output).toMatch(/^hf\.call: held while pending +\S+ B +≤ 1000 B +(?:holds|DOES NOT HOLD)$/m);
      expect(output).toMatch(/^\d+ of 3 aims hold/m);
    },
    TIMEOUT_MS,
  );

  it(
    "asks everything that the dashboard asks, of a small store of either database",
    async () => {
      const { code, output } = await bench("--json", "dashboard");
      expect(code).toBe(0);
      const figures = output
        .split("\n")
        .filter((line) => line !== "")
        .map((line) => JSON.parse(line) as Figure);
      const names = (store: string): string[] =>
        figures.filter(({ name }) => name.startsWith(`${store}: `)).map(({ name }) => name.slice(store.length + 2));
      expect(names("sqlite")).toEqual(names("postgres"));
      for (const page of ["overview", "lanes", "operations", "dead letters", "pipelines", "syncs", "alerts", "advice", "impact", "audit"]) {
        expect(names("sqlite").some((name) => name.startsWith(page))).toBe(true);
      }
      expect(names("sqlite")).toContain("an operation while somebody looks");
    },
    TIMEOUT_MS,
  );

  it("names the suites there are when asked for another", async () => {
    const { code, output } = await bench("speed");
    expect(code).toBe(2);
    expect(output).toContain("there is no suite named speed; there are allocation, fetch, lifecycle, pending");
  });
});
