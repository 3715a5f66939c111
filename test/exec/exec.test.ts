import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { systemClock } from "../../src/adapters/clock/system.ts";
import type { ExecRun } from "../../src/cli/exec/history.ts";
import { exitCodes } from "../../src/cli/exit-codes.ts";
import { verifyStandardWebhook } from "../../src/policy/webhook/standard-webhooks.ts";
import { sleep } from "../../src/ports/clock.ts";
import { temporaryFolder } from "../../scripts/tools.ts";
import { cli, startCli, type CliEnd, type CliRun } from "../cli/holdfast.ts";

const NODE = process.execPath;
let folder: string;
let stores = 0;
beforeAll(() => {
  folder = temporaryFolder("exec");
});
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

/** A store of its own for each test, so that they may run side by side. */
function newStore(): string {
  stores += 1;
  return join(folder, `exec-${stores}.db`);
}

function start(store: string, options: readonly string[], script: string, env: NodeJS.ProcessEnv = {}): CliRun {
  const args = ["exec", "--name", "job", "--store", store, "--json", ...options, "--", NODE, "-e", script];
  return startCli(args, { cwd: folder, env: { ...process.env, ...env } });
}

function endOf({ stdout }: CliEnd): Record<string, unknown> {
  return JSON.parse(stdout.trimEnd().split("\n").at(-1) ?? "") as Record<string, unknown>;
}

async function history(store: string): Promise<readonly ExecRun[]> {
  const { stdout } = await cli(["exec", "--history", "--name", "job", "--json", "--store", store], { cwd: folder });
  return stdout
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as ExecRun);
}

/** Process ids that a script has printed as `pid N`. */
function pidsIn(text: string): number[] {
  return [...text.matchAll(/pid (\d+)/g)].map(([, pid]) => Number(pid));
}

/** A zombie that nobody reaps, as in a container without an init, is dead. */
function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, "latin1"));
  } catch {
    return false;
  }
}

/** Says its own id and that of a child, and neither listens to SIGTERM. */
const HANGS = `
  process.on("SIGTERM", () => console.log("not now"));
  const child = require("node:child_process").spawn(process.execPath, ["-e", "process.on('SIGTERM', () => {}); setInterval(() => {}, 1000)"], { stdio: "ignore" });
  console.log("pid " + process.pid + " pid " + child.pid);
  setInterval(() => {}, 1000);
`;

function told({ child }: CliRun, text: RegExp): Promise<string> {
  let all = "";
  return new Promise((resolve, reject) => {
    const hear = (chunk: Buffer): void => {
      all += chunk.toString();
      if (text.test(all)) resolve(all);
    };
    child.stdout?.on("data", hear);
    child.once("exit", () => reject(new Error(`it ended before it said ${String(text)}:\n${all}`)));
  });
}

