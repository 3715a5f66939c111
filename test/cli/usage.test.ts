import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { exitCodes } from "../../src/cli/exit-codes.ts";
import { repositoryRoot, temporaryFolder } from "../../scripts/tools.ts";
import type { CliEnd } from "./holdfast.ts";
import { cliHere } from "./in-process.ts";

let folder: string;
beforeAll(() => {
  folder = temporaryFolder("cli");
});
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

const run = (...args: string[]): Promise<CliEnd> => cliHere(args, { cwd: folder });

const COMMANDS = [
  "demo",
  "mock",
  "dlq list",
  "dlq groups",
  "dlq show",
  "dlq replay",
  "dlq discard",
  "dlq mark",
  "dlq export",
  "ops stats",
  "ops list",
  "ops show",
  "ops cancel",
  "lanes list",
  "lanes pause",
  "lanes resume",
  "impact",
  "store check",
  "config check",
  "config schema",
  "config init",
  "doctor",
  "serve",
  "completion",
];

describe("--help", () => {
  it.each([...COMMANDS, "dlq", "ops", "lanes", "store", "config"])(
    "of %s shows how it is called, and an example that is",
    async (command) => {
      const { code, stdout, stderr } = await run(...command.split(" "), "--help");
      expect([code, stderr]).toEqual([0, ""]);
      expect(stdout).toContain(`Usage: holdfast ${command}`);
      const example = new RegExp(`\\$ holdfast ${command}.*`).exec(stdout)?.[0] ?? "";
      const known = [...stdout.matchAll(/--[\w-]+/g)].map(([option]) => option);
      for (const [option] of example.matchAll(/--[\w-]+/g)) expect(known).toContain(option);
      expect(example).not.toBe("");
    },
  );

  it("of the whole lists every command", async () => {
    const { code, stdout } = await run("--help");
    expect(code).toBe(0);
    for (const command of COMMANDS) expect(stdout).toContain(`  ${command.split(" ")[0]} `);
  });

  it("is not all: --version says which", async () => {
    const { version } = JSON.parse(readFileSync(join(repositoryRoot, "package.json"), "utf8")) as { version: string };
    expect(await run("--version")).toMatchObject({ code: 0, stdout: `${version}\n` });
  });
});

describe("wrong usage", () => {
  it.each([
    ["an unknown command", ["frobnicate"]],
    ["no command", []],
    ["a group without its command", ["dlq"]],
    ["an unknown option", ["dlq", "list", "--frobnicate"]],
    ["a missing value", ["dlq", "list", "--limit"]],
    ["a value of the wrong kind", ["dlq", "list", "--limit", "many"]],
    ["a missing argument", ["dlq", "show"]],
    ["a missing option", ["dlq", "discard", "some-id"]],
    ["letters said in two ways", ["dlq", "replay", "some-id", "--all", "--config", "good.json"]],
    ["letters said in no way", ["dlq", "replay", "--config", "good.json"]],
    ["a replay without a config", ["dlq", "replay", "--all"]],
    ["no leads", ["demo", "--leads", "0"]],
    ["a file of leads that is not there", ["demo", "--file", "nope.csv"]],
    ["a script that is not there", ["mock", "--script", "nope.json"]],
  ])("such as %s ends with 2, says why, and shows no stack", async (_, args) => {
    writeFileSync(join(folder, "good.json"), JSON.stringify({ store: "sqlite:nothing.db", apis: {} }));
    const { code, stdout, stderr } = await run(...args);
    expect(code).toBe(exitCodes.usage.code);
    expect(stdout).toBe("");
    expect(stderr).not.toBe("");
    expect(stderr).not.toMatch(/\n {4}at /);
  });

  it.each([
    ["the parser's", ["dlq", "list", "--frobnicate"], "holdfast: unknown option '--frobnicate'\n"],
    ["ours", ["demo", "--file", "nope.csv"], "holdfast: nope.csv cannot be read: ENOENT: no such file or directory, open 'nope.csv'\n"],
  ])("is told in one line of one form, %s", async (_, args, line) => {
    expect((await run(...args)).stderr).toBe(line);
  });

  it("shows its stack with --debug, wherever that stands", async () => {
    const { stderr } = await run("demo", "--file", "nope.csv", "--debug");
    expect(stderr).toMatch(/\n {4}at /);
  });
});

