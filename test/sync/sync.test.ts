import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createHoldfast } from "../../src/client/holdfast.ts";
import { defineSync, type SyncOptions } from "../../src/durable/sync/definition.ts";
import type { EventMap } from "../../src/ports/events.ts";
import { lasting, reported, world, type Row, type World } from "./world.ts";

const ABC: readonly Row[] = [
  [1, "a"],
  [2, "b"],
  [3, "c"],
];

/** Every version of every row, once. */
function expectAllOnce({ ledger, table }: World): void {
  expect(Object.fromEntries(ledger.effects)).toEqual(Object.fromEntries(table.rows.map(([cursor, id]) => [`${id}@${cursor}`, 1])));
}

/** A source that gives its rows and then, or before its nth, breaks off. */
function breaksBefore(row: number, rows: readonly Row[]): SyncOptions<Row>["source"] {
  return async function* ({ from }) {
    let given = 0;
    for (const one of rows) {
      if (one[0] < Number(from ?? 0)) continue;
      if (given === row) throw new Error("the connection was reset");
      given += 1;
      yield one;
    }
  };
}

describe("a source that breaks off", () => {
  it.each([0, 1, 2, 3])("after %i records: what was settled counts, the rest comes with the next run, the run is 500", async (count) => {
    const there = await world({ rows: ABC });
    const first = reported(await there.run([], { source: breaksBefore(count, [...ABC, [4, "d"]]) }));
    expect(first).toMatchObject({ outcome: "failed", status: 500, done: count, error: { message: "the connection was reset" } });
    // The last record's tie may go on: it is not passed.
    expect(first.watermark.after).toBe(count < 2 ? null : count - 1);
    expect(await there.run()).toMatchObject({ outcome: "complete", watermark: { after: 3 } });
    expectAllOnce(there);
  });

  it("an attempt that fails after it has moved its own cursor loses nothing: the watermark is not the source's", async () => {
    const there = await world({ rows: ABC });
    let page = 0;
    let well = false;
    // It counts the page before it has it, so that a second look begins behind what it lost.
    const source: SyncOptions<Row>["source"] = async function* ({ from }) {
      const rows = ABC.filter(([cursor]) => cursor >= Number(from ?? 0));
      for (; page < rows.length;) {
        const mine = page;
        page += 1;
        if (mine === 1 && !well) throw new Error("502");
        yield rows[mine] as Row;
      }
    };
    expect((await there.run([], { source })).outcome).toBe("failed");
    page = 0;
    well = true;
    expect((await there.run([], { source })).outcome).toBe("complete");
    expectAllOnce(there);
  });

  it("a source that hangs ends the run when its time is over, and the sync is free", async () => {
    const there = await world({ rows: ABC });
    const hanging = there.run([], {
      timeout: "30s",
      async *source() {
        yield ABC[0] as Row;
        await new Promise(() => {});
      },
    });
    await there.clock.advance("31s");
    expect(await hanging).toMatchObject({ outcome: "failed", error: { message: expect.stringContaining("sync.timeout") as string } });
    expect((await there.run()).outcome).toBe("complete");
  });
});

describe("ties", () => {
  const TIES: readonly Row[] = [
    [1, "a"],
    [2, "b"],
    [2, "c"],
    [2, "d"],
    [3, "e"],
  ];

  it("over the edge of a page: a run that dies within one does not stand in it", async () => {
    const there = await world({ rows: TIES });
    const pages = {
      async *pages(): AsyncGenerator<readonly Row[], void, undefined> {
        yield TIES.slice(0, 3);
        throw new Error("the second page did not come");
      },
    };
    const first = reported(await there.run([], { source: pages, batchSize: 3 }));
    expect(first).toMatchObject({ done: 3, watermark: { after: 1 } });
    expect(await there.run([], { batchSize: 3 })).toMatchObject({ outcome: "complete", known: 3, done: 2, watermark: { after: 3 } });
    expect(there.ledger.writes).toEqual(["a", "b", "c", "d", "e"]);
  });

  it("all records in one: nothing is passed until all are done", async () => {
    const rows = Array.from({ length: 9 }, (_, index): Row => [7, `r${index}`]);
    const there = await world({ rows });
    expect(await there.run(["r4"], { batchSize: 2, concurrency: 3 })).toMatchObject({
      outcome: "partial",
      watermark: { after: null, blockedBy: ["r4"] },
    });
    expect(await there.run()).toMatchObject({ outcome: "complete", done: 1, watermark: { after: 7 } });
    expectAllOnce(there);
  });
});

