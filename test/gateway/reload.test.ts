import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { temporaryFolder } from "../../scripts/tools.ts";
import { json, serve, type TestServer } from "../client/server.ts";
import { startCli, type CliRun } from "../cli/holdfast.ts";

let folder: string;
let upstream: TestServer;
let run: CliRun;
let url: string;
let said = "";
let release: (() => void) | undefined;

const write = (config: object): void =>
  writeFileSync(join(folder, "holdfast.config.json"), JSON.stringify({ store: "memory:", ...config }));
const until = async (condition: () => boolean): Promise<void> => {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 20));
};

beforeAll(async () => {
  folder = temporaryFolder("reload");
  upstream = await serve(async ({ url: path }, response) => {
    if (path === "/slow") await new Promise<void>((resolve) => (release = resolve));
    json(response, 200, { path });
  });
  write({ apis: { crm: { baseUrl: upstream.url } } });
  run = startCli(["serve", "--port", "0"], { cwd: folder });
  let out = "";
  run.child.stdout?.on("data", (chunk: Buffer) => (out += chunk.toString()));
  run.child.stderr?.on("data", (chunk: Buffer) => (said += chunk.toString()));
  await until(() => /listening on \S+/.test(out));
  url = /listening on (\S+)/.exec(out)?.[1] ?? "";
});

afterAll(async () => {
  run.child.kill("SIGTERM");
  await run.ended;
  await upstream[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true, force: true });
});

describe("a config that changes under a gateway", () => {
  test("is taken at SIGHUP, and the request under way ends well", async () => {
    const slow = fetch(`${url}/to/crm/slow`);
    await until(() => release !== undefined);
    expect((await fetch(`${url}/to/mail/a`)).status).toBe(404);
    write({ apis: { crm: { baseUrl: `${upstream.url}/v2` }, mail: { baseUrl: upstream.url } } });
    run.child.kill("SIGHUP");
    await until(() => said.includes("added: mail; changed: crm"));
    expect(await (await fetch(`${url}/to/mail/a`)).json()).toEqual({ path: "/a" });
    expect(await (await fetch(`${url}/to/crm/b`)).json()).toEqual({ path: "/v2/b" });
    release?.();
    expect(await (await slow).json()).toEqual({ path: "/slow" });
  });

  test("and is wrong is refused, and said, and the old one goes on", async () => {
    write({ apis: { crm: { baseUrl: upstream.url, retrys: {} } } });
    run.child.kill("SIGHUP");
    await until(() => said.includes("apis.crm.retrys is not an option"));
    expect(said).toContain("was not taken");
    expect(await (await fetch(`${url}/to/crm/b`)).json()).toEqual({ path: "/v2/b" });
  });
});
