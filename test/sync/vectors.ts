import { readFileSync } from "node:fs";
import { expect } from "vitest";
import type { SyncOptions } from "../../src/durable/sync/definition.ts";
import type { StoreFactory } from "../../src/ports/store.ts";
import { lasting, reported, world, type Row, type World } from "./world.ts";

interface VectorRun {
  readonly fail?: readonly string[];
  readonly status?: number;
  readonly after?: number;
  readonly afterIn?: readonly (number | null)[];
  readonly blockedBy?: readonly string[];
  readonly writtenThisRun?: readonly string[];
  readonly deadLetters?: readonly string[];
  readonly crashAfterWrites?: number;
  readonly effectsPerRecord?: number;
}

export interface Vector {
  readonly name: string;
  readonly onFailure: "hold" | "park";
  readonly records: readonly Row[];
  readonly appearDuringRun?: readonly Row[];
  readonly runs?: readonly VectorRun[];
  readonly concurrentRuns?: number;
  readonly statuses?: readonly number[];
}

export const VECTORS: readonly Vector[] = (
  JSON.parse(readFileSync(new URL("../vectors/watermark.json", import.meta.url), "utf8")) as { readonly cases: readonly Vector[] }
).cases;

/** Plays a case over a store, as it stands. */
export async function play(vector: Vector, open: StoreFactory): Promise<void> {
  const store = lasting(open);
  try {
    const there = await world({ rows: vector.records, store: store.factory, options: { onFailure: vector.onFailure } });
    if (vector.concurrentRuns !== undefined) await playTogether(vector, there);
    for (const [index, run] of (vector.runs ?? []).entries()) await playRun(vector, there, run, index);
  } finally {
    await store.close();
  }
}

/** The run that has the sync writes only when all others have been answered. */
async function playTogether({ concurrentRuns = 0, statuses }: Vector, there: World): Promise<void> {
  const othersAnswered = Promise.withResolvers<void>();
  let answered = 0;
  const sink = async (batch: Parameters<SyncOptions<Row>["sink"]>[0]): Promise<void> => {
    await othersAnswered.promise;
    for (const item of batch) there.ledger.take(item);
  };
  const sync = there.hf.sync(there.define([], { sink }));
  const results = await Promise.all(
    Array.from({ length: concurrentRuns }, async () => {
      const result = await sync.run();
      answered += 1;
      if (answered === concurrentRuns - 1) othersAnswered.resolve();
      return result;
    }),
  );
  expect(results.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual(statuses);
}

async function playRun(vector: Vector, there: World, run: VectorRun, index: number): Promise<void> {
  const { ledger, table } = there;
  const before = ledger.writes.length;
  if (run.crashAfterWrites !== undefined) {
    await there.crash(run.crashAfterWrites);
    expect(run.afterIn).toContain((await there.hf.syncs.get("rows")).watermark);
    return;
  }
  const appear = index === 0 ? vector.appearDuringRun : undefined;
  const result = reported(
    await there.run(run.fail, {
      ...(appear === undefined
        ? {}
        : {
            sink: (batch) => {
              for (const item of batch) ledger.take(item);
              if (!table.rows.includes(appear[0] as Row)) table.rows.push(...appear);
            },
          }),
    }),
  );
  expect(result).toMatchObject({ watermark: { after: run.after } });
  expect(result.outcome).toBe({ 200: "complete", 207: "partial", 500: "failed" }[run.status ?? 200]);
  if (run.blockedBy !== undefined) expect(result.watermark.blockedBy).toEqual(run.blockedBy);
  if (run.writtenThisRun !== undefined) expect(ledger.writes.slice(before)).toEqual(run.writtenThisRun);
  if (run.deadLetters !== undefined) {
    const { items } = await there.hf.deadLetters.list();
    expect(items.map(({ labels }) => labels["record"])).toEqual(run.deadLetters);
  }
  if (run.effectsPerRecord !== undefined) {
    expect(Object.fromEntries(ledger.effects)).toEqual(
      Object.fromEntries(table.rows.map(([cursor, id]) => [`${id}@${cursor}`, run.effectsPerRecord])),
    );
  }
}
