/** What a sync costs for each record, over a loop that only calls the sink. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createHoldfast, defineSync } from "../../src/index.ts";
import { sqlite } from "../../src/adapters/store/sqlite/index.ts";
import { absolute, type Figure, type Suite } from "../figure.ts";
import { collectAll, median } from "../harness.ts";

const BATCH = 500;
const AIM_US = 40;

interface Row {
  readonly id: string;
  readonly at: number;
}

/** Every tenth record shares its cursor with the one before it. */
function rowsOf(count: number): readonly Row[] {
  return Array.from({ length: count }, (_, index) => ({ id: `record-${index}`, at: index - (index % 10 === 9 ? 1 : 0) }));
}

async function* oneByOne(rows: readonly Row[]): AsyncGenerator<Row, void, undefined> {
  for (const row of rows) yield row;
}

function* inPages(rows: readonly Row[]): Generator<readonly Row[], void, undefined> {
  for (let start = 0; start < rows.length; start += BATCH) yield rows.slice(start, start + BATCH);
}

async function noSink(_batch: readonly unknown[]): Promise<void> {}

/** The same work with nothing kept: milliseconds. */
async function bareLoop(rows: readonly Row[]): Promise<number> {
  const began = performance.now();
  let batch: Row[] = [];
  for await (const row of oneByOne(rows)) {
    batch.push(row);
    if (batch.length < BATCH) continue;
    await noSink(batch);
    batch = [];
  }
  await noSink(batch);
  return performance.now() - began;
}

async function synced(rows: readonly Row[], source: "records" | "pages"): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), "holdfast-bench-"));
  const hf = await createHoldfast({ apis: {}, store: sqlite(join(folder, "holdfast.db")) });
  try {
    const sync = hf.sync(
      defineSync<Row>({
        name: "bench",
        source: source === "records" ? () => oneByOne(rows) : { pages: () => inPages(rows) },
        cursor: ({ at, id }) => [at, id],
        sink: noSink,
        batchSize: BATCH,
      }),
    );
    const began = performance.now();
    const result = await sync.run();
    const spent = performance.now() - began;
    if (result.outcome !== "complete" || result.done !== rows.length) throw new Error(`the sync ended ${result.outcome}`);
    return spent;
  } finally {
    await hf.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

export const suite: Suite = {
  about: "100,000 records in batches of 500 into a sink that does nothing, on SQLite, over the bare loop",
  async run(quick) {
    const rows = rowsOf(quick ? 2_000 : 100_000);
    const spent = { bare: [] as number[], records: [] as number[], pages: [] as number[] };
    for (let round = 0; round < (quick ? 1 : 7); round += 1) {
      collectAll();
      spent.bare.push(await bareLoop(rows));
      collectAll();
      spent.records.push(await synced(rows, "records"));
      collectAll();
      spent.pages.push(await synced(rows, "pages"));
    }
    const perRecord = (name: "records" | "pages"): number =>
      median(spent[name].map((ms, round) => ((ms - (spent.bare[round] as number)) * 1_000) / rows.length));
    return [
      absolute("sync: a record, given one by one", perRecord("records"), "µs", AIM_US),
      absolute("sync: a record, given in pages", perRecord("pages"), "µs", AIM_US),
    ] satisfies readonly Figure[];
  },
};
