import type { DeadLetter } from "../../ports/dead-letter-store.ts";
import type { UpstreamReport } from "./apis-protocol.ts";
import { API_NAMES, ENDPOINTS, WRITING, type ApiName } from "./weather.ts";

/** What came of the leads, by what the APIs really did and what the store really keeps. */
export interface Tally {
  /** Leads that were taken from the file. */
  readonly accepted: number;
  /** Written to the CRM and enrolled, say the ledgers. */
  readonly done: number;
  /** Not done, and kept as a dead letter. */
  readonly kept: number;
  /** Neither. */
  readonly lost: number;
  /** Leads that the CRM or the sequencer has more than once. */
  readonly doubled: number;
  /** Calls that took more than one attempt on the wire. */
  readonly retried: number;
  readonly wireAttempts: number;
  readonly wireAttemptsPerCall: number;
  readonly apis: Readonly<Record<ApiName, ApiTally>>;
  readonly deadLetters: readonly GroupTally[];
  /** The first leads that are lost or doubled, for whoever has to find out why. */
  readonly suspects: { readonly missing: readonly string[]; readonly twice: readonly string[] };
}

export interface ApiTally {
  readonly endpoint: string;
  /** Leads that reached it. */
  readonly calls: number;
  readonly wireAttempts: number;
  readonly wireAttemptsPerCall: number;
  readonly retried: number;
  /** What it changed; an API that changes nothing has none. */
  readonly effects: number;
  readonly doubled: number;
  /** How its requests ended: by status, or `reset`. */
  readonly endings: Readonly<Record<string, number>>;
  /** Requests at its other endpoints. */
  readonly others: Readonly<Record<string, number>>;
  readonly misbehaved: Readonly<Record<string, number>>;
}

/** The dead letters of one group. */
export interface GroupTally {
  readonly fingerprint: string;
  readonly title: string;
  readonly reason: string;
  readonly letters: number;
}

const SUSPECTS = 10;

/** Holds what was asked for against what happened. It believes the ledgers and the store, and nothing that the job says of itself. */
export function tally(
  accepted: readonly string[],
  reports: Readonly<Record<ApiName, UpstreamReport>>,
  letters: readonly Pick<DeadLetter, "fingerprint" | "title" | "reason" | "labels">[],
): Tally {
  const effects = new Map(WRITING.map((name) => [name, new Map(reports[name].effects)]));
  const isDone = (id: string): boolean => WRITING.every((name) => (effects.get(name)?.get(id) ?? 0) > 0);
  const withLetter = new Set(letters.map(({ labels }) => labels["lead"]));

  const undone = accepted.filter((id) => !isDone(id));
  const lost = undone.filter((id) => !withLetter.has(id));
  const doubled = [...new Set(WRITING.flatMap((name) => doubledAt(reports[name])))];
  const apis = Object.fromEntries(API_NAMES.map((name) => [name, tallyApi(name, reports[name])])) as Record<ApiName, ApiTally>;
  const total = (what: "retried" | "wireAttempts" | "calls"): number => API_NAMES.reduce((sum, name) => sum + apis[name][what], 0);
  return {
    accepted: accepted.length,
    done: accepted.length - undone.length,
    kept: undone.length - lost.length,
    lost: lost.length,
    doubled: doubled.length,
    retried: total("retried"),
    wireAttempts: total("wireAttempts"),
    wireAttemptsPerCall: perCall(total("wireAttempts"), total("calls")),
    apis,
    deadLetters: groupsOf(letters),
    suspects: { missing: lost.slice(0, SUSPECTS), twice: doubled.slice(0, SUSPECTS) },
  };
}

function tallyApi(name: ApiName, { attempts, effects, endings, others, misbehaved }: UpstreamReport): ApiTally {
  const wireAttempts = sum(attempts);
  return {
    endpoint: ENDPOINTS[name],
    calls: attempts.length,
    wireAttempts,
    wireAttemptsPerCall: perCall(wireAttempts, attempts.length),
    retried: attempts.filter(([, count]) => count > 1).length,
    effects: sum(effects),
    doubled: WRITING.includes(name) ? doubledAt({ effects }).length : 0,
    endings,
    others,
    misbehaved,
  };
}

function doubledAt({ effects }: Pick<UpstreamReport, "effects">): readonly string[] {
  return effects.flatMap(([id, count]) => (count > 1 ? [id] : []));
}

function groupsOf(letters: readonly Pick<DeadLetter, "fingerprint" | "title" | "reason">[]): readonly GroupTally[] {
  const groups = new Map<string, GroupTally>();
  for (const { fingerprint, title, reason } of letters) {
    groups.set(fingerprint, { fingerprint, title, reason, letters: (groups.get(fingerprint)?.letters ?? 0) + 1 });
  }
  return [...groups.values()].sort((a, b) => b.letters - a.letters);
}

function sum(counts: readonly (readonly [string, number])[]): number {
  return counts.reduce((total, [, count]) => total + count, 0);
}

function perCall(attempts: number, calls: number): number {
  return calls === 0 ? 0 : Math.round((attempts / calls) * 1_000) / 1_000;
}