describe("a source out of order", () => {
  const MIXED: readonly Row[] = [
    [1, "a"],
    [5, "b"],
    [3, "c"],
    [4, "d"],
  ];

  it("is found out, and what it held is read again until it comes in order", async () => {
    const there = await world({ rows: MIXED });
    const asItComes = { source: () => there.table.rows };
    for (let run = 0; run < 2; run += 1) {
      expect(await there.run([], asItComes)).toMatchObject({
        outcome: "failed",
        error: { code: "config", message: expect.stringMatching(/sync\.order/) as string },
      });
    }
    // Sorted, it gives c and d, which stand before the watermark that the first run had reached.
    const mended = reported(await there.run());
    expect(mended).toMatchObject({ outcome: "complete", watermark: { after: 5 } });
    expectAllOnce(there);
  });

  it("is read in any order where it says so, and passes nothing before its end", async () => {
    const there = await world({ rows: MIXED, options: { order: "none" } });
    const source: SyncOptions<Row>["source"] = () => there.table.rows;
    expect(await there.run(["c"], { source })).toMatchObject({ outcome: "partial", watermark: { after: 1, blockedBy: ["c"] } });
    expect(await there.run([], { source: breaksBefore(1, MIXED) })).toMatchObject({ outcome: "failed", watermark: { after: 1 } });
    expect(await there.run([], { source })).toMatchObject({ outcome: "complete", watermark: { after: 5 } });
    expectAllOnce(there);
  });

  it("cursors of two kinds, and ones that cannot be compared, are refused", async () => {
    const there = await world({ rows: ABC });
    const cursors: readonly NonNullable<SyncOptions<Row>["cursor"]>[] = [
      ([cursor, id]) => [cursor === 2 ? "2" : cursor, id],
      ([, id]) => [Number.NaN, id],
      ([, id]) => [new Date("nonsense"), id],
    ];
    for (const cursor of cursors) expect(await there.run([], { cursor })).toMatchObject({ outcome: "failed", error: { code: "config" } });
    expect((await there.run()).outcome).toBe("complete");
    expect(await there.run([], { cursor: ([cursor, id]) => [new Date(cursor), id], ceiling: () => undefined })).toMatchObject({
      outcome: "failed",
      watermark: { before: 3, after: 3 },
    });
  });
});

describe("rows that come late", () => {
  it("within the lookback are found, and nothing is written twice", async () => {
    const there = await world({ rows: ABC, options: { lookback: 2 } });
    await there.run();
    there.table.rows.push([1, "late"], [4, "d"]);
    expect(await there.run()).toMatchObject({ outcome: "complete", done: 2, known: 3 });
    expect(await there.run()).toMatchObject({ outcome: "complete", done: 0 });
    expectAllOnce(there);
  });

  it("beyond it are not: that is what it is there to say", async () => {
    const there = await world({ rows: ABC });
    await there.run();
    there.table.rows.push([1, "late"]);
    expect(await there.run()).toMatchObject({ outcome: "complete", done: 0 });
  });

  it("and fail hold the watermark where it is, within reach of them", async () => {
    const there = await world({ rows: ABC, options: { lookback: 2 } });
    await there.run();
    there.table.rows.push([1, "late"], [9, "z"]);
    expect(await there.run(["late"])).toMatchObject({ outcome: "partial", watermark: { before: 3, after: 3, blockedBy: ["late"] } });
    expect(await there.run()).toMatchObject({ outcome: "complete", done: 1, watermark: { after: 9 } });
    expectAllOnce(there);
  });

  it("a lookback that is raised later does not write again what has been forgotten", async () => {
    const there = await world({ rows: ABC });
    await there.run();
    there.table.rows.push([4, "d"]);
    expect(await there.run([], { lookback: 10 })).toMatchObject({ done: 1 });
    expectAllOnce(there);
  });

  it("a row that changes while the run goes on is the next run's, as a version of its own", async () => {
    const there = await world({ rows: ABC });
    const sink: SyncOptions<Row>["sink"] = (batch) => {
      for (const item of batch) there.ledger.take(item);
      there.table.rows = [ABC[0] as Row, ABC[2] as Row, [8, "b"]];
    };
    await there.run([], { sink });
    expect(await there.run()).toMatchObject({ done: 1, watermark: { after: 8 } });
    expect(Object.fromEntries(there.ledger.effects)).toEqual({ "a@1": 1, "b@2": 1, "c@3": 1, "b@8": 1 });
  });
});

