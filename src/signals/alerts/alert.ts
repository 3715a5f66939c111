import type { AlertRule, AlertRuleName, AlertTier } from "./rules.ts";

/** What one rule sees of one thing right now. */
export interface AlertReading {
  readonly rule: AlertRuleName;
  /** What it is about: `crm POST /contacts`, a group's fingerprint, a sync's name. */
  readonly subject: string;
  /** In the rule's own unit. */
  readonly value: number;
  /** What was seen, in words. */
  readonly words: string;
}

/** An alert as it stands. It is `firing` while it has a tier; without one it is on its way there, or over. */
export interface AlertState {
  readonly rule: AlertRuleName;
  readonly subject: string;
  readonly tier: AlertTier | undefined;
  /** Since when each tier's value has been exceeded without a pause; wall-clock ms. */
  readonly exceeded: Readonly<Partial<Record<AlertTier, number>>>;
  /** Since when it fires; of one that fires no more, when it fired first. */
  readonly since: number | undefined;
  /** Since when the value of the tier in force has not been exceeded. */
  readonly quietSince: number | undefined;
  readonly value: number;
  readonly words: string;
}

/** What people are told: once for each change, never for its going on. */
export type AlertChange = "fired" | "escalated" | "eased" | "resolved";

/** A value that dips below its threshold for a moment has not recovered. */
export const QUIET_MS = 60_000;

export function newAlert({ rule, subject }: AlertReading): AlertState {
  return { rule, subject, tier: undefined, exceeded: {}, since: undefined, quietSince: undefined, value: 0, words: "" };
}

/**
 * Takes in a reading, or that there is none any more. Pure: `now` is wall-clock ms.
 *
 * A tier is reached when its value has been exceeded for its time without a pause. It is left when no tier as high has been exceeded for
 * {@link QUIET_MS}: down to a lower one that is exceeded, or to none.
 */
export function advance(
  state: AlertState,
  rule: AlertRule,
  reading: AlertReading | undefined,
  now: number,
): { readonly state: AlertState; readonly change: AlertChange | undefined } {
  const exceeded = {
    ...exceededAt("warning", state, rule, reading, now),
    ...exceededAt("critical", state, rule, reading, now),
  };
  const reached = (["critical", "warning"] as const).find((tier) => {
    const since = exceeded[tier];
    return since !== undefined && now - since >= (rule[tier]?.forMs ?? 0);
  });
  const next: AlertState = {
    ...state,
    exceeded,
    value: reading?.value ?? 0,
    words: reading?.words ?? state.words,
  };
  const { tier } = state;
  if (tier === undefined) {
    if (reached === undefined) return { state: { ...next, quietSince: undefined }, change: undefined };
    return { state: { ...next, tier: reached, since: now, quietSince: undefined }, change: "fired" };
  }
  if (reached === tier) return { state: { ...next, quietSince: undefined }, change: undefined };
  if (reached === "critical") return { state: { ...next, tier: reached, quietSince: undefined }, change: "escalated" };
  // What is still exceeded, if not for long enough to fire anew, keeps it where it is.
  if (exceeded[tier] !== undefined) return { state: { ...next, quietSince: undefined }, change: undefined };
  const quietSince = state.quietSince ?? now;
  if (now - quietSince < QUIET_MS) return { state: { ...next, quietSince }, change: undefined };
  if (reached !== undefined) return { state: { ...next, tier: reached, quietSince: undefined }, change: "eased" };
  return { state: { ...next, tier: undefined, quietSince: undefined }, change: "resolved" };
}

function exceededAt(
  tier: AlertTier,
  state: AlertState,
  rule: AlertRule,
  reading: AlertReading | undefined,
  now: number,
): Partial<Record<AlertTier, number>> {
  const level = rule[tier];
  if (level === undefined || reading === undefined || !(reading.value > level.over)) return {};
  return { [tier]: state.exceeded[tier] ?? now };
}

/** Whether there is nothing left to remember of it. */
export function isOver({ tier, exceeded }: AlertState): boolean {
  return tier === undefined && exceeded.warning === undefined && exceeded.critical === undefined;
}

/** Those that fire, the most urgent first, then the oldest. */
export function firingOf(states: readonly AlertState[]): readonly AlertState[] {
  const rank = ({ tier }: AlertState): number => (tier === "critical" ? 0 : 1);
  return states.filter(({ tier }) => tier !== undefined).sort((a, b) => rank(a) - rank(b) || (a.since ?? 0) - (b.since ?? 0));
}
