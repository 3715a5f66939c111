import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import type { Command } from "commander";
import { completionScript } from "../../src/cli/completion.ts";
import { exitCodes } from "../../src/cli/exit-codes.ts";
import { program } from "../../src/cli/program.ts";

const page = readFileSync(new URL("../../docs/reference/cli.md", import.meta.url), "utf8");

/** The rows of the table of exit codes, as they stand on a page. */
function rowsOf(text: string): readonly string[] {
  return (text.split("## Exit codes")[1] ?? "")
    .split("\n")
    .filter((line) => /^\| \d/.test(line))
    .map((line) => line.replaceAll(/ +/g, " "));
}

describe("docs/reference/cli.md", () => {
  const rows = Object.values(exitCodes).map(({ code, about }) => `| ${code} | ${about} |`);

  it("lists every exit code with its meaning, and no other", () => {
    expect(rowsOf(page)).toEqual(rows);
  });

  it("would be found out if it did not", () => {
    expect(rowsOf("## Exit codes\n\n| code | meaning |\n| --- | --- |\n| 9 | other |\n")).not.toEqual(rows);
  });

  it("names every command, and no other; so does completion", () => {
    const commands = leavesOf(program());
    const told = [...page.matchAll(/^\| `([a-z][a-z ]*[a-z])/gm)].map(([, name = ""]) => name);
    expect([...new Set(told)].toSorted()).toEqual(commands.toSorted());
    const script = completionScript(program(), "bash");
    for (const command of commands) expect(script).toContain(`'${command}') words=`);
  });
});

/** The commands that do something, by their words. */
function leavesOf(command: Command, path: readonly string[] = []): readonly string[] {
  return command.commands.flatMap((sub) =>
    sub.commands.length > 0 ? leavesOf(sub, [...path, sub.name()]) : [[...path, sub.name()].join(" ")],
  );
}