describe("a run that is killed", () => {
  it.each([
    { batchSize: 1, concurrency: 1 },
    { batchSize: 3, concurrency: 2 },
  ])("at any of its records, with $batchSize a batch and $concurrency at once, leaves nothing out and nothing doubled", async (options) => {
    const rows = [1, 2, 2, 2, 3, 4, 4, 5].map((cursor, index): Row => [cursor, `r${index}`]);
    for (let at = 0; at < rows.length; at += 1) {
      const there = await world({ rows, options });
      await there.crash(at);
      const status = await there.hf.syncs.get("rows").catch(() => undefined);
      // Never past a record that was not written.
      const firstUnwritten = rows[at]?.[0] ?? Number.POSITIVE_INFINITY;
      expect(Number(status?.watermark ?? 0)).toBeLessThan(firstUnwritten);
      expect((await there.run()).outcome).toBe("complete");
      expectAllOnce(there);
    }
  });

  it("keeps others out until its lease is over, and moves nothing after that", async () => {
    const there = await world({ rows: ABC });
    const written = Promise.withResolvers<void>();
    const goOn = Promise.withResolvers<void>();
    const sleeper = there.run([], {
      sink: async (batch) => {
        for (const item of batch) there.ledger.take(item);
        written.resolve();
        await goOn.promise;
      },
    });
    await written.promise;
    expect(await there.run()).toMatchObject({ status: 409, retryAfterMs: 60_000 });
    // Its process stands still: nothing of it happens while the others' time goes on.
    there.clock.stepWall(60_001);
    expect(await there.run()).toMatchObject({ status: 200, watermark: { after: 3 } });
    goOn.resolve();
    expect(await sleeper).toMatchObject({
      outcome: "failed",
      error: { code: "store", message: expect.stringContaining("lost the sync") as string },
    });
    expect(await there.hf.syncs.get("rows")).toMatchObject({ watermark: 3, lastRun: { outcome: "complete" } });
    expectAllOnce(there);
  });

  it("extends its lease as long as it lives", async () => {
    const there = await world({ rows: ABC });
    const goOn = Promise.withResolvers<void>();
    const long = there.run([], { sink: async () => await goOn.promise, timeout: "1h" });
    await there.clock.advance("10m");
    expect((await there.run()).status).toBe(409);
    goOn.resolve();
    expect((await long).outcome).toBe("complete");
  });
});

