import { ConfigError } from "../../core/errors.ts";
import { refuseUnknown } from "../../core/options.ts";
import { shown } from "../../core/shown.ts";

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

const OPTIONS: readonly (keyof ConcurrencyOptions)[] = ["max", "maxQueue"];

export function resolveConcurrency(options: ConcurrencyOptions | number, path = "concurrency"): ResolvedConcurrency {
  const given = typeof options === "number" ? { max: options } : options;
  refuseUnknown(given, OPTIONS, path);
  const { max, maxQueue = 10_000 } = given;
  if (!Number.isInteger(max) || max < 1) {
    throw new ConfigError({ path: `${path}.max`, message: `${path}.max is ${shown(max)}; give a whole number of at least 1` });
  }
  if (!Number.isInteger(maxQueue) || maxQueue < 0) {
    throw new ConfigError({
      path: `${path}.maxQueue`,
      message: `${path}.maxQueue is ${shown(maxQueue)}; give a whole number of at least 0`,
    });
  }
  return Object.freeze({ max, maxQueue });
}

/** A count of permits (a bulkhead). */
export class Permits {
  #max: number;
  #taken: number;

  /** `taken` are out already. */
  constructor(max: number, taken = 0) {
    this.#max = max;
    this.#taken = taken;
  }

  /** More of them, or fewer: then none is given until enough have come back. */
  resize(max: number): void {
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

  get free(): number {
    return Math.max(0, this.#max - this.#taken);
  }
}