describe("a store that is not there", () => {
  it.each([
    ["dlq list", ["dlq", "list", "--store", "typo.db"]],
    ["dlq show", ["dlq", "show", "some-id", "--store", "typo.db"]],
    ["dlq discard", ["dlq", "discard", "some-id", "--reason", "x", "--store", "typo.db"]],
    ["store check", ["store", "check", "--store", "typo.db"]],
    ["dlq list, by a config", ["dlq", "list", "--config", "typo.json"]],
    ["dlq replay, by a config", ["dlq", "replay", "--all", "--config", "typo.json"]],
    ["the default one", ["dlq", "groups"]],
  ])("ends %s with 3, and is not made", async (_, args) => {
    writeFileSync(join(folder, "typo.json"), JSON.stringify({ store: "sqlite:typo.db", apis: {} }));
    const { code, stderr } = await run(...args);
    expect(code).toBe(exitCodes.notFound.code);
    expect(stderr).toMatch(/^holdfast: there is no store at .*\n$/);
    expect(["typo.db", "holdfast.db"].filter((name) => existsSync(join(folder, name)))).toEqual([]);
  });

  it.each(["empty.db", "a-folder"])("is not %s either", async (name) => {
    writeFileSync(join(folder, "empty.db"), "");
    mkdirSync(join(folder, "a-folder"), { recursive: true });
    expect(await run("dlq", "list", "--store", name)).toMatchObject({ code: exitCodes.notFound.code });
  });

  it("is told from one that cannot be used: 4", async () => {
    writeFileSync(join(folder, "letter.db"), "Dear database, ".repeat(100));
    const { code, stderr } = await run("dlq", "list", "--store", "letter.db");
    expect([code, stderr.trimEnd().split("\n").length]).toEqual([exitCodes.store.code, 1]);
    expect(readFileSync(join(folder, "letter.db"), "utf8")).toMatch(/^Dear database/);
  });
});

const inboxed = (wrong: object): string =>
  JSON.stringify({
    apis: { app: { baseUrl: "https://app.example.com" } },
    inboxes: { shop: { verify: { scheme: "stripe", secret: { env: "X" } }, forwardTo: { api: "app", endpoint: "POST /hooks" }, ...wrong } },
  });

describe("a config", () => {
  const check = (name: string, text: string): Promise<CliEnd> => {
    writeFileSync(join(folder, name), text);
    return run("config", "check", "--config", name);
  };

  it("is told with what is in force and who said so", async () => {
    const text = JSON.stringify({
      store: "sqlite:jobs/holdfast.db",
      apis: {
        crm: {
          baseUrl: "https://api.example.com",
          profile: "crm",
          retry: { maxAttempts: 3 },
          auth: { type: "bearer", token: { env: "HOLDFAST_TEST_NO_SUCH_SECRET" } },
        },
      },
    });
    const { code, stdout, stderr } = await check("told.json", text);
    expect(code).toBe(0);
    expect(stdout).toContain(`store ${join(folder, "jobs", "holdfast.db")}`);
    expect(stdout).toMatch(/^retry\.maxAttempts +3 +config$/m);
    expect(stdout).toMatch(/^timeout\.total +10m +profile crm$/m);
    expect(stdout).toMatch(/^durability +on-failure +default$/m);
    expect(stdout).toMatch(/^auth +bearer, token from \$HOLDFAST_TEST_NO_SUCH_SECRET +config$/m);
    expect(stderr).toContain("apis.crm.auth.token refers to the environment variable HOLDFAST_TEST_NO_SUCH_SECRET, which is not set here");
  });

  it("never shows a secret that stands in it", async () => {
    const text = JSON.stringify({ apis: { crm: { auth: { type: "basic", username: "u", password: "canary-7d1f" } } } });
    const { code, stdout, stderr } = await check("secret.json", text);
    expect([code, `${stdout}${stderr}`.includes("canary-7d1f")]).toEqual([0, false]);
    expect(stdout).toContain("password written in the config");
  });

  it("may be a module, in TypeScript too", async () => {
    const text = `const config: { apis: object } = { apis: { crm: { profile: "llm" } } };\nexport default config;\n`;
    expect(await check("module.ts", text)).toMatchObject({ code: 0, stderr: "" });
  });

  it.each([
    ["bad-key.json", JSON.stringify({ apis: {}, stroe: "memory:" }), "config.stroe"],
    ["bad-api.json", JSON.stringify({ apis: { crm: { profil: "crm" } } }), "apis.crm.profil"],
    ["bad-alerts.json", JSON.stringify({ apis: {}, alerts: { to: [{ type: "slack" }] } }), "alerts.to[0].url"],
    ["bad-callbacks.json", JSON.stringify({ apis: {}, callbacks: { secret: { env: "X" }, allow: ["10.1.0.0"] } }), "callbacks.allow"],
    ["bad-inbox.json", inboxed({ verify: { scheme: "strip", secret: { env: "X" } } }), "inboxes.shop.verify.scheme"],
    ["open-inbox.json", inboxed({ verify: { scheme: "stripe", secret: "canary" } }), "inboxes.shop.verify.secret"],
    ["lost-inbox.json", inboxed({ forwardTo: { api: "erp", endpoint: "POST /hooks" } }), "inboxes.shop.forwardTo.api"],
    ["bad-store.json", JSON.stringify({ store: "mysql:x", apis: {} }), "store is"],
    ["no-apis.json", JSON.stringify({ store: "memory:" }), "apis is"],
    ["not-json.json", "{", "is not JSON"],
    ["throws.mjs", "throw new Error('out of order');", "out of order"],
    ["empty.mjs", "export const config = {};", "no default export"],
  ])("that is wrong (%s) ends with 2 and says where", async (name, text, where) => {
    const { code, stderr } = await check(name, text);
    expect(code).toBe(exitCodes.usage.code);
    expect(stderr).toContain(where);
    expect(stderr.trimEnd().split("\n")).toHaveLength(1);
  });
});
