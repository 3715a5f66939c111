import { execFileSync } from "node:child_process";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { checkConfig } from "../../src/client/define-config.ts";
import { CONFIG_START } from "../../src/cli/config-start.ts";
import { examine } from "../../src/cli/doctor.ts";
import { repositoryRoot, temporaryFolder } from "../../scripts/tools.ts";
import { cli } from "./holdfast.ts";

let folder: string;
beforeAll(() => {
  folder = temporaryFolder("running");
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe("holdfast completion", () => {
  test("completes commands, subcommands and options in bash, as they are", async () => {
    const { code, stdout } = await cli(["completion", "bash"], { cwd: folder });
    expect(code).toBe(0);
    writeFileSync(join(folder, "complete.sh"), stdout);
    const complete = (...words: readonly string[]): string[] =>
      execFileSync(
        "bash",
        ["-c", 'source complete.sh; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _holdfast; echo "${COMPREPLY[*]}"', "bash", ...words],
        { cwd: folder, encoding: "utf8" },
      )
        .trim()
        .split(" ");
    expect(complete("holdfast", "dl")).toEqual(["dlq"]);
    expect(complete("holdfast", "dlq", "re")).toEqual(["replay"]);
    expect(complete("holdfast", "dlq", "list", "--st")).toEqual(["--store", "--state"].sort().reverse());
  });
});

describe("holdfast config init", () => {
  test("writes what is accepted, and nothing over what is there", async () => {
    expect((await cli(["config", "init", "start.ts"], { cwd: folder })).code).toBe(0);
    expect(readFileSync(join(folder, "start.ts"), "utf8")).toBe(CONFIG_START);
    const again = await cli(["config", "init", "start.ts"], { cwd: folder });
    expect([again.code, again.stderr]).toEqual([2, expect.stringContaining("left alone")]);
    const source = pathToFileURL(join(repositoryRoot, "src", "index.ts")).href;
    writeFileSync(join(folder, "run.ts"), CONFIG_START.replace('"holdfast"', JSON.stringify(source)));
    const { default: config } = (await import(pathToFileURL(join(folder, "run.ts")).href)) as { default: unknown };
    expect(() => checkConfig(config)).not.toThrow();
  });
});

describe("holdfast doctor", () => {
  test("says what is wrong, and finds nothing where nothing is", async () => {
    const good = join(folder, "good.json");
    writeFileSync(good, JSON.stringify({ store: "sqlite:none-yet.db", apis: { crm: {} } }));
    expect((await examine({ config: good, probe: false })).filter(({ level }) => level === "wrong")).toEqual([]);
    const bad = join(folder, "bad.json");
    const auth = { type: "bearer", token: { env: "HOLDFAST_TEST_NO_SUCH_SECRET" } };
    writeFileSync(
      bad,
      JSON.stringify({ store: "postgres://u:canary-9@127.0.0.1:1/none", apis: { crm: { baseUrl: "http://127.0.0.1:1", auth } } }),
    );
    const found = await examine({ config: bad, probe: true });
    expect(found.filter(({ level }) => level === "wrong").map(({ about }) => about)).toEqual(["secret", "store", "apis.crm"]);
    expect(JSON.stringify(found)).not.toContain("canary-9");
  });
});
