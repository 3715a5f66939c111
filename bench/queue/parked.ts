/**
 * What a claim and a settle cost while a lane holds a thousand, a hundred thousand and a million parked operations, and how
 * long a store of that size takes to open. Wall time and processor time, since other work on the machine disturbs only the first.
 *
 *     node bench/queue/parked.ts [folder] [sizes, such as 1000,100000,1000000]
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { sqlite } from "../../src/adapters/store/sqlite/index.ts";
import type { NewOperation, OperationStore } from "../../src/ports/operation-store.ts";

const folder = mkdtempSync(join(process.argv[2] ?? tmpdir(), "holdfast-bench-"));
const sizes = (process.argv[3] ?? "1000,100000,1000000").split(",").map(Number);
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

interface Cost {
  readonly wall: number;
  readonly processor: number;
}

/** Microseconds an item. */
async function costOf(items: number, work: () => Promise<void>): Promise<Cost> {
  const [started, before] = [performance.now(), process.cpuUsage()];
  await work();
  const used = process.cpuUsage(before);
  return { wall: ((performance.now() - started) / items) * 1_000, processor: (used.user + used.system) / items };
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

const path = join(folder, "parked.db");
let store = await sqlite(path)();
let number = 0;
let parked = 0;
const accept = async (count: number, dueAt: number): Promise<void> => {
  for (let left = count; left > 0; left -= 500) {
    await store.operations?.accept(Array.from({ length: Math.min(500, left) }, () => operation((number += 1), dueAt)));
  }
};
for (const size of sizes) {
  await accept(size - parked, LATER);
  parked = size;
  await store.close();
  const reopening = await costOf(1, async () => {
    store = await sqlite(path)();
    await store.operations?.backlog(1);
  });
  const queue = store.operations as OperationStore;
  const rounds: Cost[] = [];
  for (let round = 0; round < 3; round += 1) {
    await accept(ITEMS, 0);
    rounds.push(await costOf(ITEMS, () => claimAndSettle(queue)));
  }
  const backlog = await costOf(200, async () => {
    for (let times = 0; times < 200; times += 1) await queue.backlog(1);
  });
  const best = (pick: (cost: Cost) => number): string => Math.min(...rounds.map(pick)).toFixed(1);
  console.log(
    `${String(size).padStart(9)} parked: claim + settle ${best(({ wall }) => wall)} µs an item (processor ${best(({ processor }) => processor)}),` +
      ` backlog ${backlog.wall.toFixed(0)} µs, open ${(reopening.wall / 1_000).toFixed(0)} ms`,
  );
}
await store.close();
rmSync(folder, { recursive: true });
