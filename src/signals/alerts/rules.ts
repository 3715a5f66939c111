import { durationMs, type Duration } from "../../core/duration.ts";
import { ConfigError } from "../../core/errors.ts";
import { refuseUnknown } from "../../core/options.ts";
import { shown } from "../../core/shown.ts";

/** What is watched. Each has a rule, with the defaults of {@link DEFAULT_RULES}. */
export type AlertRuleName =
  | "error-rate"
  | "retry-rate"
  | "breaker-open"
  | "dead-letter-group"
  | "dead-letters"
  | "latency"
  | "throughput"
  | "exhausted"
  | "unauthorized"
  | "watermark-held"
  | "oldest-ready";

/** `warning`: look at it today. `critical`: somebody has to act now. */
export type AlertTier = "warning" | "critical";

/** When a tier is reached: the value has been over `over` for `for`. */
export interface AlertLevelOptions {
  /** In the rule's own unit: a share (0.02 is 2 %), milliseconds, a count, or a multiple of the baseline. */
  readonly over?: number;
  /** @default the rule's */
  readonly for?: Duration;
}

/** What a user may say of one rule; `false` for a tier switches it off. */
export interface AlertRuleOptions {
  readonly warning?: AlertLevelOptions | false;
  readonly critical?: AlertLevelOptions | false;
  /** Calls in the window below which nothing is judged. Only for rules over calls. */
  readonly minimum?: number;
}

export interface AlertLevel {
  readonly over: number;
  readonly forMs: number;
}

export interface AlertRule {
  readonly name: AlertRuleName;
  readonly warning: AlertLevel | undefined;
  readonly critical: AlertLevel | undefined;
  /** Undefined for rules that do not count calls. */
  readonly minimum: number | undefined;
}

const MINUTE = 60_000;
const level = (over: number, forMs = 0): AlertLevel => ({ over, forMs });

/** The table of defaults. Shares are over five minutes; a tier without a time of its own is reached as soon as it is seen. */
export const DEFAULT_RULES: Readonly<Record<AlertRuleName, Omit<AlertRule, "name">>> = Object.freeze({
  /** Share of an endpoint's calls that failed. */
  "error-rate": { warning: level(0.02, 5 * MINUTE), critical: level(0.1, MINUTE), minimum: 20 },
  /** Share of an endpoint's calls that needed a second attempt. */
  "retry-rate": { warning: level(0.05, 5 * MINUTE), critical: level(0.2, MINUTE), minimum: 20 },
  /** Milliseconds since a breaker opened and has not closed. */
  "breaker-open": { warning: level(MINUTE), critical: level(5 * MINUTE), minimum: undefined },
  /** Groups of dead letters that are new, or have come back after they were resolved, within ten minutes. */
  "dead-letter-group": { warning: level(0), critical: undefined, minimum: undefined },
  /** Dead letters of an API within an hour. */
  "dead-letters": { warning: undefined, critical: level(50), minimum: undefined },
  /** p95 of an endpoint's answers over five minutes, as a multiple of the 24 hours before. */
  latency: { warning: level(3, 5 * MINUTE), critical: level(10, MINUTE), minimum: 20 },
  /** Share by which an API's successes in ten minutes have fallen below the rate of the 24 hours before. */
  throughput: { warning: level(0.1, 15 * MINUTE), critical: level(0.3, 15 * MINUTE), minimum: 100 },
  /** Calls given up within five minutes, of endpoints that were marked critical. */
  exhausted: { warning: undefined, critical: level(0), minimum: undefined },
  /** Refused credentials within five minutes that a refresh did not mend. */
  unauthorized: { warning: undefined, critical: level(0), minimum: undefined },
  /** 1 once a sync's watermark has been held for its `alertAfter`, 2 from four times as long on. */
  "watermark-held": { warning: level(0), critical: level(1), minimum: undefined },
  /** Milliseconds since the oldest operation of an API's queue has been due. */
  "oldest-ready": { warning: level(5 * MINUTE), critical: level(20 * MINUTE), minimum: undefined },
});

export const RULE_NAMES: readonly AlertRuleName[] = Object.keys(DEFAULT_RULES) as AlertRuleName[];

/** The rules in force: the defaults, with what the user says over them. @throws ConfigError */
export function resolveAlertRules(
  given: Partial<Readonly<Record<AlertRuleName, AlertRuleOptions | false>>>,
  path: string,
): ReadonlyMap<AlertRuleName, AlertRule> {
  refuseUnknown(given, RULE_NAMES, path);
  const rules = new Map<AlertRuleName, AlertRule>();
  for (const name of RULE_NAMES) {
    const options = given[name];
    if (options === false) continue;
    rules.set(name, options === undefined ? { name, ...DEFAULT_RULES[name] } : overlaid(name, options, `${path}.${name}`));
  }
  return rules;
}

function overlaid(name: AlertRuleName, options: AlertRuleOptions, path: string): AlertRule {
  refuseUnknown(options, ["warning", "critical", "minimum"], path);
  const base = DEFAULT_RULES[name];
  const { minimum } = options;
  if (minimum !== undefined) {
    if (base.minimum === undefined) {
      throw new ConfigError({ path: `${path}.minimum`, message: `${path}.minimum has no effect: the rule ${name} does not count calls` });
    }
    if (!Number.isInteger(minimum) || minimum < 1) {
      throw new ConfigError({ path: `${path}.minimum`, message: `${path}.minimum is ${shown(minimum)}; give a whole number from 1 up` });
    }
  }
  return {
    name,
    warning: levelAt(options.warning, base.warning, `${path}.warning`),
    critical: levelAt(options.critical, base.critical, `${path}.critical`),
    minimum: minimum ?? base.minimum,
  };
}

function levelAt(options: AlertLevelOptions | false | undefined, base: AlertLevel | undefined, path: string): AlertLevel | undefined {
  if (options === undefined) return base;
  if (options === false) return undefined;
  refuseUnknown(options, ["over", "for"], path);
  const over = options.over ?? base?.over;
  if (typeof over !== "number" || !(over >= 0) || !Number.isFinite(over)) {
    throw new ConfigError({ path: `${path}.over`, message: `${path}.over is ${shown(over)}; give a number of at least 0` });
  }
  return { over, forMs: options.for === undefined ? (base?.forMs ?? 0) : durationMs(options.for, `${path}.for`) };
}
