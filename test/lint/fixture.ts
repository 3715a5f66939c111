/** Lints a small made-up repository with this one's real configuration. */
import { cpSync, mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { repositoryRoot, run } from "../../scripts/tools.ts";

export interface Finding {
  readonly file: string;
  readonly rule: string;
  readonly message: string;
}

/** Writes the files, runs oxlint on them all and gives what it found. Files that a case imports exist as empty modules. */
export async function lint(files: Readonly<Record<string, string>>): Promise<readonly Finding[]> {
  const root = realpathSync(mkdtempSync(join(tmpdir(), "holdfast-lint-")));
  try {
    for (const part of [".oxlintrc.json", "tsconfig.json", "package.json", "scripts/lint"]) {
      cpSync(join(repositoryRoot, part), join(root, part), { recursive: true });
    }
    symlinkSync(join(repositoryRoot, "node_modules"), join(root, "node_modules"));
    for (const [path, text] of Object.entries(files)) {
      mkdirSync(dirname(join(root, path)), { recursive: true });
      writeFileSync(join(root, path), text);
    }
    const oxlint = join(repositoryRoot, "node_modules", "oxlint", "bin", "oxlint");
    const { output } = await run(process.execPath, [oxlint, "--format=json"], { cwd: root, show: "capture" });
    return read(output);
  } finally {
    rmSync(root, { recursive: true });
  }
}

function read(output: string): readonly Finding[] {
  const { diagnostics } = JSON.parse(output.slice(output.indexOf("{"))) as {
    diagnostics: { filename: string; code?: string; message: string }[];
  };
  return diagnostics.map(({ filename, code, message }) => ({ file: filename, rule: code ?? "", message }));
}
