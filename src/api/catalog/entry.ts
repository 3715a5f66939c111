import type { RateLimitOptions, RateLimitScope } from "../../policy/rate-limit/options.ts";
import type { Duration } from "../../core/duration.ts";
import type { ApiOptions } from "../api-options.ts";
import type { CatalogRule, ProviderFacts } from "./facts.ts";

/**
 * Options of an API that a provider has documented. Spread it in, add the credential, and override what differs for your
 * account; to add rules of your own, put them before its own: `classify: [mine, ...stripe.classify]`.
 */
export interface CatalogEntry extends ApiOptions {
  readonly classify: readonly CatalogRule[];
}

/** The values of a provider's facts, frozen through and through: every user of the entry shares them. */
export function entryOf(facts: ProviderFacts): CatalogEntry {
  const values = Object.fromEntries(Object.entries(facts.options).map(([name, { value }]) => [name, value]));
  const endpoints = Object.fromEntries(Object.entries(facts.endpoints).map(([endpoint, { value }]) => [endpoint, value]));
  return frozen({
    ...(values as ApiOptions),
    classify: facts.classify.map(({ value }) => value),
    ...(facts.hintHeaders.length === 0 ? {} : { hintHeaders: facts.hintHeaders.map(({ value }) => value) }),
    ...(Object.keys(endpoints).length === 0 ? {} : { endpoints }),
  });
}

/**
 * A limit of `count` in any `per`, as providers count with windows: four fifths flow evenly, one fifth may go at once, so that
 * no window ever sees more than the whole.
 */
export function inAnyWindow(count: number, per: Duration, scope: RateLimitScope = "api"): RateLimitOptions {
  const burst = Math.floor(count / 5);
  return { limit: count - burst, per, burst, scope };
}

function frozen<Value>(value: Value): Value {
  if (typeof value === "object" && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    for (const part of Object.values(value)) frozen(part);
  }
  return value;
}