describe("records that fail", () => {
  it("are tried again where that may help, and only they", async () => {
    const there = await world({ rows: ABC });
    const asked: string[][] = [];
    const run = there.run([], {
      batchSize: 3,
      sink: (batch) => {
        asked.push(batch.map(({ id }) => id));
        // In another order than asked.
        return batch.toReversed().map(({ id }) => ({ id, status: id === "b" && asked.length < 3 ? 503 : id === "c" ? 409 : 201 }));
      },
    });
    await there.clock.advance("2m");
    expect(await run).toMatchObject({
      outcome: "partial",
      done: 2,
      failed: 1,
      records: [{ id: "c", state: "failed", attempts: 1, rule: "status:409" }],
      watermark: { after: 2, blockedBy: ["c"] },
    });
    expect(asked).toEqual([["a", "b", "c"], ["b"], ["b"]]);
  });

  it("a record that the answer does not name has failed, and so has one that is named twice, once as failed", async () => {
    const there = await world({ rows: ABC });
    const result = await there.run([], { batchSize: 3, sink: () => [{ id: "a" }, { id: "b" }, { id: "b", status: 422 }] });
    expect(result).toMatchObject({
      done: 1,
      records: [
        { id: "b", rule: "status:422" },
        { id: "c", rule: "unanswered" },
      ],
    });
  });

  it.each([
    ["a Response that is no success", () => new Response(null, { status: 403 }), "status:403"],
    [
      "an error",
      () => {
        throw Object.assign(new Error("gone"), { status: 410 });
      },
      "status:410",
    ],
  ] as const)("%s is every record's", async (_, sink, rule) => {
    const there = await world({ rows: ABC });
    expect(await there.run([], { batchSize: 3, sink })).toMatchObject({
      outcome: "partial",
      failed: 3,
      records: [{ rule }, { rule }, { rule }],
    });
  });

  it("an answer of no known form fails the run", async () => {
    const there = await world({ rows: ABC });
    expect(await there.run([], { sink: (() => "ok") as never })).toMatchObject({
      outcome: "failed",
      error: { message: expect.stringContaining("sync.sink gave") as string },
    });
  });

  it("a sink that hangs is given up when its time is over", async () => {
    const there = await world({ rows: ABC });
    const run = there.run([], { batchSize: 3, timeout: "10s", maxAttempts: 1, sink: async () => await new Promise(() => {}) });
    await there.clock.advance("11s");
    expect(await run).toMatchObject({ outcome: "partial", failed: 3 });
  });

  it("versions of one record are written one after the other; after one that failed no later one goes", async () => {
    const versions: readonly Row[] = [
      [1, "a"],
      [2, "b"],
      [3, "a"],
      [4, "a"],
    ];
    const there = await world({ rows: versions, options: { concurrency: 4, batchSize: 10 } });
    let inFlight = 0;
    const sink: SyncOptions<Row>["sink"] = async (batch) => {
      inFlight += 1;
      expect(new Set(batch.map(({ id }) => id)).size).toBe(batch.length);
      expect(inFlight).toBe(1);
      await Promise.resolve();
      inFlight -= 1;
      for (const item of batch) there.ledger.take(item);
    };
    await there.run([], { sink });
    expect(there.ledger.writes).toEqual(["a", "b", "a", "a"]);

    const other = await world({ rows: versions });
    expect(await other.run(["a"])).toMatchObject({
      failed: 3,
      done: 1,
      records: [{ rule: "status:422" }, { rule: "earlier-version-failed" }, { rule: "earlier-version-failed" }],
    });
    expect(other.ledger.writes).toEqual(["b"]);
    await other.run();
    expect(other.ledger.writes).toEqual(["b", "a", "a", "a"]);
  });

  it("parked ones are dead letters that a replay gives to the sink again", async () => {
    const there = await world({ rows: ABC, options: { onFailure: "park" } });
    expect(await there.run(["b"])).toMatchObject({ outcome: "partial", parked: 1, watermark: { after: 3, blockedBy: [] } });
    const { items } = await there.hf.deadLetters.list();
    expect(items).toMatchObject([
      { api: "sync:rows", reason: "permanent", labels: { sync: "rows", record: "b" }, attempts: [{ attempt: 1 }] },
    ]);

    const later = await createHoldfast({ apis: {}, store: there.store, clock: there.clock });
    later.sync(there.define(["b"]));
    expect(await later.deadLetters.replay({ filter: {} })).toMatchObject({ failedAgain: 1 });
    const mended = await createHoldfast({ apis: {}, store: there.store, clock: there.clock });
    mended.sync(there.define());
    expect(await mended.deadLetters.replay({ filter: {} })).toMatchObject({ resolved: 1 });
    expectAllOnce(there);
  });
});

