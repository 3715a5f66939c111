import { durationMs, type Duration } from "../../core/duration.ts";
import { ConfigError } from "../../core/errors.ts";
import { refuseUnknown } from "../../core/options.ts";
import { shown } from "../../core/shown.ts";

/** One bucket: `limit` calls per `per`, of which `burst` may go at once. */
export interface RateLimitOptions {
  /** Calls (or units of cost) per `per`. */
  readonly limit: number;
  /** @default "1s" */
  readonly per?: Duration;
  /**
   * How many may go at once after a quiet time. In no interval t do more than `burst + limit · t / per` start.
   * @default one second's worth, or for a `per` over a minute (a quota) `limit`; at least 1
   */
  readonly burst?: number;
  /** Who shares the bucket: all calls of the API, each endpoint, or each partition (account, token). @default "api" */
  readonly scope?: RateLimitScope;
  /** What is taken for a call: its cost (tokens, points; 1 unless said otherwise), or 1 whatever it costs. @default "cost" */
  readonly counts?: "cost" | "calls";
}

export type RateLimitScope = "api" | "endpoint" | "partition";

export interface ResolvedRateLimit {
  readonly limit: number;
  readonly perMs: number;
  readonly burst: number;
  readonly scope: RateLimitScope;
  readonly counts: "cost" | "calls";
}

const OPTIONS: readonly (keyof RateLimitOptions)[] = ["limit", "per", "burst", "scope", "counts"];

/** The buckets, checked and completed. */
export function resolveRateLimits(
  options: RateLimitOptions | readonly RateLimitOptions[],
  path = "rateLimit",
): readonly ResolvedRateLimit[] {
  const list = Array.isArray(options) ? (options as readonly RateLimitOptions[]) : [options as RateLimitOptions];
  if (list.length === 0) throw new ConfigError({ path, message: `${path} is empty; give at least one bucket, or leave it out` });
  return list.map((one, index) => resolveOne(one, Array.isArray(options) ? `${path}[${index}]` : path));
}

function resolveOne(options: RateLimitOptions, path: string): ResolvedRateLimit {
  refuseUnknown(options, OPTIONS, path);
  const perMs = durationMs(options.per ?? 1_000, `${path}.per`);
  const { limit } = options;
  const positive = (value: number, name: string): void => {
    if (!(value > 0) || !Number.isFinite(value))
      throw new ConfigError({ path: `${path}.${name}`, message: `${path}.${name} is ${shown(value)}; give a number above 0` });
  };
  positive(limit, "limit");
  positive(perMs, "per");
  const burst = options.burst ?? Math.max(1, perMs > 60_000 ? limit : Math.floor((limit * 1_000) / perMs));
  if (!(burst >= 1) || !Number.isFinite(burst)) {
    throw new ConfigError({
      path: `${path}.burst`,
      message: `${path}.burst is ${shown(burst)}; give a number of at least 1, or no call could ever start`,
    });
  }
  const scope = options.scope ?? "api";
  if (scope !== "api" && scope !== "endpoint" && scope !== "partition") {
    throw new ConfigError({ path: `${path}.scope`, message: `${path}.scope is ${shown(scope)}; give "api", "endpoint" or "partition"` });
  }
  const counts = options.counts ?? "cost";
  if (counts !== "cost" && counts !== "calls") {
    throw new ConfigError({ path: `${path}.counts`, message: `${path}.counts is ${shown(counts)}; give "cost" or "calls"` });
  }
  return Object.freeze({ limit, perMs, burst, scope, counts });
}
