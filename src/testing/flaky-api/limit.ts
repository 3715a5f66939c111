import type { Answer } from "./answer.ts";
import { errorAnswer } from "./answer.ts";
import type { EndpointPattern } from "./endpoint-pattern.ts";
import { isFor, readPatterns } from "./endpoint-filter.ts";
import { asName, compileExpression } from "./expression.ts";
import type { Readable, Scope } from "./expression.ts";
import { join, optional, readBoolean, readList, readNumber, readObject, readOneOf, readText, refuse } from "../reading.ts";
import { RETRY_AFTER_FORMS, retryAfterHeader } from "./retry-after.ts";
import type { RetryAfterForm } from "./script.ts";
import type { ReadTime } from "./script-time.ts";
import { tokenBucket } from "./token-bucket.ts";
import type { TokenBucket } from "./token-bucket.ts";

/** A rate limit as it is asked. */
export interface Limit {
  readonly name: string;
  readonly limit: number;
  readonly perMs: number;
  readonly burst: number;
  /** The bucket that a request draws on. */
  readonly bucketOf: (scope: Scope, endpoint: string) => string;
  readonly patterns: readonly EndpointPattern[];
  readonly retryAfter: RetryAfterForm | "none";
  readonly announce: boolean;
}

const KEYS = ["name", "limit", "per", "burst", "scope", "endpoint", "retryAfter", "announce"];

export function readLimits(
  value: unknown,
  path: string,
  ground: { readonly endpoints: readonly EndpointPattern[]; readonly readable: Readable; readonly time: ReadTime },
): readonly Limit[] {
  return readList(value, path).map((item, index) => {
    const at = `${path}[${index}]`;
    const fields = readObject(item, at, KEYS);
    const limit = readNumber(fields["limit"], join(at, "limit"), { min: Number.MIN_VALUE });
    const perMs = ground.time(fields["per"], join(at, "per"));
    if (perMs === 0) refuse(join(at, "per"), fields["per"], "it must be longer than nothing");
    return {
      name: optional(fields["name"], join(at, "name"), readText) ?? at,
      limit,
      perMs,
      burst: optional(fields["burst"], join(at, "burst"), (burst, place) => readNumber(burst, place, { min: 1 })) ?? Math.max(1, limit),
      bucketOf: readScope(fields["scope"], join(at, "scope"), ground.readable),
      patterns: optional(fields["endpoint"], join(at, "endpoint"), (texts, place) => readPatterns(texts, place, ground.endpoints)) ?? [],
      retryAfter:
        optional(fields["retryAfter"], join(at, "retryAfter"), (form, place) =>
          readOneOf(form, place, [...RETRY_AFTER_FORMS, "none" as const]),
        ) ?? "seconds",
      announce: optional(fields["announce"], join(at, "announce"), readBoolean) ?? false,
    };
  });
}

function readScope(value: unknown, path: string, readable: Readable): Limit["bucketOf"] {
  if (value === undefined || value === "api") return () => "";
  if (value === "endpoint") return (_scope, endpoint) => endpoint;
  const read = compileExpression(readText(value, path), path, { ...readable, roots: ["header", "query", "path", "body"] });
  return (scope) => asName(read(scope)) ?? "";
}

/** What the limits say of one request. */
export interface Admission {
  /** The limit that refuses it, and its answer. */
  readonly refused?: { readonly limit: string; readonly answer: Answer };
  /** Headers that tell what is left; empty unless a limit announces. */
  readonly headers: readonly string[];
}

export interface LimitGate {
  /** Asks all limits; only if every one has a token is one taken from each. Instants are milliseconds. */
  admit(scope: Scope, endpoint: string, instants: { readonly elapsedMs: number; readonly now: number }): Admission;
}

const ADMITTED: Admission = { headers: [] };

export function limitGate(limits: readonly Limit[]): LimitGate {
  const buckets = limits.map(() => new Map<string, TokenBucket>());

  const bucketFor = (index: number, limit: Limit, name: string): TokenBucket => {
    const own = buckets[index] as Map<string, TokenBucket>;
    let bucket = own.get(name);
    if (bucket === undefined) own.set(name, (bucket = tokenBucket(limit)));
    return bucket;
  };

  return {
    admit(scope, endpoint, { elapsedMs, now }) {
      if (limits.length === 0) return ADMITTED;
      const { method, path } = scope.request;
      const asked = limits.flatMap((limit, index) =>
        isFor(limit.patterns, method, path) ? [{ limit, bucket: bucketFor(index, limit, limit.bucketOf(scope, endpoint)) }] : [],
      );
      const full = asked.find(({ bucket }) => bucket.waitMs(elapsedMs) > 0);
      if (full === undefined) for (const { bucket } of asked) bucket.take(elapsedMs);
      const headers = asked.flatMap(({ limit, bucket }) => (limit.announce ? announcement(limit, bucket, elapsedMs) : []));
      if (full === undefined) return { headers };

      const { limit, bucket } = full;
      const hint = limit.retryAfter === "none" ? [] : retryAfterHeader(limit.retryAfter, bucket.waitMs(elapsedMs), now);
      const answer = errorAnswer(429, "RATE_LIMITED", `more than ${limit.burst} + ${limit.limit} per ${limit.perMs} ms`, hint);
      return { refused: { limit: limit.name, answer }, headers };
    },
  };
}

function announcement(limit: Limit, bucket: TokenBucket, elapsedMs: number): readonly string[] {
  const remaining = bucket.left(elapsedMs);
  const resetMs = ((limit.burst - remaining) * limit.perMs) / limit.limit;
  return [
    ...["x-ratelimit-limit", String(limit.burst)],
    ...["x-ratelimit-remaining", String(Math.floor(remaining))],
    ...["x-ratelimit-reset", String(Math.ceil(resetMs / 1_000))],
  ];
}
