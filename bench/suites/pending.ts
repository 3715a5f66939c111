/**
 * What a call keeps while it waits for its answer: 100,000 of them are begun, everything dead is collected, and the heap is
 * weighed. The work's own promise, 170 bytes or so, is in every figure.
 */
import { retry } from "../../src/index.ts";
import { absolute, type Figure, type Suite } from "../figure.ts";
import { fullLifecycle } from "../full-lifecycle.ts";
import { collectAll, median } from "../harness.ts";
import { cockatielRetry, effect, opossum, type Caller, type Work } from "../peers.ts";

/** Bytes for each of `calls` calls that wait at the same time. */
async function weigh(caller: Caller, calls: number): Promise<number> {
  const answers: ((value: number) => void)[] = Array.from({ length: calls });
  const settled: Promise<number>[] = Array.from({ length: calls });
  let begun = 0;
  const work: Work = () =>
    new Promise((resolve) => {
      answers[begun] = resolve;
    });
  collectAll();
  const before = process.memoryUsage().heapUsed;
  for (; begun < calls; begun += 1) settled[begun] = caller.call(work);
  // What is begun in a microtask has begun by then.
  await new Promise((resolve) => setImmediate(resolve));
  collectAll();
  const held = process.memoryUsage().heapUsed - before;
  for (const answer of answers) answer(42);
  await Promise.all(settled);
  return held / calls;
}

export const suite: Suite = {
  about: "bytes held by each of 100,000 calls in flight",
  async run(quick) {
    // cockatiel's wrap is not here: it adds listeners to one signal that all calls share, so 100,000 at once take it minutes.
    const callers: readonly { readonly name: string; readonly caller: Caller; readonly aim?: number }[] = [
      { name: "retry", caller: { call: (work) => retry(work) }, aim: 1_000 },
      { name: "hf.call", caller: await fullLifecycle(), aim: 1_000 },
      { name: "hf.call, heard", caller: await fullLifecycle({ listener: true }), aim: 1_000 },
      { name: "nothing but the work", caller: { call: (work) => work() } },
      { name: "cockatiel retry", caller: cockatielRetry() },
      { name: "opossum", caller: opossum() },
      { name: "effect", caller: effect() },
    ];
    const calls = quick ? 200 : 100_000;
    const figures: Figure[] = [];
    for (const { name, caller, aim } of callers) {
      await weigh(caller, Math.min(calls, 1_000));
      const weights: number[] = [];
      for (let round = 0; round < 3; round += 1) weights.push(await weigh(caller, calls));
      caller.close?.();
      figures.push(absolute(`${name}: held while pending`, median(weights), "B", aim ?? null));
    }
    return figures;
  },
};
