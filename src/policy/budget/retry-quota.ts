import { durationMs, formatMs, type Duration } from "../../core/duration.ts";
import { ConfigError } from "../../core/errors.ts";
import { refuseUnknown } from "../../core/options.ts";
import { shown } from "../../core/shown.ts";

/** Retries allowed to each value of one label: `{ by: "user", limit: 20, per: "1m" }`. */
export interface RetryQuotaOptions {
  /** The label whose values are counted apart. A call without that label is not limited by it. */
  readonly by: string;
  readonly limit: number;
  readonly per: Duration;
}

export interface ResolvedRetryQuota {
  readonly by: string;
  readonly limit: number;
  readonly perMs: number;
}

const OPTIONS: readonly (keyof RetryQuotaOptions)[] = ["by", "limit", "per"];
/** One instant is kept for each retry of each value. */
const MOST_RETRIES = 100_000;

export function resolveRetryQuota(options: RetryQuotaOptions, path = "retryQuota"): ResolvedRetryQuota {
  refuseUnknown(options, OPTIONS, path);
  const { by, limit } = options;
  if (typeof by !== "string" || by === "") {
    throw new ConfigError({
      path: `${path}.by`,
      message: `${path}.by is missing; name the label whose values are counted, such as "user"`,
    });
  }
  if (!Number.isInteger(limit) || limit < 0 || limit > MOST_RETRIES) {
    throw new ConfigError({
      path: `${path}.limit`,
      message: `${path}.limit is ${shown(limit)}; give a whole number from 0 to ${MOST_RETRIES}`,
    });
  }
  const perMs = durationMs(options.per, `${path}.per`);
  if (perMs <= 0) throw new ConfigError({ path: `${path}.per`, message: `${path}.per is 0; give a time such as "1m"` });
  return Object.freeze({ by, limit, perMs });
}

/** More values than this at once, and the one unused longest is forgotten: labels come from outside, so the map is bounded. */
const MAX_VALUES = 10_000;

/** Counts retries of each value over a sliding window. */
export class RetryQuota {
  readonly #options: ResolvedRetryQuota;
  /** Instants of the retries of each value, oldest first; the map's own order is that of last use. */
  readonly #used = new Map<string, number[]>();

  constructor(options: ResolvedRetryQuota) {
    this.#options = options;
  }

  /** The value that a call's labels have for this quota. */
  valueOf(labels: Readonly<Record<string, string>> | undefined): string | undefined {
    return labels !== undefined && Object.hasOwn(labels, this.#options.by) ? labels[this.#options.by] : undefined;
  }

  available(value: string, now: number): number {
    const used = this.#used.get(value);
    if (used === undefined) return this.#options.limit;
    const since = now - this.#options.perMs;
    let over = 0;
    while (over < used.length && (used[over] as number) <= since) over += 1;
    if (over > 0) used.splice(0, over);
    return Math.max(0, this.#options.limit - used.length);
  }

  withdraw(value: string, now: number): void {
    const used = this.#used.get(value) ?? [];
    this.#used.delete(value);
    used.push(now);
    this.#used.set(value, used);
    if (this.#used.size > MAX_VALUES) {
      const oldest = this.#used.keys().next();
      if (!oldest.done) this.#used.delete(oldest.value);
    }
  }

  /** For messages: `user ≤ 20 per 1m`. */
  get name(): string {
    return `${this.#options.by} ≤ ${this.#options.limit} per ${formatMs(this.#options.perMs)}`;
  }
}
