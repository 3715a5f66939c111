/** Bytes allocated for one call that succeeds at once, the work's own promise included. */
import { retry } from "../../src/index.ts";
import { compare, type Suite } from "../figure.ts";
import { fullLifecycle } from "../full-lifecycle.ts";
import { allocated, race } from "../harness.ts";
import { cockatielRetry, cockatielWrap, effect, handWritten, opossum, pRetryOf, type Caller, type Work } from "../peers.ts";

export const suite: Suite = {
  about: "bytes allocated for a success",
  async run(quick) {
    const work: Work = async () => 42;
    const callers: Readonly<Record<string, Caller>> = {
      retry: { call: (fn) => retry(fn) },
      loop: { call: (fn) => handWritten(fn) },
      "cockatiel retry": cockatielRetry(),
      "p-retry": pRetryOf(),
      "hf.call": await fullLifecycle(),
      "hf.call, heard": await fullLifecycle({ listener: true }),
      "cockatiel wrap": cockatielWrap(),
      opossum: opossum(),
      effect: effect(),
    };
    // As few as fit into the space for new objects, so that nothing is collected within a round; the rest is for the compiler.
    const readings = await race(
      Object.entries(callers).map(([name, caller]) => ({ name, call: () => caller.call(work), close: () => caller.close?.() })),
      allocated,
      quick ? { rounds: 3, calls: 10 } : { rounds: 300, calls: 50 },
    );
    const told = (ours: string): { readonly name: string; readonly ours: string; readonly unit: string } => ({
      name: `${ours}: allocated for a success`,
      ours,
      unit: allocated.unit,
    });
    return [
      ...compare(readings, told("retry"), { loop: {}, "cockatiel retry": {}, "p-retry": {} }),
      ...compare(readings, told("hf.call"), { "cockatiel wrap": {}, opossum: {}, effect: {} }),
      ...compare(readings, told("hf.call, heard"), { "cockatiel wrap": {} }),
    ];
  },
};
