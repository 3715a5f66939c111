/** A pipeline of four steps, against as many operations of the queue: what a step costs beside an operation. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { memory } from "../../src/adapters/store/memory/index.ts";
import { sqlite } from "../../src/adapters/store/sqlite/index.ts";
import { createHoldfast, definePipeline, type Holdfast, type StoreFactory } from "../../src/index.ts";
import type { Figure, Suite } from "../figure.ts";
import { median } from "../harness.ts";

const BODY = { email: "ada@example.com", note: "x".repeat(150) };
const CALLERS = 50;
/** At least half of the queue's rate. */
const AIM = 2;

const step = { api: "crm", request: () => ({ endpoint: "POST /contacts", json: BODY }) } as const;
const four = definePipeline("four").step("a", step).step("b", step).step("c", step).step("d", step);

export const suite: Suite = {
  about: "a step of a pipeline of four, against an operation of the queue, over the same store and a transport that does nothing",
  async run(quick) {
    const [rounds, steps] = quick ? [1, 40] : [5, 8_000];
    const folder = mkdtempSync(join(tmpdir(), "holdfast-bench-"));
    const figures: Figure[] = [];
    for (const [store, open] of [
      ["memory", () => memory()],
      ["sqlite", (file: string) => sqlite(join(folder, `${file}.db`))],
    ] as const) {
      const readings = { queue: [] as number[], pipeline: [] as number[] };
      for (let round = -1; round < rounds; round += 1) {
        for (const [name, work] of [
          ["queue", throughQueue],
          ["pipeline", throughPipeline],
        ] as const) {
          const us = await measured(open(`${name}-${round}`), steps, work);
          if (round >= 0 || quick) readings[name].push(us);
        }
      }
      const ratio = median(readings.pipeline.map((us, round) => us / (readings.queue[round] ?? Number.NaN)));
      const name = `pipeline, ${store}: a step`;
      figures.push({ name, value: median(readings.pipeline), unit: "µs", against: "queue", ratio, aim: AIM, holds: ratio <= AIM });
    }
    rmSync(folder, { recursive: true, force: true });
    return figures;
  },
};

/** Microseconds for each of so many steps or operations. */
async function measured(store: StoreFactory, steps: number, work: (hf: Holdfast, steps: number) => Promise<unknown>): Promise<number> {
  const transport = async (): Promise<Response> => Response.json({ id: 7 }, { status: 201 });
  const hf = await createHoldfast({ apis: { crm: { baseUrl: "https://crm.test", idempotency: {} } }, store, transport });
  const started = performance.now();
  await work(hf, steps);
  const us = ((performance.now() - started) / steps) * 1e3;
  await hf.close();
  return us;
}

/** From the first enqueue, by callers who each wait until theirs is on disk, to the last settle. */
async function throughQueue(hf: Holdfast, operations: number): Promise<void> {
  let done = 0;
  const { promise, resolve } = Promise.withResolvers<void>();
  hf.on("operation:settled", () => {
    done += 1;
    if (done === operations) resolve();
  });
  let begun = 0;
  const caller = async (): Promise<void> => {
    while (begun < operations) {
      begun += 1;
      await hf.enqueue("crm", "POST /contacts", { json: BODY });
    }
  };
  await Promise.all(Array.from({ length: CALLERS }, caller));
  await promise;
}

async function throughPipeline(hf: Holdfast, steps: number): Promise<void> {
  const subjects = Array.from({ length: steps / 4 }, (_, index) => `subject-${index}`);
  await hf.pipeline(four).runAll(subjects, { concurrency: CALLERS });
}
