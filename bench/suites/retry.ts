/** One function that succeeds at once, under a retry policy and nothing else. */
import { retry } from "../../src/index.ts";
import { compare, type Figure, type Suite } from "../figure.ts";
import { cpuTime, race } from "../harness.ts";
import { cockatielRetry, handWritten, pRetryOf } from "../peers.ts";

export const suite: Suite = {
  about: "a success under a retry policy",
  async run(quick) {
    const work = async (): Promise<number> => 42;
    const shared = { maxAttempts: 4, backoff: { base: "200ms", cap: "30s" } } as const;
    const cockatiel = cockatielRetry();
    const pRetry = pRetryOf();
    const readings = await race(
      [
        { name: "retry(fn)", call: () => retry(work) },
        { name: "retry(fn, options)", call: () => retry(work, shared) },
        { name: "retry(fn, literal)", call: () => retry(work, { maxAttempts: 4, backoff: { base: "200ms", cap: "30s" } }) },
        { name: "loop", call: () => handWritten(work) },
        { name: "cockatiel", call: () => cockatiel.call(work) },
        { name: "p-retry", call: () => pRetry.call(work) },
      ],
      cpuTime,
      quick ? { rounds: 3, calls: 10 } : { rounds: 60, calls: 10_000 },
    );
    const figures = (ours: string, aim: { readonly aim?: number }): readonly Figure[] =>
      compare(readings, { name: `${ours}: success`, ours, unit: cpuTime.unit }, { cockatiel: aim, loop: {}, "p-retry": {} });
    return [...figures("retry(fn)", { aim: 1 }), ...figures("retry(fn, options)", { aim: 1 }), ...figures("retry(fn, literal)", {})];
  },
};
