import { issuerEndpoint, readEndpoint } from "./endpoint.ts";
import type { Endpoint } from "./endpoint.ts";
import type { EndpointPattern } from "./endpoint-pattern.ts";
import { REQUEST_ROOTS } from "./expression.ts";
import type { Readable } from "./expression.ts";
import { readLimits } from "./limit.ts";
import type { Limit } from "./limit.ts";
import { join, optional, readNumber, readObject, readRecord, refuse } from "../reading.ts";
import { readRules } from "./rule.ts";
import type { Rule } from "./rule.ts";
import { scaledTime } from "./script-time.ts";
import { readTokenRules } from "./token-desk.ts";
import type { TokenRules } from "./token-desk.ts";

/** A script that was read whole: everything in it means something, and all times are real milliseconds. */
export interface ResolvedScript {
  readonly endpoints: readonly Endpoint[];
  /** Whether the script names no endpoints, so that every path answers. */
  readonly open: boolean;
  readonly rules: readonly Rule[];
  readonly limits: readonly Limit[];
  readonly auth?: TokenRules;
  readonly seed: number;
  /** Reads rules that take the place of these, against the same endpoints. */
  readonly readRules: (value: unknown, path: string) => readonly Rule[];
}

const RULE_ROOTS = [...REQUEST_ROOTS, "key", "subject", "ledger"];

/** Reads a script from unknown data; options given beside it win over its own `seed` and `scale`. */
export function resolveScript(
  value: unknown,
  over: { readonly seed?: number | undefined; readonly scale?: number | undefined },
): ResolvedScript {
  const fields = readObject(value, "", ["about", "endpoints", "rules", "limits", "auth", "seed", "scale"]);
  const time = scaledTime(over.scale ?? optional(fields["scale"], "scale", readScale) ?? 1);
  const own = optional(fields["endpoints"], "endpoints", readRecord);
  const named = Object.entries(own ?? {}).map(([text, endpoint]) => readEndpoint(text, endpoint, join("endpoints", text), time));
  if (own !== undefined && named.length === 0) refuse("endpoints", own, "it is empty; leave it out for an API that answers every path");
  checkLookups(named);

  const known = named.map((endpoint) => endpoint.pattern);
  const auth = optional(fields["auth"], "auth", (auth, at) => readTokenRules(auth, at, { endpoints: known, time }));
  const endpoints = auth === undefined ? named : [...named, issuerEndpoint(auth.issuer)];
  const open = own === undefined;
  const patterns: readonly EndpointPattern[] = open ? [] : endpoints.map((endpoint) => endpoint.pattern);
  const readable: Readable = { roots: RULE_ROOTS, params: endpoints.flatMap((endpoint) => endpoint.pattern.params) };
  const ground = { endpoints: patterns, readable, time };
  return {
    endpoints,
    open,
    rules: optional(fields["rules"], "rules", (rules, at) => readRules(rules, at, ground)) ?? [],
    limits: optional(fields["limits"], "limits", (limits, at) => readLimits(limits, at, ground)) ?? [],
    ...(auth === undefined ? {} : { auth }),
    seed: over.seed ?? optional(fields["seed"], "seed", readSeed) ?? 1,
    readRules: (rules, at) => readRules(rules, at, ground),
  };
}

export function readScale(value: unknown, path: string): number {
  return readNumber(value, path, { min: Number.MIN_VALUE });
}

export function readSeed(value: unknown, path: string): number {
  return readNumber(value, path, { min: -Number.MAX_VALUE });
}

/** A lookup of what nothing keeps would always be empty. */
function checkLookups(endpoints: readonly Endpoint[]): void {
  const kept = endpoints.flatMap(({ work }) => (work.type === "effect" && work.collection !== undefined ? [work.collection] : []));
  for (const { label, work } of endpoints) {
    if (work.type !== "lookup" || kept.includes(work.collection)) continue;
    refuse(
      `${join("endpoints", label)}.lookup`,
      work.collection,
      `no endpoint keeps it; kept are: ${kept.length === 0 ? "none" : kept.join(", ")}`,
    );
  }
}
