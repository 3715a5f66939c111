import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Pool } from "pg";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { postgres } from "../../src/adapters/store/postgres/index.ts";
import { sqlite } from "../../src/adapters/store/sqlite/index.ts";
import { createHoldfast, definePipeline, type PipelineProgress } from "../../src/index.ts";
import type { StoreFactory } from "../../src/ports/store.ts";
import { testDatabase, type TestDatabase } from "../postgres/server.ts";
import { bench, CRM, gate, turn } from "../queue/bench.ts";

const two = definePipeline("two")
  .step("first", { api: "crm", request: ({ input }) => ({ endpoint: `GET /first/${input}` }) })
  .step("second", { api: "other", request: ({ input }) => ({ endpoint: `GET /second/${input}` }) });

const APIS = { crm: CRM, other: CRM };

describe("runAll", () => {
  it("takes the next input only when there is room for it", async () => {
    const open = gate();
    const test = await bench({
      apis: APIS,
      answer: async () => {
        await open.promise;
        return Response.json({});
      },
    });
    let taken = 0;
    function* inputs(): Generator<string> {
      for (; taken < 1_000; taken += 1) yield String(taken);
    }
    const all = test.hf.pipeline(two).runAll(inputs(), { concurrency: 5 });
    await turn(test.clock);
    expect([taken, test.sent.length]).toEqual([5, 5]);
    open.resolve();
    expect(await test.during(all)).toEqual({ runs: 1_000, succeeded: 1_000, parked: 0, failed: 0 });
    await test.close();
  });

  it("lets others go on while some wait for an API that is down", async () => {
    const well = new Set(["/second/3"]);
    const test = await bench({
      apis: { crm: CRM, other: { ...CRM, retry: { maxAttempts: 20, backoff: { base: "30s", cap: "60s", jitter: "none" } } } },
      answer: ({ path }) => Response.json({}, { status: path.startsWith("/first") || well.has(path) ? 200 : 503 }),
    });
    const all = test.hf.pipeline(two).runAll(["1", "2", "3"], { concurrency: 1 });
    await test.until(() => test.sent.some(({ path }) => path === "/second/3"));
    expect(test.clock.monotonic()).toBeLessThan(30_000);
    for (const number of [1, 2]) well.add(`/second/${number}`);
    expect(await test.during(all)).toMatchObject({ succeeded: 3 });
    await test.close();
  });

  it("tells how far it has come, step by step", async () => {
    const test = await bench({ apis: APIS, answer: ({ path }) => Response.json({}, { status: path === "/second/2" ? 422 : 200 }) });
    let last: PipelineProgress | undefined;
    const report = await test.during(test.hf.pipeline(two).runAll(["1", "2", "3"], { onProgress: (progress) => (last = { ...progress }) }));
    expect(report).toEqual({ runs: 3, succeeded: 2, parked: 1, failed: 0 });
    expect(last).toEqual({ ...report, busy: 0, steps: { first: 3, second: 2 } });
    await test.close();
  });

  it("ends with its signal, and what it has not done is resumed", async () => {
    const controller = new AbortController();
    const test = await bench({ apis: APIS, answer: () => Response.json({}) });
    const pipeline = test.hf.pipeline(two);
    let steps = 0;
    const onProgress = (): void => {
      steps += 1;
      if (steps === 3) controller.abort(new Error("enough"));
    };
    await expect(test.during(pipeline.runAll(["1", "2", "3"], { concurrency: 1, signal: controller.signal, onProgress }))).rejects.toThrow(
      "enough",
    );
    expect(await test.during(pipeline.runAll(["1", "2", "3"]))).toMatchObject({ succeeded: 3 });
    expect(test.sent.map(({ path }) => path).sort()).toEqual(["/first/1", "/first/2", "/first/3", "/second/1", "/second/2", "/second/3"]);
    await test.close();
  });

  it("begins nothing more after an error that no run can mend", async () => {
    const test = await bench({ apis: APIS });
    const wrong = definePipeline("wrong", { subject: (input: string) => (input === "2" ? "" : input) }).step("a", {
      effects: "read",
      run: () => 1,
    });
    let taken = 0;
    function* inputs(): Generator<string> {
      for (taken = 1; taken < 100; taken += 1) yield String(taken);
    }
    await expect(test.during(test.hf.pipeline(wrong).runAll(inputs(), { concurrency: 1 }))).rejects.toMatchObject({ code: "config" });
    expect(taken).toBeLessThan(4);
    await test.close();
  });
});

describe("an engine that closes", () => {
  it("lets a step come to its end, and the run be resumed by the next", async () => {
    const open = gate();
    const test = await bench({
      apis: APIS,
      answer: async ({ path }) => {
        if (path === "/first/1") await open.promise;
        return Response.json({});
      },
    });
    const run = test.hf.pipeline(two).run("1");
    run.catch(() => undefined);
    await test.until(() => test.sent.length === 1);
    const closed = test.close();
    open.resolve();
    await closed;
    await expect(run).rejects.toMatchObject({ code: "closed" });
    const next = await bench({ apis: APIS, store: test.store, clock: test.clock });
    expect(await next.during(next.hf.pipeline(two).run("1"))).toMatchObject({ state: "succeeded" });
    expect(next.sent.map(({ path }) => path)).toEqual(["/second/1"]);
  });
});

describe("over a store on disk", () => {
  let folder: string;
  let database: TestDatabase;
  let pool: Pool;
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "holdfast-pipeline-"));
    database = await testDatabase();
    pool = new Pool({ connectionString: database.url, max: 4 });
  });
  afterAll(async () => {
    await pool.end();
    await database.dispose();
    rmSync(folder, { recursive: true, force: true });
  });

  it.each<[string, () => StoreFactory]>([
    ["SQLite", () => sqlite(join(folder, "runs.db"))],
    ["PostgreSQL", () => postgres(pool)],
  ])("%s: what was done outlives the process, and is not done again", async (_name, store) => {
    const sent: string[] = [];
    let failing = true;
    const open = (): ReturnType<typeof createHoldfast<"crm" | "other">> =>
      createHoldfast({
        apis: APIS,
        store: store(),
        transport: async (url) => {
          sent.push(new URL(url).pathname);
          return Response.json({ of: url.slice(-1) }, { status: failing && url.includes("second") ? 422 : 200 });
        },
      });
    const subjects = Array.from({ length: 40 }, (_, index) => String(index));
    const first = await open();
    expect(await first.pipeline(two).runAll(subjects)).toMatchObject({ runs: 40, parked: 40 });
    await first.close();
    failing = false;
    const second = await open();
    const pipeline = second.pipeline(two);
    expect(await second.deadLetters.replay({ filter: {} })).toMatchObject({ resolved: 40 });
    expect(await pipeline.runAll(subjects)).toMatchObject({ runs: 40, succeeded: 40 });
    expect(await pipeline.run("7")).toMatchObject({ state: "succeeded", results: { first: { of: "7" }, second: { of: "7" } } });
    expect((await pipeline.get("7"))?.steps.map(({ step, state }) => `${step} ${state}`)).toEqual(["first done", "second done"]);
    expect(sent.filter((path) => path.startsWith("/first"))).toHaveLength(40);
    expect(sent.filter((path) => path.startsWith("/second"))).toHaveLength(80);
    await second.close();
  });
});
