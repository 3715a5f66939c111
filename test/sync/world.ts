import { createHoldfast, type Holdfast } from "../../src/client/holdfast.ts";
import { memory } from "../../src/adapters/store/memory/index.ts";
import { defineSync, type SyncDefinition, type SyncOptions } from "../../src/durable/sync/definition.ts";
import type { SyncItem } from "../../src/durable/sync/sink.ts";
import type { SyncReport, SyncResult } from "../../src/durable/sync/report.ts";
import type { Store, StoreFactory } from "../../src/ports/store.ts";
import type { WatermarkStore } from "../../src/ports/watermark-store.ts";
import { manualClock, type ManualClock } from "../../src/testing/manual-clock.ts";
import { seededRandom } from "../../src/testing/seeded-random.ts";

/** A record of these tests: where it stands, and its id. */
export type Row = readonly [cursor: number, id: string];

/** The other side of a sync: takes each key once, and counts what it was really given. */
export class Ledger {
  /** Effects by record version. */
  readonly effects: Map<string, number> = new Map();
  /** Every write that came, in order, repeats too. */
  readonly writes: string[] = [];
  readonly #keys = new Set<string>();

  take({ id, key, cursor }: SyncItem): void {
    this.writes.push(id);
    if (this.#keys.has(key)) return;
    this.#keys.add(key);
    const name = `${id}@${cursor.position}`;
    this.effects.set(name, (this.effects.get(name) ?? 0) + 1);
  }
}

/** A table that rows are added to while it is read: a read sees what is there when it begins. */
export class Table {
  rows: Row[];

  constructor(rows: readonly Row[]) {
    this.rows = [...rows];
  }

  /** By cursor, then in order of arrival. */
  sorted(): readonly Row[] {
    return this.rows.toSorted(([a], [b]) => a - b);
  }

  get highest(): number | undefined {
    return this.rows.length === 0 ? undefined : Math.max(...this.rows.map(([cursor]) => cursor));
  }
}

/** A store that outlives the engines that use it, as a file or a server does. */
export function lasting(open: StoreFactory = memory()): { readonly factory: StoreFactory; readonly close: () => Promise<void> } {
  let store: Promise<Store> | undefined;
  return {
    factory: async () => ({ ...(await (store ??= open())), close: async () => {} }),
    close: async () => await (await store)?.close(),
  };
}

export interface World {
  readonly hf: Holdfast;
  readonly clock: ManualClock;
  readonly ledger: Ledger;
  readonly table: Table;
  readonly store: StoreFactory;
  /** Runs a sync over the table into the ledger; `fail` names records whose writes are refused. */
  run(fail?: readonly string[], options?: Partial<SyncOptions<Row>>): Promise<SyncResult>;
  define(fail?: readonly string[], options?: Partial<SyncOptions<Row>>): SyncDefinition;
  /** A run whose process vanishes after so many writes; then the time until what it held is free again. */
  crash(afterWrites: number, options?: Partial<SyncOptions<Row>>): Promise<void>;
}

export interface WorldParts {
  readonly rows: readonly Row[];
  readonly store?: StoreFactory;
  readonly options?: Partial<SyncOptions<Row>>;
}

export async function world({ rows, store = lasting().factory, options: common = {} }: WorldParts): Promise<World> {
  return await process({ clock: manualClock(), ledger: new Ledger(), table: new Table(rows), store, common });
}

interface Parts {
  readonly clock: ManualClock;
  readonly ledger: Ledger;
  readonly table: Table;
  readonly store: StoreFactory;
  readonly common: Partial<SyncOptions<Row>>;
}

async function process(parts: Parts): Promise<World> {
  const { clock, ledger, table, store, common } = parts;
  const hf = await createHoldfast({ apis: {}, store, clock, random: seededRandom(1) });
  const define = (fail: readonly string[] = [], options: Partial<SyncOptions<Row>> = {}): SyncDefinition =>
    defineSync<Row>({
      name: "rows",
      source: ({ from }) => table.sorted().filter(([cursor]) => cursor >= Number(from ?? Number.NEGATIVE_INFINITY)),
      cursor: ([cursor, id]) => [cursor, id],
      ceiling: () => table.highest,
      batchSize: 1,
      sink: (batch) =>
        batch.map((item) => {
          if (fail.includes(item.id)) return { id: item.id, status: 422, body: "INVALID" };
          ledger.take(item);
          return { id: item.id };
        }),
      ...common,
      ...options,
    });
  let opened: Holdfast | undefined = hf;
  return {
    hf,
    clock,
    ledger,
    table,
    store,
    define,
    // Each run in a process of its own, as a cron job has it: the names of syncs are kept apart there.
    async run(fail, options) {
      const own = opened ?? (await createHoldfast({ apis: {}, store, clock, random: seededRandom(1) }));
      opened = undefined;
      return await own.sync(define(fail, options)).run();
    },
    async crash(afterWrites, options) {
      const gone = Promise.withResolvers<void>();
      let count = 0;
      const doomed = define([], {
        ...options,
        sink: async (batch) => {
          for (const item of batch) {
            if (count === afterWrites) {
              gone.resolve();
              await new Promise(() => {});
            }
            count += 1;
            ledger.take(item);
          }
        },
      });
      const own = await createHoldfast({ apis: {}, store: vanishing(store, gone.promise), clock });
      const ended = own.sync(doomed).run();
      await Promise.race([gone.promise, ended]);
      await clock.advance("61s");
    },
  };
}

/** The report of a run that was not refused. */
export function reported(result: SyncResult): SyncReport {
  if (result.outcome === "running") throw new Error(`the sync is running: ${result.run}`);
  return result;
}

/** The store of a process that vanishes: once it has, nothing of it reaches the store any more. */
function vanishing(open: StoreFactory, gone: Promise<void>): StoreFactory {
  return async () => {
    const store = await open();
    const marks = store.watermarks as WatermarkStore;
    let over = false;
    void gone.then(() => (over = true));
    const unlessGone =
      <Request, Answer>(verb: (requests: Request) => Promise<Answer>) =>
      async (requests: Request): Promise<Answer> =>
        await (over ? new Promise<Answer>(() => {}) : verb(requests));
    return {
      ...store,
      watermarks: {
        ...marks,
        begin: unlessGone(marks.begin),
        advance: unlessGone(marks.advance),
        extend: unlessGone(marks.extend),
        end: unlessGone(marks.end),
      },
    };
  };
}
