import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { sqlite } from "../../src/adapters/store/sqlite/index.ts";
import { createHoldfast } from "../../src/client/holdfast.ts";
import { exitCodes } from "../../src/cli/exit-codes.ts";
import { temporaryFolder } from "../../scripts/tools.ts";
import { cli, type CliEnd } from "./holdfast.ts";

let folder: string;
const ids: Record<string, string> = {};
const run = (...args: string[]): Promise<CliEnd> => cli(args, { cwd: folder });
const linesOf = <Line>({ stdout }: CliEnd): Line[] => stdout.split("\n").flatMap((line) => (line === "" ? [] : [JSON.parse(line) as Line]));

/** A queue with an operation in each state that people meet, made as a program makes it. */
beforeAll(async () => {
  folder = temporaryFolder("ops");
  writeFileSync(
    join(folder, "holdfast.config.json"),
    JSON.stringify({ store: "sqlite:jobs.db", apis: { crm: { baseUrl: "https://crm.test" } } }),
  );
  const hf = await createHoldfast({
    store: sqlite(join(folder, "jobs.db")),
    apis: { crm: { baseUrl: "https://crm.test", idempotency: {} } },
    transport: async (_url, init) => {
      const body = new TextDecoder().decode(init.body as Uint8Array);
      if (body.includes("bad")) return Response.json({ message: "no such field" }, { status: 422 });
      if (body.includes("busy")) return Response.json({}, { status: 429, headers: { "retry-after": "7200" } });
      return Response.json({ id: 7 }, { status: 201 });
    },
  });
  const enqueue = async (name: string, options: object = {}): Promise<void> => {
    const { id } = await hf.enqueue("crm", "POST /contacts", { json: { name }, key: [name], labels: { name, campaign: "q4" }, ...options });
    ids[name] = id;
  };
  await enqueue("good");
  await enqueue("bad");
  await enqueue("busy");
  await enqueue("later", { delay: "2h", priority: 5, flow: "imports" });
  for (;;) {
    const { succeeded, dead, parked } = await hf.operations.stats();
    if (succeeded === 1 && dead === 1 && parked === 2) break;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  await hf.close();
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

// The tests of this file tell one story and run in its order.
describe("holdfast ops", { timeout: 60_000 }, () => {
  it("counts operations by state", async () => {
    const { code, stdout } = await run("ops", "stats");
    expect([code, stdout]).toEqual([0, expect.stringMatching(/^state +operations\n(.*\n)*succeeded +1\n/)]);
    expect(linesOf(await run("ops", "stats", "--json"))).toEqual([{ ready: 0, leased: 0, parked: 2, succeeded: 1, dead: 1, cancelled: 0 }]);
  });

  it("lists them, newest first, and only what a filter lets through", async () => {
    const { code, stdout } = await run("ops", "list");
    const [header, ...rows] = stdout.trimEnd().split("\n");
    expect([code, header]).toEqual([0, expect.stringMatching(/^id +accepted +state +tries +what +because$/)]);
    expect(rows.map((row) => row.slice(0, 36))).toEqual([ids["later"], ids["busy"], ids["bad"], ids["good"]]);
    expect(rows[1]).toContain("the wait asked for is longer");
    const found = async (...args: string[]): Promise<unknown> =>
      linesOf<{ labels: { name: string } }>(await run("ops", "list", "--json", ...args)).map(({ labels }) => labels.name);
    expect(await found("--state", "parked")).toEqual(["later", "busy"]);
    expect(await found("--label", "name=bad", "--label", "campaign=q4")).toEqual(["bad"]);
    expect(await found("--api", "crm", "--endpoint", "POST /contacts", "--limit", "2")).toEqual(["later", "busy"]);
    expect((await run("ops", "list", "--state", "ready")).stdout).toBe("no ready operations\n");
    expect((await run("ops", "list", "--limit", "1")).stdout).toContain("… more");
    expect((await run("ops", "list", "--state", "lost")).code).toBe(exitCodes.usage.code);
  });

  it("shows one: where it stands, the request, every attempt, and the answer", async () => {
    const { code, stdout } = await run("ops", "show", ids["good"] ?? "");
    expect(code).toBe(0);
    for (const part of [
      "state     succeeded, since",
      "POST https://crm.test/contacts",
      '{"name":"good"}',
      "labels    name=good, campaign=q4",
      "#1  ",
      "→ the other side answered",
      "201 answered",
      '{"id":7}',
    ])
      expect(stdout).toContain(part);
    expect((await run("ops", "show", ids["busy"] ?? "")).stdout).toMatch(
      /state +parked, since .*, until .*\n +because +the wait asked for/,
    );
    expect((await run("ops", "show", ids["later"] ?? "")).stdout).toContain("priority 5, flow imports");
    expect(JSON.parse((await run("ops", "show", ids["good"] ?? "", "--json")).stdout)).toMatchObject({
      state: "succeeded",
      attempts: [{ attempt: 1 }],
    });
    expect((await run("ops", "show", "no-such-operation")).code).toBe(exitCodes.notFound.code);
  });

  it("cancels what has not started, with a reason that stays", async () => {
    const { code, stdout } = await run("ops", "cancel", ids["later"] ?? "", "--reason", "ordered twice");
    expect([code, stdout]).toEqual([0, `${ids["later"]}  cancelled\n`]);
    expect((await run("ops", "show", ids["later"] ?? "")).stdout).toContain("ordered twice");
    expect((await run("ops", "cancel", ids["later"] ?? "", "--reason", "again")).code).toBe(exitCodes.failed.code);
    expect((await run("ops", "cancel", ids["busy"] ?? "", "no-such-operation", "--reason", "x", "--json")).code).toBe(
      exitCodes.notFound.code,
    );
  });
});

describe("holdfast lanes", { timeout: 60_000 }, () => {
  it("shows, pauses and resumes", async () => {
    expect((await run("lanes", "list")).stdout).toBe("nothing is waiting\n");
    expect((await run("lanes", "pause", "crm", "POST /contacts")).stdout).toBe("paused: crm POST /contacts\n");
    expect(linesOf(await run("lanes", "list", "--json"))).toMatchObject([
      { api: "crm", endpoint: "POST /contacts", queue: { paused: true } },
    ]);
    expect((await run("lanes", "list")).stdout).toMatch(
      /^lane +breaker +due +under way +parked +oldest due +next due *\ncrm POST \/contacts +0 +0 +0 +paused\n$/,
    );
    expect((await run("lanes", "resume", "crm", "POST /contacts")).code).toBe(0);
    expect((await run("lanes", "list")).stdout).toBe("nothing is waiting\n");
  });
});
