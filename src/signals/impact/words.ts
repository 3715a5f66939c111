import type { Impact, ImpactQuestion } from "./impact.ts";

/** `41 leads of campaign q4 wait on crm since 14:02 UTC; 3 need a person`. Instants are UTC, as in every log. */
export function inWords({ label, of }: ImpactQuestion, { value, waiting, needsPerson }: Omit<Impact, "text">, atLeast: boolean): string {
  const unit = of ?? "operation";
  const some = (count: number): string => `${atLeast ? "at least " : ""}${count} ${count === 1 ? unit : plural(unit)}`;
  const whose = value === null ? `without a ${label}` : `of ${label} ${value}`;
  const parts: string[] = [];
  if (waiting.count > 0) {
    const since = clock(Math.min(...waiting.apis.map((one) => one.since)));
    const verb = waiting.count === 1 ? "waits" : "wait";
    parts.push(`${some(waiting.count)} ${whose} ${verb} on ${list(waiting.apis.map(({ api }) => api))} since ${since}`);
  }
  if (needsPerson.count > 0) {
    const { count, unknown, apis } = needsPerson;
    const verb = count === 1 ? "needs" : "need";
    const where = list(apis.map(({ api }) => api));
    const first = clock(Math.min(...apis.map(({ firstAt }) => firstAt)));
    const who = parts.length === 0 ? `${some(count)} ${whose}` : `${atLeast ? "at least " : ""}${count}`;
    parts.push(`${who} ${verb} a person (${where}, from ${first} on)`);
    if (unknown > 0) parts.push(`of ${unknown} nobody knows whether it happened`);
  }
  return parts.join("; ");
}

function plural(unit: string): string {
  if (/[^aeiou]y$/.test(unit)) return `${unit.slice(0, -1)}ies`;
  return /(?:s|x|ch|sh)$/.test(unit) ? `${unit}es` : `${unit}s`;
}

function list(names: readonly string[]): string {
  return names.length < 2 ? names.join("") : `${names.slice(0, -1).join(", ")} and ${names.at(-1)}`;
}

/** With its day, so that yesterday's is not taken for today's. */
function clock(at: number): string {
  return `${new Date(at).toISOString().slice(0, 16).replace("T", " ")} UTC`;
}