describe.concurrent("holdfast exec", { timeout: 60_000 }, () => {
  it("runs a command until it succeeds, by its schedule, and keeps each attempt with its output", async ({ expect }) => {
    const store = newStore();
    const script = `console.log("try " + process.env.HOLDFAST_ATTEMPT); process.exit(process.env.HOLDFAST_ATTEMPT === "3" ? 0 : 9)`;
    const end = await start(store, ["--schedule", "0,100ms,150ms,10s"], script).ended;
    expect(end.code).toBe(0);
    expect(end.stdout).toContain("try 1\ntry 2\ntry 3\n");
    expect(endOf(end)).toMatchObject({ name: "job", state: "succeeded", attempts: 3 });
    const [run, ...others] = await history(store);
    expect(others).toEqual([]);
    expect(run).toMatchObject({ name: "job", state: "succeeded", command: [NODE, "-e", script] });
    expect(run?.attempts.map(({ state, because, output }) => [state, because, output])).toEqual([
      ["failed", "it exited with 9", "try 1\n"],
      ["failed", "it exited with 9", "try 2\n"],
      ["succeeded", "it exited with 0", "try 3\n"],
    ]);
    const [first, second, third] = run?.attempts.map(({ startedAt }) => startedAt) ?? [];
    expect((second ?? 0) - (first ?? 0)).toBeGreaterThanOrEqual(100);
    expect((third ?? 0) - (second ?? 0)).toBeGreaterThanOrEqual(150);
  });

  it("stops a command that hangs, with all that it has started, at each of its escalating timeouts", async ({ expect }) => {
    const store = newStore();
    const end = await start(store, ["--schedule", "0,10ms", "--timeout", "1s,2s", "--grace", "200ms"], HANGS).ended;
    expect(end.code).toBe(exitCodes.failed.code);
    const pids = pidsIn(end.stdout);
    expect(pids).toHaveLength(4);
    expect(pids.filter(isAlive)).toEqual([]);
    const [run] = await history(store);
    expect(run?.attempts.map(({ because }) => because)).toEqual([
      "the attempt did not end within its timeout of 1000 ms (option timeout.attempt)",
      "the attempt did not end within its timeout of 2000 ms (option timeout.attempt)",
    ]);
    expect(run?.attempts[1]?.durationMs).toBeGreaterThanOrEqual(2_000);
    const { stdout } = await cli(["dlq", "list", "--store", store, "--json"], { cwd: folder });
    expect(JSON.parse(stdout)).toMatchObject({ id: endOf(end)["deadLetter"], api: "exec", reason: "exhausted" });
  });

  it.each([
    ["3", ["--permanent", "3"], 1],
    ["4", ["--permanent", "3"], 2],
    ["75", ["--transient", "75"], 2],
    ["1", ["--transient", "75"], 1],
    ["127", [], 1],
  ] as const)("takes exit code %s under %j for what it says", async (code, options, attempts) => {
    const end = await start(newStore(), ["--schedule", "0,10ms", ...options], `process.exit(${code})`).ended;
    expect([end.code, endOf(end)["attempts"]]).toEqual([exitCodes.failed.code, attempts]);
  });

  it("does not retry a command that cannot be started", async ({ expect }) => {
    const end = await cli(["exec", "--name", "job", "--store", newStore(), "--json", "--", "./no-such-command"], { cwd: folder });
    expect(end.code).toBe(exitCodes.failed.code);
    expect(endOf(end)).toMatchObject({ attempts: 1, state: "failed" });
    expect(end.stderr).toContain("it cannot be started");
  });

  it("starts nothing while a run of the name is at work, and ends with a code of its own", async ({ expect }) => {
    const store = newStore();
    const first = start(store, [], `console.log("pid " + process.pid); setTimeout(() => {}, 60000)`);
    await told(first, /pid \d+/);
    const second = await start(store, [], `console.log("pid 1")`).ended;
    expect(second.code).toBe(exitCodes.busy.code);
    expect(endOf(second)).toMatchObject({ state: "busy", attempts: 0 });
    const other = await cli(["exec", "--name", "other", "--store", store, "--", NODE, "-e", "0"], { cwd: folder });
    expect(other.code).toBe(0);
    first.child.kill("SIGTERM");
    const end = await first.ended;
    expect(end.code).toBe(exitCodes.terminated.code);
    expect(pidsIn(end.stdout).filter(isAlive)).toEqual([]);
    expect((await start(store, [], "0").ended).code).toBe(0);
    expect((await history(store)).map(({ state }) => state)).toEqual(["succeeded", "failed"]);
  });

  it("passes a signal on to the command, and does not try again", async ({ expect }) => {
    const script = `process.on("SIGINT", () => { console.log("heard"); process.exit(5); }); console.log("pid " + process.pid); setInterval(() => {}, 1000)`;
    const run = start(newStore(), ["--schedule", "0,10ms,10ms"], script);
    await told(run, /pid \d+/);
    run.child.kill("SIGINT");
    const end = await run.ended;
    expect(end.stdout).toContain("heard");
    expect([end.code, endOf(end)["attempts"]]).toEqual([exitCodes.interrupted.code, 1]);
  });

  it("is seen by the next start when it was killed in mid-run, and its command is not run beside itself", async ({ expect }) => {
    const store = newStore();
    const first = start(store, [], `console.log("pid " + process.pid); setTimeout(() => {}, 60000)`);
    const [pid = 0] = pidsIn(await told(first, /pid \d+/));
    // As soon as it is on disk that it is at work.
    while (((await history(store))[0]?.attempts.length ?? 0) === 0) await sleep(systemClock, 20);
    first.child.kill("SIGKILL");
    await first.ended;
    expect((await start(store, [], "0").ended).code).toBe(exitCodes.busy.code);
    // Half a minute later: what is held without a word is nobody's.
    letGo(store);
    const beside = await start(store, [], "0").ended;
    expect(beside.code).toBe(exitCodes.busy.code);
    expect(beside.stderr).toContain("its command is still at work");
    process.kill(pid, "SIGKILL");
    const end = await start(store, [], "0").ended;
    expect(end.code).toBe(0);
    expect(end.stderr).toContain("was cut short: its holdfast vanished in mid-run");
    expect((await history(store)).map(({ state }) => state)).toEqual(["succeeded", "cut short"]);
    const { stdout } = await cli(["dlq", "list", "--store", store, "--json"], { cwd: folder });
    expect(JSON.parse(stdout)).toMatchObject({ api: "exec", reason: "outcome-unknown" });
  });

  it("tells a command of the shell how it ended", async ({ expect }) => {
    const file = join(folder, "told.txt");
    const tell = `(echo "$HOLDFAST_NAME $HOLDFAST_STATE"; cat) > '${file}'`;
    const end = await start(newStore(), ["--schedule", "0", "--notify", tell], "process.exit(3)").ended;
    expect(end.code).toBe(exitCodes.failed.code);
    const [line, json] = readFileSync(file, "utf8").split("\n");
    expect(line).toBe("job failed");
    expect(JSON.parse(json ?? "")).toMatchObject({ type: "exec.failed", data: { name: "job", state: "failed", attempts: 1 } });
  });

  it("raises an alert where the config has them, once for each run that is given up", async ({ expect }) => {
    const got: { readonly type: string; readonly data: Readonly<Record<string, unknown>> }[] = [];
    const server = createServer((request, response) => {
      let body = "";
      request.on("data", (chunk: Buffer) => (body += chunk.toString()));
      request.on("end", () => {
        got.push(JSON.parse(body) as (typeof got)[number]);
        response.writeHead(204).end();
      });
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/alerts`;
    const config = join(folder, "alerts.json");
    writeFileSync(config, JSON.stringify({ apis: {}, alerts: { to: [{ type: "webhook", url }] } }));
    const store = newStore();
    const first = await start(store, ["--config", config, "--schedule", "0"], "process.exit(3)").ended;
    expect([first.code, got.length]).toEqual([exitCodes.failed.code, 1]);
    expect(got[0]).toMatchObject({ type: "alert.fired", data: { rule: "exhausted", subject: "exec job", tier: "critical" } });
    expect(String(got[0]?.data["advice"])).toContain(String(endOf(first)["deadLetter"]));
    // What failed yesterday and fails again today is told again; what succeeds is not.
    await start(store, ["--config", config, "--schedule", "0"], "process.exit(3)").ended;
    expect((await start(store, ["--config", config, "--schedule", "0"], "0").ended).code).toBe(0);
    expect(got.length).toBe(2);
    server.close();
  });

  it("posts a signed webhook", async ({ expect }) => {
    const secret = `whsec_${Buffer.from("a secret of twenty-four bytes").toString("base64")}`;
    const got = Promise.withResolvers<{ headers: Headers; body: string }>();
    let posts = 0;
    const server = createServer((request, response) => {
      let body = "";
      posts += 1;
      request.on("data", (chunk: Buffer) => (body += chunk.toString()));
      request.on("end", () => {
        // The first answer is a bad one: it is told again.
        response.writeHead(posts === 1 ? 503 : 204).end();
        if (posts === 2) got.resolve({ headers: new Headers(request.headers as Record<string, string>), body });
      });
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`;
    const end = await start(newStore(), ["--notify", url], "0", { HOLDFAST_NOTIFY_SECRET: secret }).ended;
    expect(end.code).toBe(0);
    const { headers, body } = await got.promise;
    const now = systemClock.now();
    const verified = await verifyStandardWebhook(
      { method: "POST", url, headers, body: new TextEncoder().encode(body) },
      { secrets: [secret], now, toleranceMs: 60_000 },
    );
    expect(verified.state).toBe("verified");
    expect(JSON.parse(body)).toMatchObject({ type: "exec.succeeded", data: { name: "job", run: headers.get("webhook-id") } });
    server.close();
  });

  it.each<[readonly string[], string]>([
    [["--name", "job"], "say what to run"],
    [["--", "true"], "--name"],
    [["--name", "a b", "--", "true"], "--name"],
    [["--name", "job", "--schedule", "30s", "--", "true"], "begin with 0"],
    [["--name", "job", "--timeout", "soon", "--", "true"], "--timeout"],
    [["--name", "job", "--permanent", "0", "--", "true"], "--permanent"],
    [["--name", "job", "--permanent", "3", "--transient", "3", "--", "true"], "--transient"],
    [["--name", "job", "--notify", "https://example.com", "--", "true"], "HOLDFAST_NOTIFY_SECRET"],
  ])("%j is refused before anything is run", async (args, text) => {
    const end = await cli(["exec", ...args], { cwd: folder });
    expect([end.code, end.stderr.includes(text)], end.stderr).toEqual([exitCodes.usage.code, true]);
  });
});

/** Makes time pass for the leases in a store. */
function letGo(store: string): void {
  // A database of its own module, so that the test needs no clock in the product.
  const { DatabaseSync } = process.getBuiltinModule("node:sqlite");
  const db = new DatabaseSync(store);
  db.exec("UPDATE run SET lease_until = 0 WHERE token IS NOT NULL");
  db.close();
}
