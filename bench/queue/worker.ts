/**
 * The whole engine against its own store, in one run on one machine: operations through enqueue() until they are done, over a
 * transport that does nothing, beside the store's bare accept, claim and settle. It shows what the worker costs.
 *
 *     node bench/queue/worker.ts [count] [rounds] [memory|sqlite]
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { memory } from "../../src/adapters/store/memory/index.ts";
import { sqlite } from "../../src/adapters/store/sqlite/index.ts";
import { createHoldfast } from "../../src/client/holdfast.ts";
import type { NewOperation, OperationStore, Settlement } from "../../src/ports/operation-store.ts";
import type { StoreFactory } from "../../src/ports/store.ts";

const COUNT = Number(process.argv[2] ?? 20_000);
const ROUNDS = Number(process.argv[3] ?? 3);
const ONLY = process.argv[4];
const CALLERS = 50;
const JSON_BODY = { email: "ada@example.com", note: "x".repeat(150) };
const LANE = { api: "crm", endpoint: "POST /contacts", partition: "" };
const ENDPOINT = "POST /contacts";
const folder = mkdtempSync(join(tmpdir(), "holdfast-bench-"));

interface Figures {
  /** Accepting, by 50 callers who each wait until theirs is on disk. */
  readonly accept: number;
  /** Working off what was accepted. */
  readonly workOff: number;
  /** Both at once, from the first accept to the last settle. */
  readonly life: number;
}

async function perSecond(work: () => Promise<unknown>): Promise<number> {
  const started = performance.now();
  await work();
  return Math.round((COUNT / (performance.now() - started)) * 1_000);
}

async function byCallers(one: () => Promise<unknown>): Promise<void> {
  let begun = 0;
  const caller = async (): Promise<void> => {
    while (begun < COUNT) {
      begun += 1;
      await one();
    }
  };
  await Promise.all(Array.from({ length: CALLERS }, caller));
}

/** The store alone: one loop that claims 50 and settles them in one go, twice at once. */
async function ofStore(open: StoreFactory): Promise<Figures> {
  const store = await open();
  const queue = store.operations as OperationStore;
  let made = 0;
  const accept = (): Promise<unknown> => queue.accept([operation((made += 1))]);
  const workOff = (): Promise<unknown> => {
    let left = COUNT;
    const loop = async (): Promise<void> => {
      while (left > 0) {
        const claimed = await queue.claim({ worker: "bench", allowances: [{ ...LANE, max: 50 }], now: 1e9, leaseUntil: 1e9 + 60_000 });
        left -= claimed.length;
        await queue.settle(claimed.map(({ operation: { id }, claim }) => settlement(id, claim)));
      }
    };
    return Promise.all([loop(), loop()]);
  };
  const figures = {
    accept: await perSecond(() => byCallers(accept)),
    workOff: await perSecond(workOff),
    life: await perSecond(() => Promise.all([byCallers(accept), workOff()])),
  };
  await store.close();
  return figures;
}

/** The engine over it. */
async function ofEngine(open: StoreFactory): Promise<Figures> {
  const apis = { crm: { baseUrl: "https://api.example.com" } };
  const transport = async (): Promise<Response> => Response.json({ id: 7 }, { status: 201 });
  const hf = await createHoldfast({ apis, store: open, transport });
  const enqueue = (): Promise<unknown> => hf.enqueue("crm", ENDPOINT, { json: JSON_BODY });
  let done = 0;
  let finished: (() => void) | undefined;
  hf.on("operation:settled", () => {
    done += 1;
    if (done % COUNT === 0) finished?.();
  });
  const allDone = (): Promise<void> => new Promise((resolve) => (finished = resolve));
  hf.work();
  await hf.operations.pause(LANE);
  const accept = await perSecond(() => byCallers(enqueue));
  const workOff = await perSecond(async () => {
    const end = allDone();
    await hf.operations.resume(LANE);
    await end;
  });
  const life = await perSecond(async () => {
    const end = allDone();
    await byCallers(enqueue);
    await end;
  });
  await hf.close();
  return { accept, workOff, life };
}

function operation(number: number): NewOperation {
  return {
    id: `01900000-0000-7000-9000-${String(number).padStart(12, "0")}`,
    ...LANE,
    flow: "",
    request: {
      method: "POST",
      url: "https://api.example.com/contacts",
      headers: [["content-type", "application/json"]],
      body: new TextEncoder().encode(JSON.stringify(JSON_BODY)),
    },
    fingerprint: "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
    labels: {},
    priority: 0,
    acceptedAt: number,
    dueAt: number,
  };
}

const ANSWER = {
  type: "response",
  status: 201,
  statusText: "",
  headers: [["content-type", "application/json"]],
  body: new TextEncoder().encode('{"id":7}'),
} as const;
const ATTEMPT = {
  attempt: 1,
  startedAt: 1,
  durationMs: 1,
  verdict: { kind: "success", effect: "done", rule: "ok", because: "answered" },
  because: { code: "answered" },
  headers: { "content-type": "application/json" },
  bodyExcerpt: '{"id":7}',
} as const;

function settlement(id: string, claim: number): Settlement {
  return {
    id,
    claim,
    now: 1e9,
    attempt: ATTEMPT,
    outcome: { state: "succeeded", keepUntil: 1e12, answer: { ...ANSWER, body: ANSWER.body.slice() } },
  };
}

for (let round = 1; round <= ROUNDS; round += 1) {
  for (const [name, open] of [
    ["memory", () => memory()],
    ["sqlite", (part: string) => sqlite(join(folder, `${part}-${round}.db`))],
  ] as const) {
    if (ONLY !== undefined && ONLY !== name) continue;
    const bare = await ofStore(open("store"));
    const engine = await ofEngine(open("engine"));
    for (const what of ["accept", "workOff", "life"] as const) {
      const share = Math.round((engine[what] / bare[what]) * 100);
      console.log(
        `round ${round}  ${name}  ${what.padEnd(8)} store ${String(bare[what]).padStart(7)}/s  engine ${String(engine[what]).padStart(7)}/s  ${share} %`,
      );
    }
  }
}
rmSync(folder, { recursive: true, force: true });
