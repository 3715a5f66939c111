/** One function that succeeds at once, under all policies of an API, against the same from parts. */
import { compare, type Figure, type Suite } from "../figure.ts";
import { fullLifecycle } from "../full-lifecycle.ts";
import { cpuTime, race } from "../harness.ts";
import { cockatielWrap, effect, opossum, type Caller, type Work } from "../peers.ts";

export const suite: Suite = {
  about: "a success under deadline, rate limit, breaker, retry budget, timeout, classification and events",
  async run(quick) {
    const work: Work = async () => 42;
    const callers: Readonly<Record<string, Caller>> = {
      "hf.call": await fullLifecycle(),
      "hf.call, heard": await fullLifecycle({ listener: true }),
      "cockatiel wrap": cockatielWrap(),
      opossum: opossum(),
      effect: effect(),
    };
    const readings = await race(
      Object.entries(callers).map(([name, caller]) => ({ name, call: () => caller.call(work), close: () => caller.close?.() })),
      cpuTime,
      quick ? { rounds: 3, calls: 10 } : { rounds: 60, calls: 2_000 },
    );
    const figures = (ours: string): readonly Figure[] =>
      compare(
        readings,
        { name: `${ours}: success`, ours, unit: cpuTime.unit },
        { "cockatiel wrap": { aim: 1 / 8 }, opossum: {}, effect: {} },
      );
    return [...figures("hf.call"), ...figures("hf.call, heard")];
  },
};
