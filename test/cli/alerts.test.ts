import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { exitCodes } from "../../src/cli/exit-codes.ts";
import type { Silence } from "../../src/signals/alerts/silence.ts";
import { temporaryFolder } from "../../scripts/tools.ts";
import { serve, type TestServer } from "../client/receiver.ts";
import { cliHere } from "./in-process.ts";

let folder: string;
let server: TestServer;
const run = (...args: string[]): ReturnType<typeof cliHere> => cliHere(["alerts", ...args], { cwd: folder });

beforeAll(async () => {
  folder = temporaryFolder("alerts");
  server = await serve();
  const config = (sinks: readonly object[]): string => JSON.stringify({ store: "sqlite:jobs.db", apis: {}, alerts: { to: sinks } });
  writeFileSync(
    join(folder, "holdfast.config.json"),
    config([
      { type: "slack", url: `${server.url}/slack` },
      { type: "webhook", url: `${server.url}/ops` },
    ]),
  );
  writeFileSync(join(folder, "refused.json"), config([{ type: "webhook", url: `${server.url}/ops` }]));
});

afterAll(async () => {
  await server.close();
  rmSync(folder, { recursive: true, force: true });
});

// The tests of this file tell one story and run in its order.
it("alerts test tells every sink, and what became of it", async () => {
  const { code, stdout } = await run("test");
  expect(code).toBe(0);
  expect(stdout).toMatch(/^slack: delivered in .*\nwebhook: delivered in .*\n$/);
  expect(server.taken.map(({ body }) => body.includes("this is a test"))).toEqual([true, true]);
});

it("alerts test fails where a sink refuses, with what it said", async () => {
  server.answers = [404];
  const { code, stdout } = await run("test", "--config", "refused.json");
  expect([code, stdout]).toEqual([exitCodes.failed.code, "webhook: not delivered: the answer was 404\n"]);
});

it("alerts test says where nobody would be told", async () => {
  const bare = join(folder, "bare.json");
  writeFileSync(bare, JSON.stringify({ store: "sqlite:jobs.db", apis: {} }));
  const { code, stderr } = await run("test", "--config", "bare.json");
  expect(code).not.toBe(0);
  expect(stderr).toContain("has no alerts, so there is nobody to tell");
});

it("alerts silence, silences and unsilence keep a silence in the store, with who and why", async () => {
  const made = await run(
    "silence",
    "--store",
    "jobs.db",
    "--rule",
    "breaker-open",
    "--subject",
    "crm *",
    "--for",
    "2h",
    "--reason",
    "maintenance",
    "--json",
  );
  const silence = JSON.parse(made.stdout) as Silence;
  expect(silence).toMatchObject({ rule: "breaker-open", subject: "crm *", because: "maintenance", by: expect.any(String) });
  expect(silence.until - Date.now()).toBeGreaterThan(7_100_000);
  expect((await run("silences", "--store", "jobs.db")).stdout).toContain("breaker-open of crm *");
  expect((await run("unsilence", silence.id, "--store", "jobs.db")).stdout).toBe(`ended: ${silence.id}\n`);
  expect((await run("silences", "--store", "jobs.db")).stdout).toBe("no silences\n");
  expect((await run("unsilence", silence.id, "--store", "jobs.db")).code).not.toBe(0);
});

it("alerts silence refuses one without an end, a reason, or a rule that there is", async () => {
  expect((await run("silence", "--store", "jobs.db", "--for", "0s", "--reason", "x")).code).not.toBe(0);
  expect((await run("silence", "--store", "jobs.db", "--for", "1h")).stderr).toContain("--reason");
  expect((await run("silence", "--store", "jobs.db", "--for", "1h", "--reason", "x", "--rule", "nope")).stderr).toContain("rule");
});

it("alerts list tells what fires", async () => {
  expect((await run("list", "--store", "jobs.db")).stdout).toBe("nothing fires\n");
});
