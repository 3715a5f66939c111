/** The command line as somebody has it who installs the tarball into an empty folder: nothing of this repository is there. */
import { spawn } from "node:child_process";
import { mkdirSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { packInto } from "../../scripts/pack.ts";
import { repositoryRoot, run, temporaryFolder } from "../../scripts/tools.ts";
import { flakyApi } from "../../src/testing/index.ts";

let folder: string;
let app: string;

/** Unpacks it beside its dependencies, which no network is asked for, and makes the link that npm would make. */
beforeAll(async () => {
  folder = temporaryFolder("command");
  app = join(folder, "app");
  const modules = join(app, "node_modules");
  mkdirSync(join(modules, ".bin"), { recursive: true });
  const { tarball } = await packInto(folder);
  const unpacked = await run("tar", ["-xzf", tarball, "-C", modules], { cwd: folder, show: "capture" });
  if (unpacked.code !== 0) throw new Error(`the tarball cannot be unpacked:\n${unpacked.output}`);
  await run("mv", ["package", "holdfast"], { cwd: modules, show: "capture" });
  const { dependencies = {}, bin } = (await import(join(modules, "holdfast", "package.json"), { with: { type: "json" } })).default as {
    readonly dependencies?: Readonly<Record<string, string>>;
    readonly bin: { readonly holdfast: string };
  };
  for (const name of Object.keys(dependencies)) symlinkSync(join(repositoryRoot, "node_modules", name), join(modules, name));
  symlinkSync(join("..", "holdfast", bin.holdfast), join(modules, ".bin", "holdfast"));
  writeFileSync(join(app, "package.json"), JSON.stringify({ private: true }));
}, 120_000);

afterAll(() => rmSync(folder, { recursive: true, force: true }));

interface Running {
  readonly url: string;
  readonly end: () => Promise<{ readonly code: number | null; readonly output: string }>;
}

/** Starts a command that listens, as `npx` does: by the name in `.bin`, with whatever Node is first in the path. */
async function start(args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<Running> {
  const child = spawn(join("node_modules", ".bin", "holdfast"), args, { cwd: app, env: { ...process.env, ...env } });
  let output = "";
  const ended = new Promise<number | null>((resolve) => void child.on("close", resolve));
  const url = await new Promise<string>((resolve, reject) => {
    const hear = (chunk: Buffer): void => {
      output += chunk.toString();
      const found = /https?:\/\/127\.0\.0\.1:\d+/.exec(output)?.[0];
      if (found !== undefined) resolve(found);
    };
    child.stdout.on("data", hear);
    child.stderr.on("data", hear);
    void ended.then((code) => reject(new Error(`it ended with ${code}: ${output}`)));
  });
  return {
    url,
    end: async () => {
      child.kill("SIGTERM");
      return { code: await ended, output };
    },
  };
}

describe("the installed command", () => {
  test("serve: calls go through, the queue works, the dashboard is there, and it ends in good order", async () => {
    const api = await flakyApi({ endpoints: { "POST /contacts": {} }, rules: [{ when: { nth: 1 }, then: { status: 503 } }] });
    const config = { apis: { crm: { baseUrl: api.url, idempotency: {}, retry: { backoff: ["10ms"] } } } };
    writeFileSync(join(app, "holdfast.config.json"), JSON.stringify(config));
    const gateway = await start(["serve", "--port", "0"]);
    const body = JSON.stringify({ email: "ada@example.com" });
    const sent = await fetch(`${gateway.url}/to/crm/contacts`, { method: "POST", body, headers: { "idempotency-key": "1" } });
    expect([sent.status, sent.headers.get("holdfast-attempts")]).toEqual([201, "2"]);
    const taken = await fetch(`${gateway.url}/to/crm/contacts`, {
      method: "POST",
      body,
      headers: { "idempotency-key": "2", prefer: "respond-async" },
    });
    expect(taken.status).toBe(202);
    for (const path of ["/healthz", "/readyz", "/openapi.json", "/metrics", "/"])
      expect([path, (await fetch(`${gateway.url}${path}`)).status]).toEqual([path, 200]);
    const status = await run(join(app, "node_modules", ".bin", "holdfast"), ["status", "--url", gateway.url], {
      cwd: app,
      show: "capture",
    });
    expect([status.code, status.output]).toEqual([0, expect.stringContaining("nothing needs a person") as string]);
    expect((await gateway.end()).code).toBe(0);
    expect(readdirSync(app)).toContain("holdfast.db");
    await api.close();
  });

  test("mock: an API that misbehaves", async () => {
    writeFileSync(join(app, "script.json"), JSON.stringify({ endpoints: { "GET /x": {} }, rules: [{ then: { status: 503 } }] }));
    const mock = await start(["mock", "--script", "script.json", "--port", "0"]);
    expect((await fetch(`${mock.url}/x`)).status).toBe(503);
    await mock.end();
  });

  test.each([
    ["config init, and check of what it wrote", ["config", "init", "written.config.mjs"], "written"],
    ["config schema", ["config", "schema"], '"$defs"'],
    ["doctor", ["doctor"], "node"],
    ["completion", ["completion", "bash"], "complete -o default"],
  ])("%s", async (_, args, said) => {
    const { code, output } = await run(join(app, "node_modules", ".bin", "holdfast"), args, { cwd: app, show: "capture" });
    expect([code, output]).toEqual([0, expect.stringContaining(said) as string]);
  });

  test("demo: the main job", async () => {
    const { code, output } = await run(join(app, "node_modules", ".bin", "holdfast"), ["demo", "--fast", "--leads", "60"], {
      cwd: app,
      show: "capture",
    });
    expect([code, output]).toEqual([0, expect.stringMatching(/lost/i) as string]);
  });
});
