import type { Clock } from "../../ports/clock.ts";
import type { PagedSource, SourceContext } from "./source.ts";

export interface ReadPorts {
  readonly clock: Clock;
  readonly timeoutMs: number;
  /** Takes one record. Answers what has to be waited for before the next. */
  offer(record: unknown): Promise<void> | undefined;
  /** Whether enough has been read: the run ends, or the source has come past the ceiling. */
  enough(): boolean;
  /** A step of the source takes longer than it may. */
  readonly hangs: () => void;
}

/** Reads a source to its end, or to where enough is read; then it is let go. */
export async function readAll(source: PagedSource<unknown>, context: SourceContext, ports: ReadPorts): Promise<void> {
  const pages = source.pages(context);
  const iterator = Symbol.asyncIterator in pages ? pages[Symbol.asyncIterator]() : pages[Symbol.iterator]();
  try {
    while (!ports.enough()) {
      const step = await within(iterator, ports);
      if (step.done === true) return;
      for (const record of step.value) {
        const pause = ports.offer(record);
        if (pause !== undefined) await pause;
        if (ports.enough()) break;
      }
    }
  } finally {
    if (ports.enough()) letGo(iterator);
  }
}

/** One timer for each step, and nothing that outlives it: a source that hangs must not hold the sync for ever. */
async function within<Value>(
  iterator: AsyncIterator<Value> | Iterator<Value>,
  { clock, timeoutMs, hangs }: Pick<ReadPorts, "clock" | "timeoutMs" | "hangs">,
): Promise<IteratorResult<Value, unknown>> {
  const timer = clock.setTimer(hangs, timeoutMs);
  try {
    return await iterator.next();
  } finally {
    clock.clearTimer(timer);
  }
}

/** Lets a source clean up. One that hangs is not waited for. */
function letGo(iterator: AsyncIterator<unknown> | Iterator<unknown>): void {
  void (async () => await iterator.return?.())().catch(() => undefined);
}
