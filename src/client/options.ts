import { ConfigError } from "../core/errors.ts";
import { refuseUnknown } from "../core/options.ts";
import { shown } from "../core/shown.ts";
import type { AttemptOptions, TimeoutOptions } from "../engine/call-policy.ts";
import type { Clock } from "../ports/clock.ts";
import type { Environment } from "./environment.ts";

/** The names of a type's options, to be asked at every call: without a prototype, so that `constructor` is none of them. */
export function namesOf<Names extends Readonly<Record<string, true>>>(names: Names): Names {
  return Object.freeze(Object.assign(Object.create(null) as object, names)) as Names;
}

/** As `refuseUnknown`, for what is given anew with every call: a walk over the names, and nothing made unless one is wrong. */
export function refuseUnknownNames(given: object, known: Readonly<Record<string, true>>, path: string): void {
  for (const name in given) if (known[name] !== true) refuseUnknown(given, Object.keys(known), path);
  if (typeof given !== "object" || given === null) refuseUnknown(given, Object.keys(known), path);
}

/** Names of what may be said of attempts and waits. */
export const ATTEMPT_NAMES: readonly string[] = [
  "maxAttempts",
  "backoff",
  "timeout",
  "maxHint",
  "maxWait",
] satisfies (keyof AttemptOptions)[];
const TIMEOUT = ["attempt", "total"] satisfies (keyof TimeoutOptions)[];
const ENVIRONMENT = ["clock", "random"] satisfies (keyof Environment)[];

export function checkTimeout(timeout: unknown, path: string): void {
  if (timeout !== undefined) refuseUnknown(timeout, TIMEOUT, path);
}

/** Options that take a clock and chance beside what is listed in `others`. */
export function checkEnvironment(given: object, others: readonly string[], path: string): void {
  refuseUnknown(given, [...others, ...ENVIRONMENT], path);
  const { clock, random } = given as { readonly clock?: unknown; readonly random?: unknown };
  if (clock !== undefined && !isClock(clock)) {
    throw new ConfigError({
      path: `${path}.clock`,
      message: `${path}.clock is ${shown(clock)}; give an object with now, monotonic, setTimer and clearTimer, such as manualClock()`,
    });
  }
  if (random !== undefined) checkFunction(random, `${path}.random`, "a function that gives numbers from 0 up to 1");
}

function isClock(value: unknown): value is Clock {
  const clock = value as Partial<Clock> | null;
  return [clock?.now, clock?.monotonic, clock?.setTimer, clock?.clearTimer].every((verb) => typeof verb === "function");
}

export function checkFunction(value: unknown, path: string, what: string): void {
  if (typeof value !== "function") throw new ConfigError({ path, message: `${path} is ${shown(value)}; give ${what}` });
}

/** A signal; most often it is the controller that stands where its signal should. */
export function checkSignal(signal: AbortSignal, path: string): void {
  if (typeof (signal as Partial<AbortSignal> | null)?.aborted !== "boolean") {
    throw new ConfigError({ path, message: `${path} is ${shown(signal)}; give an AbortSignal, such as controller.signal` });
  }
}

/** Labels are compared as texts; a number would never be found again. */
export function checkLabels(labels: Readonly<Record<string, string>>, path: string): void {
  if (typeof labels !== "object" || labels === null || Array.isArray(labels)) {
    throw new ConfigError({ path, message: `${path} is ${shown(labels)}; give texts by name, such as { lead: "42" }` });
  }
  for (const [name, value] of Object.entries<unknown>(labels)) {
    if (typeof value !== "string") {
      throw new ConfigError({ path: `${path}.${name}`, message: `${path}.${name} is ${shown(value)}; a label is a text` });
    }
  }
}
