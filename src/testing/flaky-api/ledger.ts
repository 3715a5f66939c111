import type { LedgerEntry, LedgerRecord } from "./ledger-entry.ts";
import type { LedgerSummary, EndpointSummary } from "./ledger-summary.ts";

/** A request as a test sees it: its line of the ledger, without what only the server needs. */
export interface LedgerRequest extends Omit<LedgerEntry, "effect"> {
  /** Whether it changed something. */
  readonly effect: boolean;
}

/** One subject that an endpoint's effect met more than once. */
export interface Doubled {
  readonly endpoint: string;
  readonly subject: string;
  readonly count: number;
}

/**
 * The truth about what reached the API and what it did, to hold against what the caller believes. Where an endpoint can
 * be named, leaving it out means all of them.
 */
export interface Ledger {
  /** Effects by subject. */
  effects(endpoint?: string): Map<string, number>;
  /** Requests by subject: attempts on the wire, whatever came of them. */
  attempts(endpoint?: string): Map<string, number>;
  /** Subjects that an endpoint's effect met more than once; empty is what everybody hopes for. */
  doubled(endpoint?: string): readonly Doubled[];
  /** Those of the expected subjects that have no effect. */
  missing(expected: Iterable<string>, endpoint?: string): readonly string[];
  /** All subjects with an effect. */
  subjects(endpoint?: string): readonly string[];
  /** Kept records of a collection, oldest first. */
  records(collection: string): readonly LedgerRecord[];
  /** The newest requests (as many as `requestLog` says), oldest first. */
  requests(endpoint?: string): readonly LedgerRequest[];
  /** Figures of everything, as plain data. */
  summary(): LedgerSummary;
}

/** Counts of one endpoint. */
interface Tally {
  requests: number;
  effects: number;
  readonly bySubject: Map<string, { attempts: number; effects: number }>;
  readonly endings: Map<string, number>;
  readonly repeats: Map<string, number>;
}

/** The ledger's counting side, fed one entry at a time: by requests, and by the file at a restart. */
export interface LedgerCounts {
  add(entry: LedgerEntry): void;
  readonly read: Omit<Ledger, "records" | "summary">;
  endpoints(): Record<string, EndpointSummary>;
  /** How often each rule was met, and each limit refused. */
  rules(): Record<string, number>;
  limits(): Record<string, number>;
}

export function ledgerCounts(requestLog: number): LedgerCounts {
  const tallies = new Map<string, Tally>();
  const rules = new Map<string, number>();
  const limits = new Map<string, number>();
  let log: LedgerEntry[] = [];

  const chosen = (endpoint: string | undefined): readonly [string, Tally][] => {
    if (endpoint === undefined) return [...tallies];
    const tally = tallies.get(endpoint);
    return tally === undefined ? [] : [[endpoint, tally]];
  };

  const countBySubject = (endpoint: string | undefined, what: "attempts" | "effects"): Map<string, number> => {
    const counts = new Map<string, number>();
    for (const [, tally] of chosen(endpoint)) {
      for (const [subject, own] of tally.bySubject) if (own[what] > 0) counts.set(subject, (counts.get(subject) ?? 0) + own[what]);
    }
    return counts;
  };

  return {
    add(entry) {
      let tally = tallies.get(entry.endpoint);
      if (tally === undefined) tallies.set(entry.endpoint, (tally = newTally()));
      const counts = entry.effect?.counts === true;
      tally.requests += 1;
      if (counts) tally.effects += 1;
      countUp(tally.endings, entry.ending === "answered" ? String(entry.status) : entry.ending);
      if (entry.repeat !== undefined) countUp(tally.repeats, entry.repeat);
      if (entry.rule !== undefined) countUp(rules, entry.rule);
      if (entry.limit !== undefined) countUp(limits, entry.limit);
      if (entry.subject !== undefined) countSubject(tally, entry.subject, counts);
      log.push(entry);
      // Cut only when it has doubled, so that a request costs no copy.
      if (log.length >= 2 * requestLog) log = log.slice(-requestLog);
    },
    read: {
      effects: (endpoint) => countBySubject(endpoint, "effects"),
      attempts: (endpoint) => countBySubject(endpoint, "attempts"),
      subjects: (endpoint) => [...countBySubject(endpoint, "effects").keys()],
      doubled: (endpoint) =>
        chosen(endpoint).flatMap(([label, tally]) =>
          [...tally.bySubject].flatMap(([subject, own]) => (own.effects > 1 ? [{ endpoint: label, subject, count: own.effects }] : [])),
        ),
      missing(expected, endpoint) {
        const effects = countBySubject(endpoint, "effects");
        return [...expected].filter((subject) => !effects.has(subject));
      },
      requests(endpoint) {
        const newest = log.slice(-requestLog).map(({ effect, ...line }) => ({ ...line, effect: effect !== undefined }));
        return endpoint === undefined ? newest : newest.filter((request) => request.endpoint === endpoint);
      },
    },
    endpoints: () => Object.fromEntries([...tallies].map(([label, tally]) => [label, summarize(tally)])),
    rules: () => Object.fromEntries(rules),
    limits: () => Object.fromEntries(limits),
  };
}

function newTally(): Tally {
  return { requests: 0, effects: 0, bySubject: new Map(), endings: new Map(), repeats: new Map() };
}

function countUp(counts: Map<string, number>, name: string): void {
  counts.set(name, (counts.get(name) ?? 0) + 1);
}

function countSubject(tally: Tally, subject: string, effect: boolean): void {
  let own = tally.bySubject.get(subject);
  if (own === undefined) tally.bySubject.set(subject, (own = { attempts: 0, effects: 0 }));
  own.attempts += 1;
  if (effect) own.effects += 1;
}

function summarize(tally: Tally): EndpointSummary {
  let subjects = 0;
  let doubled = 0;
  for (const own of tally.bySubject.values()) {
    if (own.effects > 0) subjects += 1;
    if (own.effects > 1) doubled += 1;
  }
  return {
    requests: tally.requests,
    effects: tally.effects,
    subjects,
    doubled,
    endings: Object.fromEntries(tally.endings),
    repeats: Object.fromEntries(tally.repeats),
  };
}
