import { readdirSync, rmSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { describe, expect, test } from "vitest";
import { repositoryRoot, runTool, temporaryFolder } from "../../scripts/tools.ts";

const folder = join(repositoryRoot, "test", "types");
const typeTests = readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith(".test-d.ts"));

// A type test that the compiler does not see passes whatever it asserts.
describe("type tests", () => {
  test("are all seen by the compiler", async () => {
    const { output } = await runTool("tsc", ["--listFilesOnly"], { show: "capture" });
    const seen = new Set(output.split("\n").map((path) => relative(repositoryRoot, path.trim())));
    expect(typeTests.filter((name) => !seen.has(join("test", "types", name)))).toEqual([]);
  });

  test.each([
    { assertion: 'expectTypeOf<"a">().toEqualTypeOf<"b">();', passes: false },
    { assertion: 'expectTypeOf<"a">().toEqualTypeOf<"a">();', passes: true },
    { assertion: "// @ts-expect-error this is fine\nexport const fine: number = 1;", passes: false },
    { assertion: "// @ts-expect-error this is not\nexport const wrong: number = '1';", passes: true },
  ])("fail when they are wrong: $assertion", async ({ assertion, passes }) => {
    const place = temporaryFolder("type-tests");
    try {
      writeFileSync(join(place, "tsconfig.json"), JSON.stringify({ extends: "../../tsconfig.json", include: ["."] }));
      writeFileSync(join(place, "negative.ts"), `import { expectTypeOf } from "vitest";\nvoid expectTypeOf;\n${assertion}\n`);
      const { code } = await runTool("tsc", ["--project", place], { show: "capture" });
      expect(code === 0).toBe(passes);
    } finally {
      rmSync(place, { recursive: true });
    }
  });
});
