import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { exitCodes } from "../../src/cli/exit-codes.ts";

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
});