describe("a watermark that is held", () => {
  it("is told of at the end of each run, from alertAfter on, louder from four times as long", async () => {
    const there = await world({ rows: ABC, options: { alertAfter: "10m" } });
    const told: EventMap["sync:held"][] = [];
    for (const wait of [0, 5, 5, 30]) {
      await there.clock.advance(wait * 60_000);
      const hf = await createHoldfast({ apis: {}, store: there.store, clock: there.clock });
      hf.on("sync:held", (event) => told.push(event));
      await hf.sync(there.define(["a"])).run();
    }
    expect(told.map(({ level, heldMs, blockedBy }) => [level, heldMs / 60_000, blockedBy])).toEqual([
      ["warning", 10, ["a"]],
      ["critical", 40, ["a"]],
    ]);
    await there.run();
    expect(await there.hf.syncs.get("rows")).toMatchObject({ heldSince: null, watermark: 3 });
  });
});

describe("a reset", () => {
  it("reads again from there, and is kept with who did it and why", async () => {
    const there = await world({ rows: ABC });
    await there.run();
    await there.hf.syncs.reset("rows", { to: 1, by: "ada", reason: "the sink was restored from a backup" });
    expect(await there.hf.syncs.get("rows")).toMatchObject({
      watermark: 1,
      lastRun: { outcome: "reset", by: "ada" },
      resets: [{ by: "ada", reason: "the sink was restored from a backup", from: 3, to: 1 }],
    });
    await there.run();
    expect(there.ledger.writes).toEqual(["a", "b", "c", "a", "b", "c"]);
    await there.hf.syncs.reset("rows", { by: "ada", reason: "once more" });
    expect(await there.hf.syncs.get("rows")).toMatchObject({ watermark: null, resets: [{ to: 1 }, { to: null }] });
  });

  it("is refused without a name or a reason, for another kind of cursor, for a sync that runs or is not there", async () => {
    const there = await world({ rows: ABC });
    await expect(there.hf.syncs.reset("rows", { by: "a", reason: "b" })).rejects.toMatchObject({ code: "not-found" });
    await there.run();
    await expect(there.hf.syncs.reset("rows", { by: "", reason: "b" })).rejects.toMatchObject({ path: "reset.by" });
    await expect(there.hf.syncs.reset("rows", { to: "x", by: "a", reason: "b" })).rejects.toMatchObject({ path: "reset.to" });
    const goOn = Promise.withResolvers<void>();
    there.table.rows.push([4, "d"]);
    const run = there.run([], { sink: async () => await goOn.promise });
    await there.clock.advance(1);
    await expect(there.hf.syncs.reset("rows", { by: "a", reason: "b" })).rejects.toMatchObject({ path: "reset" });
    goOn.resolve();
    expect((await run).outcome).toBe("complete");
  });
});

describe("options", () => {
  it.each([
    ["sync.name", { name: "" }],
    ["sync.source", { source: 1 }],
    ["sync.sink", { sink: undefined }],
    ["sync.cursor", { cursor: undefined }],
    ["sync.batchSize", { batchSize: 0 }],
    ["sync.concurrency", { concurrency: 1.5 }],
    ["sync.onFailure", { onFailure: "skip" }],
    ["sync.order", { order: "descending" }],
    ["sync.lookback", { lookback: "soon" }],
    ["sync.lease", { lease: 1 }],
    ["sync.timeout", { timeout: 0 }],
    ["sync.watermark", { watermark: 3 }],
  ])("%s is refused by its path", (path, wrong) => {
    const options = { name: "x", source: () => [], sink: () => undefined, cursor: () => [1, "a"], ...wrong };
    expect(() => defineSync(options as never)).toThrow(expect.objectContaining({ code: "config", path }));
  });

  it("a lookback before a text has no effect, and two syncs of one name would move one watermark", async () => {
    const there = await world({ rows: ABC });
    expect(await there.run([], { lookback: 5, cursor: ([cursor, id]) => [String(cursor), id], ceiling: () => undefined })).toMatchObject({
      outcome: "failed",
      error: { message: expect.stringContaining("sync.lookback") as string },
    });
    const hf = await createHoldfast({ apis: {}, store: there.store });
    hf.sync(there.define());
    expect(() => hf.sync(there.define())).toThrow(/two syncs are named "rows"/);
  });
});

