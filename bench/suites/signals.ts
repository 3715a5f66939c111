/** What it costs that everything is counted. */
import { compare, type Suite } from "../figure.ts";
import { fullLifecycle } from "../full-lifecycle.ts";
import { cpuTime, race } from "../harness.ts";
import type { Work } from "../peers.ts";

export const suite: Suite = {
  about: "a success under all policies of an API, with metrics on, against the same with nobody listening",
  async run(quick) {
    const work: Work = async () => 42;
    const callers = { "metrics off": await fullLifecycle(), "metrics on": await fullLifecycle({ metrics: true }) };
    const readings = await race(
      Object.entries(callers).map(([name, caller]) => ({ name, call: () => caller.call(work), close: () => caller.close?.() })),
      cpuTime,
      quick ? { rounds: 3, calls: 10 } : { rounds: 60, calls: 2_000 },
    );
    return compare(readings, { name: "hf.call, counted", ours: "metrics on", unit: cpuTime.unit }, { "metrics off": { aim: 1.25 } });
  },
};
