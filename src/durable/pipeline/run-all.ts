import { sleep } from "../../ports/clock.ts";
import type { Runtime } from "../../engine/runtime.ts";
import { Places } from "./places.ts";

/** How many times as many as are under way may rest at the same time: what waits for an API that is down must not pile up. */
const RESTING = 20;
/** Who waits no longer than this keeps its place. */
const SHORT_MS = 50;

/** What an item may do while it is worked on. */
export interface Worked {
  /** Waits, and leaves its place to others where that takes long. Rejects with the reason of the signal. */
  readonly rest: (ms: number) => Promise<void>;
}

export interface RunAllOptions<Item> {
  /** Items under way at once. */
  readonly concurrency: number;
  readonly signal: AbortSignal;
  readonly runtime: Runtime;
  readonly work: (item: Item, worked: Worked) => Promise<void>;
}

/**
 * Works through items, so many at a time, and takes the next from the source only when there is room for it: what is held in
 * memory does not grow with what there is to do. Rejects with the first error, once what was under way has ended; nothing is
 * begun after it.
 */
export async function runAll<Item>(source: Iterable<Item> | AsyncIterable<Item>, options: RunAllOptions<Item>): Promise<void> {
  const { concurrency, signal, runtime, work } = options;
  let changed = Promise.withResolvers<void>();
  const tell = (): void => {
    changed.resolve();
    changed = Promise.withResolvers();
  };
  const places = new Places(concurrency, tell);
  const worked: Worked = {
    async rest(ms) {
      if (ms <= SHORT_MS) {
        await sleep(runtime.clock, ms, signal);
        return;
      }
      places.leave();
      try {
        await sleep(runtime.clock, ms, signal);
      } finally {
        await places.take();
      }
    },
  };
  const active = new Set<Promise<void>>();
  let failure: { readonly error: unknown } | undefined;
  const begin = (item: Item): void => {
    const ended: Promise<void> = work(item, worked)
      .catch((error: unknown) => void (failure ??= { error }))
      .finally(() => {
        active.delete(ended);
        places.leave();
        tell();
      });
    active.add(ended);
  };
  const isOver = (): boolean => failure !== undefined || signal.aborted;
  const onAbort = (): void => tell();
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    for await (const item of source) {
      while (!isOver() && (active.size >= concurrency * RESTING || !places.tryTake())) await changed.promise;
      if (isOver()) break;
      begin(item);
    }
  } finally {
    await Promise.all(active);
    signal.removeEventListener("abort", onAbort);
  }
  if (failure !== undefined) throw failure.error;
  signal.throwIfAborted();
}