/** One step of a life: a run with failures, a crash after so many writes, or rows that are added. */
type Step =
  | { readonly do: "run"; readonly fail: readonly number[]; readonly breakAt: number | null }
  | { readonly do: "crash"; readonly after: number }
  | { readonly do: "add"; readonly rows: readonly number[] };

const cursor = fc.integer({ min: 0, max: 6 });
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({
    do: fc.constant("run" as const),
    fail: fc.array(fc.nat(12), { maxLength: 3 }),
    breakAt: fc.option(fc.nat(10), { freq: 3 }),
  }),
  fc.record({ do: fc.constant("crash" as const), after: fc.nat(8) }),
  fc.record({ do: fc.constant("add" as const), rows: fc.array(fc.integer({ min: 4, max: 12 }), { minLength: 1, maxLength: 3 }) }),
);

/** Lives through some steps, then to the end; `lies` is a sink that says of one record that it is done. */
function lives(lies: boolean): fc.IAsyncPropertyWithHooks<unknown[]> {
  const options = fc.record({
    batchSize: fc.integer({ min: 1, max: 4 }),
    concurrency: fc.integer({ min: 1, max: 3 }),
    order: fc.constantFrom("ascending" as const, "none" as const),
    onFailure: fc.constantFrom("hold" as const, "park" as const),
  });
  return fc.asyncProperty(
    fc.array(cursor, { maxLength: 10 }),
    fc.array(step, { maxLength: 6 }),
    options,
    fc.integer({ min: 0, max: 3 }),
    async (cursors, steps, options, lookback) => {
      const rows = cursors.map((at, index): Row => [at, `r${index}`]);
      const there = await world({ rows, store: lasting().factory, options: { ...options, lookback } });
      const { ledger, table, hf } = there;
      const source: Partial<SyncOptions<Row>> = options.order === "none" ? { source: () => table.rows } : {};
      /** Rows that were added behind the watermark, and that no run has met yet: it was there before them. */
      const late = new Set<string>();
      const watermark = async (): Promise<number> =>
        Number((await hf.syncs.get("rows").catch(() => undefined))?.watermark ?? Number.NEGATIVE_INFINITY);
      const check = async (): Promise<void> => {
        const parked = new Set((await hf.deadLetters.list({}, { limit: 500 })).items.map(({ labels }) => labels["record"]));
        const at = await watermark();
        const passed = table.rows.filter(([cursor, id]) => cursor <= at && !late.has(id));
        expect(passed.filter(([cursor, id]) => !parked.has(id) && !ledger.effects.has(`${id}@${cursor}`))).toEqual([]);
      };
      for (const one of steps) {
        const at = await watermark();
        if (one.do === "crash") await there.crash(one.after, source);
        if (one.do === "run") {
          const fail = one.fail.map((index) => `r${index}`);
          const given = options.order === "none" ? table.rows : table.sorted();
          await there.run(fail, { ...source, ...(one.breakAt === null ? {} : { source: breaksBefore(one.breakAt, given) }) });
        }
        for (const wanted of one.do === "add" ? one.rows : []) {
          // Further back than the lookback reaches nothing is promised.
          const row: Row = [Math.max(wanted, Number.isFinite(at) ? at - lookback : wanted), `r${table.rows.length}`];
          if (row[0] <= at) late.add(row[1]);
          table.rows.push(row);
        }
        await check();
      }
      late.clear();
      if (lies) await there.run([], { ...source, sink: (batch) => batch.map(({ id }) => ({ id })) });
      for (let run = 0; run < 2; run += 1) expect(reported(await there.run([], source)).watermark.blockedBy).toEqual([]);
      await check();
      for (const [version, effects] of ledger.effects) expect([version, effects]).toEqual([version, 1]);
    },
  );
}

describe("whatever happens", () => {
  it("every record's effect is there once in the end, and the watermark never stands past one that is not done", async () => {
    await fc.assert(lives(false), { numRuns: 150 });
  });

  it("would be found out if it were not so", async () => {
    expect((await fc.check(lives(true), { numRuns: 50, seed: 1 })).failed).toBe(true);
  });
});
