/**
 * Cost against size: what a claim and a settle take while a lane of a SQLite store holds a thousand, a hundred thousand and a million
 * parked operations, how long a store of that size takes to open, and what the process grows by. Processor time, since other work on
 * the machine disturbs it least.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { sqlite } from "../../src/adapters/store/sqlite/index.ts";
import { collectAll } from "../harness.ts";
import { portions } from "./contender.ts";
import type { NewOperation, OperationStore } from "../../src/ports/operation-store.ts";
import { absolute, type Figure, type Suite } from "../figure.ts";

const SIZES = [1_000, 100_000, 1_000_000];
const QUICK_SIZES = [10, 100, 1_000];
const LANE = { api: "crm", endpoint: "POST /contacts", partition: "" };
const BODY = new TextEncoder().encode(JSON.stringify({ email: "ada@example.com", note: "x".repeat(150) }));
const ITEMS = 5_000;
const BATCH = 50;
const LATER = 1e12;

function operation(number: number, dueAt: number): NewOperation {
  return {
    id: `01900000-0000-7000-9000-${String(number).padStart(12, "0")}`,
    ...LANE,
    flow: "",
    request: { method: "POST", url: "https://api.example.com/contacts", headers: [["content-type", "application/json"]], body: BODY },
    fingerprint: "0123456789abcdef",
    labels: {},
    priority: 0,
    acceptedAt: 0,
    dueAt,
  };
}

/** Microseconds of the processor for each item, all threads. */
async function costOf(items: number, work: () => Promise<void>): Promise<number> {
  const before = process.cpuUsage();
  await work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / items;
}

async function claimAndSettle(queue: OperationStore): Promise<void> {
  for (let done = 0; done < ITEMS;) {
    const claimed = await queue.claim({ worker: "bench", allowances: [{ ...LANE, max: BATCH }], now: 1, leaseUntil: 60_000 });
    await queue.settle(
      claimed.map(({ operation: { id }, claim }) => ({ id, claim, now: 1, outcome: { state: "succeeded", keepUntil: LATER } })),
    );
    done += claimed.length;
  }
}

interface Reading {
  readonly size: number;
  /** µs of a claim and a settle, the best of three rounds. */
  readonly cost: number;
  readonly openMs: number;
  /** Of the process, once the work is done; less what V8 keeps in reserve from having made a million operations to park. */
  readonly residentBytes: number;
}

async function readings(path: string, sizes: readonly number[]): Promise<readonly Reading[]> {
  let store = await sqlite(path)();
  let number = 0;
  let parked = 0;
  const accept = async (count: number, dueAt: number): Promise<void> => {
    for (const part of portions(count, 500)) {
      await store.operations?.accept(Array.from({ length: part }, () => operation((number += 1), dueAt)));
    }
  };
  const read: Reading[] = [];
  // The first size twice, and the first time for nothing: until then everything is new to the process.
  for (const size of [sizes[0] as number, ...sizes]) {
    await accept(size - parked, LATER);
    parked = size;
    await store.close();
    const started = performance.now();
    store = await sqlite(path)();
    await store.operations?.backlog(1);
    const openMs = performance.now() - started;
    const queue = store.operations as OperationStore;
    const costs: number[] = [];
    for (let round = 0; round < 3; round += 1) {
      await accept(ITEMS, 0);
      costs.push(await costOf(ITEMS, () => claimAndSettle(queue)));
    }
    collectAll();
    const { rss, heapTotal, heapUsed } = process.memoryUsage();
    read.push({ size, cost: Math.min(...costs), openMs, residentBytes: rss - heapTotal + heapUsed });
  }
  await store.close();
  return read.slice(1);
}

async function run(quick: boolean): Promise<readonly Figure[]> {
  const folder = mkdtempSync(join(tmpdir(), "holdfast-bench-"));
  try {
    const read = await readings(join(folder, "parked.db"), quick ? QUICK_SIZES : SIZES);
    const [first, ...others] = read as readonly [Reading, ...Reading[]];
    const last = others.at(-1) ?? first;
    const name = (size: number): string => `sqlite: claim and settle beside ${size.toLocaleString("en")} parked`;
    return [
      absolute(name(first.size), first.cost, "µs of CPU"),
      ...others.map(({ size, cost }): Figure => {
        const ratio = cost / first.cost;
        return {
          name: name(size),
          value: cost,
          unit: "µs of CPU",
          against: `${first.size.toLocaleString("en")} parked`,
          ratio,
          aim: 1.5,
          holds: ratio <= 1.5,
        };
      }),
      absolute(`sqlite: opening ${last.size.toLocaleString("en")} parked`, last.openMs, "ms", 2_000),
      absolute(
        "sqlite: the process grows from the first size to the last",
        (last.residentBytes - first.residentBytes) / 2 ** 20,
        "MiB",
        64,
      ),
    ];
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** By the name that `main.ts` knows it by. */
export const suites: Readonly<Record<"parked", Suite>> = { parked: { about: "claim and settle beside parked operations", run } };
