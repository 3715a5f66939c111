import { systemClock } from "../adapters/clock/system.ts";
import { systemRandom } from "../adapters/clock/random.ts";
import { createRuntime, type Runtime } from "../engine/runtime.ts";
import type { Clock } from "../ports/clock.ts";
import type { Random } from "../ports/random.ts";

/** Time and chance, where a test or a simulation hands in its own. */
export interface Environment {
  /** @default the machine's */
  readonly clock?: Clock;
  /** Numbers in [0, 1). @default Math.random */
  readonly random?: Random;
}

/** Everything stand-alone that runs on the machine's own time shares its timers. */
const SYSTEM: Runtime = createRuntime(systemClock, systemRandom);

export function runtimeFor({ clock, random }: Environment): Runtime {
  return clock === undefined && random === undefined ? SYSTEM : createRuntime(clock ?? systemClock, random ?? systemRandom);
}

/** One of its own, where what is listened to must not be everybody's. */
export function ownRuntime({ clock, random }: Environment): Runtime {
  return createRuntime(clock ?? systemClock, random ?? systemRandom);
}
