import { ConfigError } from "../../core/errors.ts";

export interface ConcurrencyOptions {
  /** Calls in flight at once. */
  readonly max: number;
  /** Calls that may wait for a permit; one more is refused. @default 10000 */
  readonly maxQueue?: number;
}

export interface ResolvedConcurrency {
  readonly max: number;
  readonly maxQueue: number;
}

export function resolveConcurrency(options: ConcurrencyOptions | number, path = "concurrency"): ResolvedConcurrency {
  const given = typeof options === "number" ? { max: options } : options;
  const maxQueue = given.maxQueue ?? 10_000;
  if (!Number.isInteger(given.max) || given.max < 1) {
    throw new ConfigError({ path: `${path}.max`, message: `${path}.max is ${given.max}; give a whole number of at least 1` });
  }
  if (!Number.isInteger(maxQueue) || maxQueue < 0) {
    throw new ConfigError({ path: `${path}.maxQueue`, message: `${path}.maxQueue is ${maxQueue}; give a whole number of at least 0` });
  }
  return Object.freeze({ max: given.max, maxQueue });
}

/** A count of permits (a bulkhead). */
export class Permits {
  readonly #max: number;
  #taken = 0;

  constructor(max: number) {
    this.#max = max;
  }

  tryTake(): boolean {
    if (this.#taken >= this.#max) return false;
    this.#taken += 1;
    return true;
  }

  giveBack(): void {
    this.#taken -= 1;
  }

  get taken(): number {
    return this.#taken;
  }

  get free(): number {
    return this.#max - this.#taken;
  }
}
