import type { AlertRuleName } from "./rules.ts";

/** Nobody is told of what it covers until it ends; the alerts themselves go on, and are seen. */
export interface Silence {
  readonly id: string;
  /** @default every rule */
  readonly rule?: AlertRuleName;
  /** A subject, whole, or up to a `*` at its end. @default every subject */
  readonly subject?: string;
  /** Wall-clock ms. A silence always ends. */
  readonly until: number;
  readonly because: string;
  readonly by: string;
}

export function covers(
  { rule, subject, until }: Silence,
  alert: { readonly rule: string; readonly subject: string },
  now: number,
): boolean {
  if (now >= until || (rule !== undefined && rule !== alert.rule)) return false;
  if (subject === undefined) return true;
  return subject.endsWith("*") ? alert.subject.startsWith(subject.slice(0, -1)) : alert.subject === subject;
}
