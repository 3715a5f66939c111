/** Finds the examples in the documentation, type-checks them together and runs them one by one. */
import { readFileSync, mkdirSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { repositoryRoot, run, runTool, type Ended } from "../../scripts/tools.ts";

export interface Example {
  /** Where it stands, such as `src/core/duration.ts:12`. */
  readonly place: string;
  readonly code: string;
  /** Whether it is run as well as type-checked. */
  readonly runs: boolean;
}

/**
 * The fenced `ts` blocks of a Markdown text. Those marked ` ```ts run ` are run. An HTML comment that begins with `ts`, right
 * before a block, holds lines that belong to it and that readers need not see.
 */
export function markdownExamples(path: string, text: string): readonly Example[] {
  const pattern = /(?:<!--\s*ts\n(?<hidden>[\s\S]*?)-->\s*)?^(?<indent> *)```ts(?<marks>[^\n]*)\n(?<code>[\s\S]*?)^ *```$/gm;
  return [...text.matchAll(pattern)].map((match) => {
    const { hidden = "", marks = "", code = "", indent = "" } = match.groups ?? {};
    const shown = code.replaceAll(new RegExp(`^${indent}`, "gm"), "");
    const line = lineOf(text, match.index + match[0].indexOf("```ts"));
    return { place: `${path}:${line}`, code: `${hidden}${shown}`, runs: /\brun\b/.test(marks) };
  });
}

/** The fenced `ts` blocks under `@example` in the docstrings of a TypeScript file. All of them are run. */
export function docstringExamples(path: string, text: string): readonly Example[] {
  return [...text.matchAll(/\/\*\*[\s\S]*?\*\//g)].flatMap((comment) => {
    const body = comment[0].replaceAll(/^[ \t]*\*(?!\/) ?/gm, "");
    return [...body.matchAll(/^@example[^\n]*\n(?<example>[\s\S]*?)(?=^@|(?![\s\S]))/gm)].flatMap((tag) =>
      [...(tag.groups?.["example"] ?? "").matchAll(/^```ts\n(?<code>[\s\S]*?)^```/gm)].map((block) => {
        const before = text.slice(0, comment.index) + body.slice(0, tag.index + tag[0].indexOf(block[0]));
        return { place: `${path}:${lineOf(before, before.length)}`, code: block.groups?.["code"] ?? "", runs: true };
      }),
    );
  });
}

function lineOf(text: string, index: number): number {
  return text.slice(0, index).split("\n").length;
}

export interface Workbench {
  /** What the compiler says about an example; empty when it is content. */
  faultsOf(example: Example): readonly string[];
  /** Runs an example on its own, in an empty folder, with `holdfast` coming from src. */
  run(example: Example): Promise<Ended>;
}

/** Writes the examples into `folder`, which lies in the repository, and type-checks them all at once. */
export async function layOut(folder: string, examples: readonly Example[]): Promise<Workbench> {
  const files = new Map(examples.map((example, index) => [example, join(folder, `${index}`, "example.ts")]));
  for (const [{ code }, file] of files) {
    mkdirSync(join(file, ".."), { recursive: true });
    writeFileSync(file, code);
  }
  writeFileSync(join(folder, "package.json"), JSON.stringify({ type: "module" }));
  writeFileSync(join(folder, "tsconfig.json"), JSON.stringify(exampleConfig(folder)));
  const { output } = await runTool("tsc", ["--project", folder, "--pretty", "false"], { show: "capture" });
  return {
    faultsOf(example) {
      const name = relative(repositoryRoot, files.get(example) ?? "");
      return output.split("\n").filter((line) => line.startsWith(`${name}(`));
    },
    run(example) {
      const file = files.get(example) ?? "";
      const preload = join(repositoryRoot, "test", "docs", "harness", "source-package.mjs");
      return run(process.execPath, ["--import", preload, file], { cwd: join(file, ".."), show: "capture" });
    },
  };
}

function exampleConfig(folder: string): object {
  const manifest = JSON.parse(readFileSync(join(repositoryRoot, "package.json"), "utf8")) as {
    exports: Record<string, { types?: string }>;
  };
  const paths = Object.entries(manifest.exports).flatMap(([subpath, { types }]) =>
    types === undefined
      ? []
      : [[`holdfast${subpath.slice(1)}`, [join(repositoryRoot, types.replace("/dist/", "/src/").replace(".d.ts", ".ts"))]]],
  );
  return {
    extends: relative(folder, join(repositoryRoot, "tsconfig.json")),
    compilerOptions: { paths: Object.fromEntries(paths), moduleDetection: "force", isolatedDeclarations: false, declaration: false },
    include: ["."],
  };
}
