/** How sure it is, by how much it has seen. */
export type Confidence = "high" | "medium" | "low";

export type AdviceKind =
  /** An error that never ends in success, however often it is tried again: a rule makes it permanent. */
  | "permanent-error"
  /** 429s come where more than so many calls go in a second. */
  | "rate-limit"
  /** Outages last longer, or are shorter, than the breaker stays open. */
  | "breaker"
  /** Retries end before outages do. */
  | "retry-span"
  /** The last attempts never succeed. */
  | "attempts"
  /** Attempts wait far longer than any answer takes, or less than answers take. */
  | "timeout"
  /** Writes of which nobody knows whether they happened, at an API without a key. */
  | "idempotency"
  /** An SDK's own retries stand around ours. */
  | "nested-retries"
  /** Dead letters that all died of one answer. */
  | "dead-letters";

/** A change that history speaks for: what was seen, and what to paste. */
export interface Advice {
  /** The same for the same advice, whatever its numbers: to tell whether it has been seen. */
  readonly id: string;
  readonly kind: AdviceKind;
  readonly api: string;
  /** Left out where it is about the whole API. */
  readonly endpoint?: string;
  readonly confidence: Confidence;
  /** What is the matter, in one line. */
  readonly title: string;
  /** What was seen, in sentences with numbers. */
  readonly evidence: readonly string[];
  /** The numbers of the evidence. */
  readonly numbers: Readonly<Record<string, number>>;
  /** What to paste into the config. */
  readonly config?: ConfigLine;
  /** A command that does something about it. */
  readonly command?: string;
  /** What to think of before. */
  readonly caution?: string;
}

/** A member of the config, as JSON; in a `holdfast.config.ts` it is the same. */
export interface ConfigLine {
  /** Where it belongs: `apis.crm`. */
  readonly under: string;
  /** The line, such as `"rateLimit": { "limit": 9, "per": "1s" }`. */
  readonly line: string;
}

/** What advice was drawn from. */
export interface AdviceReport {
  /** The most useful first. */
  readonly items: readonly Advice[];
  readonly basis: {
    /** Attempts that were looked at. */
    readonly attempts: number;
    readonly endpoints: number;
    /** Of the first and the last of them, wall-clock ms; null where there are none. */
    readonly since: number | null;
    readonly until: number | null;
  };
}

/** `"name": value` in the style of the docs. */
export function configLine(api: string, name: string, value: unknown): ConfigLine {
  return { under: `apis.${api}`, line: `${JSON.stringify(name)}: ${spaced(value)}` };
}

/** JSON on one line, with spaces where people put them. */
function spaced(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(spaced).join(", ")}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  const members = Object.entries(value).map(([name, member]) => `${JSON.stringify(name)}: ${spaced(member)}`);
  return `{ ${members.join(", ")} }`;
}

/** The confidence that so many cases give. */
export function confidenceOf(cases: number, medium: number, high: number): Confidence {
  return cases >= high ? "high" : cases >= medium ? "medium" : "low";
}

/** At most so large is the share of successes that would have shown none in so many tries, with 95 % certainty ("rule of three"). */
export function atMost(tries: number): number {
  return Math.min(1, 3 / tries);
}

export function percent(share: number): string {
  return `${(share * 100).toFixed(share < 0.1 ? 1 : 0)} %`;
}

/** 1234 → `1,234`. */
export function grouped(count: number): string {
  return Math.round(count).toLocaleString("en-US");
}

/** `1 attempt`, `2 attempts`. */
export function plural(count: number, one: string, many = `${one}s`): string {
  return `${grouped(count)} ${count === 1 ? one : many}`;
}

/** A duration as a person would write it into a config: two digits at most. */
export function configDuration(ms: number): string {
  if (ms < 1_000) return `${Math.max(1, Math.round(ms / 50) * 50)}ms`;
  if (ms < 120_000) return `${round(ms / 1_000)}s`;
  return `${round(ms / 60_000)}m`;
}

function round(value: number): number {
  return value >= 20 ? Math.round(value / 5) * 5 : value >= 2 ? Math.round(value) : Math.round(value * 10) / 10;
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1 ? (sorted[middle] as number) : ((sorted[middle - 1] as number) + (sorted[middle] as number)) / 2;
}

export function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
