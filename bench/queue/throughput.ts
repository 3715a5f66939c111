/**
 * The store's queue against the bare sketch, in one run on one machine: accepting by 50 callers who each wait until theirs is
 * on disk, working off what was accepted, and whole lives.
 *
 *     node bench/queue/throughput.ts [count] [folder] [rounds]
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { sqlite } from "../../src/adapters/store/sqlite/index.ts";
import type { NewOperation, OperationStore } from "../../src/ports/operation-store.ts";
import { sketch, type Sketch } from "./sketch.ts";

const COUNT = Number(process.argv[2] ?? 30_000);
const CALLERS = 50;
const ROUNDS = Number(process.argv[4] ?? 3);
const BATCH = 50;
const BODY = new TextEncoder().encode(JSON.stringify({ email: "ada@example.com", note: "x".repeat(150) }));
const LANE = { api: "crm", endpoint: "POST /contacts", partition: "" };

const folder = mkdtempSync(join(process.argv[3] ?? tmpdir(), "holdfast-bench-"));
let made = 0;

function operation(): NewOperation {
  const number = (made += 1);
  return {
    id: `01900000-0000-7000-9000-${String(number).padStart(12, "0")}`,
    ...LANE,
    flow: "",
    request: { method: "POST", url: "https://api.example.com/contacts", headers: [["content-type", "application/json"]], body: BODY },
    fingerprint: "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
    labels: {},
    priority: 0,
    acceptedAt: number,
    dueAt: number,
  };
}

async function perSecond(count: number, work: () => Promise<void>): Promise<number> {
  const started = performance.now();
  await work();
  return Math.round((count / (performance.now() - started)) * 1_000);
}

/** So many callers, each doing one thing after the other until `count` are done. */
async function byCallers(count: number, one: () => Promise<void>): Promise<void> {
  let begun = 0;
  const caller = async (): Promise<void> => {
    while (begun < count) {
      begun += 1;
      await one();
    }
  };
  await Promise.all(Array.from({ length: CALLERS }, caller));
}

interface Figures {
  /** 50 callers, each waiting until its operation is on disk. */
  readonly accept: number;
  /** Two loops, each claiming 50 and settling them one by one, on what was accepted. */
  readonly workOff: number;
  /** Both at once, from the first accept to the last settle. */
  readonly life: number;
}

interface Queue {
  accept(): Promise<unknown>;
  /** Claims so many and settles each; answers how many there were. */
  work(max: number): Promise<number>;
}

async function measure({ accept, work }: Queue): Promise<Figures> {
  let left = 0;
  const workUntilDone = (): Promise<unknown> =>
    Promise.all(
      [0, 1].map(async () => {
        while (left > 0) {
          const done = await work(BATCH);
          left -= done;
        }
      }),
    );
  const accepting = await perSecond(COUNT, () => byCallers(COUNT, async () => void (await accept())));
  left = COUNT;
  const workOff = await perSecond(COUNT, async () => void (await workUntilDone()));
  left = COUNT;
  const life = await perSecond(COUNT, async () => {
    await Promise.all([byCallers(COUNT, async () => void (await accept())), workUntilDone()]);
  });
  return { accept: accepting, workOff, life };
}

function ofSketch(queue: Sketch): Queue {
  return {
    accept: () => queue.enqueue(BODY),
    work: async (max) => {
      const ids = await queue.claim(max);
      await Promise.all(ids.map((id) => queue.settle(id)));
      return ids.length;
    },
  };
}

function ofStore(queue: OperationStore): Queue {
  return {
    accept: () => queue.accept([operation()]),
    work: async (max) => {
      const claimed = await queue.claim({ worker: "bench", allowances: [{ ...LANE, max }], now: made, leaseUntil: made + 60_000 });
      await Promise.all(
        claimed.map(({ operation: { id }, claim }) =>
          queue.settle([{ id, claim, now: made, outcome: { state: "succeeded", keepUntil: made + 1e9 }, attempt: ATTEMPT }]),
        ),
      );
      return claimed.length;
    },
  };
}

const ATTEMPT = {
  attempt: 1,
  startedAt: 1,
  durationMs: 80,
  verdict: { kind: "success", effect: "done", rule: "ok", because: "answered", status: 201 },
  because: { code: "answered" },
} as const;

for (let round = 1; round <= ROUNDS; round += 1) {
  const bare = sketch(join(folder, `sketch-${round}.db`));
  const sketched = await measure(ofSketch(bare));
  bare.close();
  const store = await sqlite(join(folder, `store-${round}.db`))();
  const figures = await measure(ofStore(store.operations as OperationStore));
  await store.close();
  for (const what of ["accept", "workOff", "life"] as const) {
    const share = Math.round((figures[what] / sketched[what]) * 100);
    console.log(
      `round ${round}  ${what.padEnd(8)} sketch ${String(sketched[what]).padStart(6)}/s  store ${String(figures[what]).padStart(6)}/s  ${share} %`,
    );
  }
}
rmSync(folder, { recursive: true });
