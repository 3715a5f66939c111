import { rmSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { temporaryFolder } from "../../scripts/tools.ts";
import { docstringExamples, layOut, markdownExamples, type Example, type Workbench } from "./examples.ts";
import { find, read } from "./pages.ts";

const examples = [
  ...find("README.md", "docs/guide/**/*.md", "docs/reference/**/*.md").flatMap((path) => markdownExamples(path, read(path))),
  ...find("src/**/*.ts")
    .filter((path) => !/\.test(?:-d)?\.ts$/.test(path))
    .flatMap((path) => docstringExamples(path, read(path))),
];

/** Twins that must fail, each in one way. */
const sound: Example = { place: "sound", code: 'import assert from "node:assert/strict";\nassert.equal(1 + 1, 2);\n', runs: true };
const failing: Example = { place: "failing", code: sound.code.replace("2)", "3)"), runs: true };
const mistyped: Example = { place: "mistyped", code: "export const wrong: string = 1;\n", runs: false };
const stranger: Example = { place: "stranger", code: 'import { nonsense } from "holdfast";\nvoid nonsense;\n', runs: true };

let folder: string;
let workbench: Workbench;

beforeAll(async () => {
  folder = temporaryFolder("examples");
  workbench = await layOut(folder, [...examples, sound, failing, mistyped, stranger]);
}, 60_000);

afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

describe("the examples in the documentation", () => {
  test.concurrent.each(examples)("$place type-checks", (example) => {
    expect(workbench.faultsOf(example)).toEqual([]);
  });

  test.concurrent.each(examples.filter(({ runs }) => runs))(
    "$place does what it says",
    async (example) => {
      const { code, output } = await workbench.run(example);
      expect(code, output).toBe(0);
    },
    30_000,
  );
});

describe("the test of the examples", () => {
  test("is content with a sound one", async () => {
    expect(workbench.faultsOf(sound)).toEqual([]);
    expect((await workbench.run(sound)).code).toBe(0);
  });

  test("sees an assertion that fails", async () => {
    expect((await workbench.run(failing)).output).toContain("AssertionError");
  });

  test("sees a type that is wrong", () => {
    expect(workbench.faultsOf(mistyped).join()).toContain("TS2322");
  });

  test("sees a name that the package does not export", async () => {
    expect(workbench.faultsOf(stranger).join()).toContain("nonsense");
    expect((await workbench.run(stranger)).output).toContain("does not provide an export named 'nonsense'");
  });

  test("finds the blocks of a page, those to run, and their hidden lines", () => {
    const page =
      "# T\n\n```ts\na;\n```\n\n```sh\nb\n```\n\n<!-- ts\nc;\n-->\n\n```ts run\nd;\n```\n\n- item\n\n  ```ts\n  e;\n    f;\n  ```\n";
    expect(markdownExamples("p.md", page)).toEqual([
      { place: "p.md:3", code: "a;\n", runs: false },
      { place: "p.md:15", code: "c;\nd;\n", runs: true },
      { place: "p.md:21", code: "e;\n  f;\n", runs: false },
    ]);
  });

  test("finds the examples of a docstring, and only those", () => {
    const source = [
      "const x = 1;",
      "/**",
      " * Text.",
      " *",
      " * ```ts",
      " * outside;",
      " * ```",
      " *",
      " * @example",
      " * ```ts",
      " * one;",
      " *   // indented",
      " * ```",
      " * @example",
      " * Then:",
      " * ```ts",
      " * two;",
      " * ```",
      " *",
      " * @default 1",
      " */",
    ].join("\n");
    expect(docstringExamples("s.ts", source)).toEqual([
      { place: "s.ts:10", code: "one;\n  // indented\n", runs: true },
      { place: "s.ts:16", code: "two;\n", runs: true },
    ]);
  });
});
