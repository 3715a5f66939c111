/**
 * Two failures and then a success: what the libraries do around the waits, in CPU time.
 *
 * The waits are nothing, in the same way for all: every backoff is set to 0, and a timer of 0 ms calls back in a microtask.
 * Real timers would add turns of the event loop to each side, which belong to neither. Whoever needs no timer for a wait of
 * 0 (p-retry, effect) sets none.
 *
 * The work fails as a network does: after an await, for a rejection that nobody can listen to yet costs Node's own
 * bookkeeping a microsecond, to every side. The error is made beforehand: making one costs some more, most of it for its stack.
 */
import { retry } from "../../src/index.ts";
import { compare, type Suite } from "../figure.ts";
import { fullLifecycle } from "../full-lifecycle.ts";
import { cpuTime, race } from "../harness.ts";
import { cockatielRetry, cockatielWrap, effect, pRetryOf, type Caller, type Work } from "../peers.ts";

const DOWN = new Error("down");
const NOTHING = Promise.resolve();

/** Fails twice of three times. Calls come one after another, so one count serves them all. */
function flaky(): Work {
  let attempts = 0;
  return async () => {
    attempts += 1;
    await NOTHING;
    if (attempts % 3 !== 0) throw DOWN;
    return 42;
  };
}

export const suite: Suite = {
  about: "two failures, then a success; waits of nothing",
  async run(quick) {
    const putBack = skipWaitsOfNothing();
    const options = { maxAttempts: 4, backoff: { base: 0, jitter: "none" } } as const;
    const callers: Readonly<Record<string, Caller>> = {
      "hf.call": await fullLifecycle({ waits: "none" }),
      "hf.call, heard": await fullLifecycle({ waits: "none", listener: true }),
      retry: { call: (work) => retry(work, options) },
      "cockatiel wrap": cockatielWrap("none"),
      "cockatiel retry": cockatielRetry("none"),
      "p-retry": pRetryOf("none"),
      effect: effect(),
    };
    const work = flaky();
    const readings = await race(
      Object.entries(callers).map(([name, caller]) => ({ name, call: () => caller.call(work), close: () => caller.close?.() })),
      cpuTime,
      quick ? { rounds: 3, calls: 10 } : { rounds: 40, calls: 1_000 },
    );
    putBack();
    const told = (ours: string): { readonly name: string; readonly ours: string; readonly unit: string } => ({
      name: `${ours}: two failures, then a success`,
      ours,
      unit: cpuTime.unit,
    });
    return [
      ...compare(readings, told("hf.call"), { "cockatiel wrap": { aim: 1 / 10 }, effect: {} }),
      ...compare(readings, told("hf.call, heard"), { "cockatiel wrap": { aim: 1 / 10 } }),
      ...compare(readings, told("retry"), { "cockatiel retry": {}, "p-retry": {} }),
    ];
  },
};

function skipWaitsOfNothing(): () => void {
  const real = globalThis.setTimeout;
  const instant = (over: () => void, ms?: number): unknown => {
    if (ms !== undefined && ms > 0) return real(over, ms);
    return NOTHING.then(over);
  };
  globalThis.setTimeout = instant as typeof setTimeout;
  return () => {
    globalThis.setTimeout = real;
  };
}
