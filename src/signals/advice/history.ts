import type { AttemptRecord } from "../../ports/dead-letter-store.ts";
import { Spread } from "../spread.ts";
import { errorCodeIn } from "./error-code.ts";

type Buckets = ReturnType<Spread["toJSON"]>;

/** One way in which attempts of an endpoint fail. */
export interface FailureClass {
  readonly kind: string;
  readonly status?: number;
  /** The other side's own code, or the network's. */
  readonly code?: string;
  readonly rule: string;
  /** What the first of them was answered. */
  readonly sample: string;
  /** Attempts that failed like this. */
  readonly attempts: number;
  /** Attempts of which nobody knows whether they had an effect. */
  readonly unknown: number;
  /** Operations that were tried again after it and have ended since, and how many of these succeeded. */
  readonly retried: number;
  readonly recovered: number;
  /** Attempts that these operations made after it. */
  readonly retries: number;
}

/** An outage as a breaker saw it. */
export interface Outage {
  /** Wall-clock ms. */
  readonly openedAt: number;
  readonly closedAt: number;
  /** Probes that failed. */
  readonly failedProbes: number;
}

/** What was in force while it was counted: advice is not about what is set already. */
export interface SettingsSeen {
  /** Calls a second, of its tightest limit that counts in seconds or minutes. */
  readonly limitPerSecond?: number;
  /** Calls that this limit lets go at once. */
  readonly burst?: number;
  readonly breaker?: { readonly openMs: number; readonly maxOpenMs: number };
  readonly maxAttempts: number;
  /** Of the first attempt; left out where it has none. */
  readonly attemptTimeoutMs?: number;
  /** How long the waits before the 2nd, 3rd… attempt come to together, on average. */
  readonly waitedMs: readonly number[];
  /** Whether the other side dedupes by a key. */
  readonly keyed: boolean;
  /** Whether the other side can be asked, or the same again does no harm. */
  readonly certain: boolean;
}

/** What happened at one endpoint, in numbers; {@link ALL} is all of an API. It is JSON. */
export interface EndpointHistory {
  readonly api: string;
  readonly endpoint: string;
  /** Wall-clock ms. */
  readonly since: number;
  readonly until: number;
  readonly succeededAt?: number;
  /** By the number of the attempt, from the first on: how many were made, and how many succeeded. */
  readonly tried: readonly number[];
  readonly succeeded: readonly number[];
  /** Durations of attempts that succeeded, in ms. */
  readonly latency: Buckets;
  readonly failures: readonly FailureClass[];
  /** 429s and their like, without quotas of a day or of an account. */
  readonly throttled: number;
  /** Answers a second: in seconds without a 429, in seconds with one; and of the latter, those that were no 429. */
  readonly quiet: Buckets;
  readonly crowded: Buckets;
  readonly taken: Buckets;
  readonly outages: readonly Outage[];
  /** Requests that an SDK's own retry loop sent again. */
  readonly sdkRetries: number;
  readonly settings?: SettingsSeen;
}

/** The endpoint that stands for all of an API. */
export const ALL = "";
/** Ways to fail that are told apart at one endpoint; what comes later is counted as one. */
const MOST_CLASSES = 40;
/** Attempts of one operation that are told apart. */
const MOST_ATTEMPTS = 20;
const MOST_OUTAGES = 50;
const SAMPLE_LENGTH = 160;

type Counted = { -readonly [Field in keyof FailureClass]: FailureClass[Field] };

/** The history of one endpoint while it grows. */
export class EndpointTally {
  readonly api: string;
  readonly endpoint: string;
  since: number;
  until: number;
  succeededAt: number | undefined = undefined;
  throttled = 0;
  sdkRetries = 0;
  settings: SettingsSeen | undefined = undefined;
  readonly #tried: number[] = [];
  readonly #succeeded: number[] = [];
  readonly #latency: Spread;
  readonly #failures = new Map<string, Counted>();
  readonly #quiet = new Spread();
  readonly #crowded = new Spread();
  readonly #taken = new Spread();
  #outages: Outage[] = [];

  /** @param now wall-clock ms */
  constructor(api: string, endpoint: string, now: number) {
    this.api = api;
    this.endpoint = endpoint;
    this.since = now;
    this.until = now;
    this.#latency = new Spread();
  }

  /** An attempt that succeeded. */
  success(attempt: number, durationMs: number, now: number): void {
    this.#attempt(attempt, now);
    count(this.#succeeded, attempt);
    this.#latency.add(durationMs);
    this.succeededAt = now;
  }

  /** An attempt that failed. Answers the name of its class. */
  failure({ attempt, verdict, bodyExcerpt }: Pick<AttemptRecord, "attempt" | "verdict" | "bodyExcerpt">, now: number): string {
    this.#attempt(attempt, now);
    const { kind, status, rule, because, effect, quota } = verdict;
    const code = errorCodeIn(bodyExcerpt) ?? verdict.code;
    if (kind === "throttled" && (quota ?? "burst") === "burst") this.throttled += 1;
    const name = nameOf({ kind, status, code, rule });
    const counted = this.#counted(name);
    counted.attempts += 1;
    if (effect === "unknown") counted.unknown += 1;
    if (counted.sample === "") counted.sample = sampleOf(bodyExcerpt ?? because);
    return name;
  }

  /** An operation that had met a failure and was tried again has ended. */
  ended(failure: string, recovered: boolean, retries: number): void {
    const counted = this.#counted(failure);
    counted.retried += 1;
    counted.retries += retries;
    if (recovered) counted.recovered += 1;
  }

  /** A second with answers is over. */
  second(answers: number, throttled: number): void {
    if (throttled === 0) return this.#quiet.add(answers);
    this.#crowded.add(answers);
    this.#taken.add(answers - throttled);
  }

  outage(outage: Outage): void {
    this.#outages = [...this.#outages, outage].slice(-MOST_OUTAGES);
    this.until = Math.max(this.until, outage.closedAt);
  }

  /** Whether there is anything to learn from. */
  get isTroubled(): boolean {
    return this.#failures.size > 0 || this.#outages.length > 0 || this.sdkRetries > 0 || this.throttled > 0;
  }

  take(other: EndpointHistory): void {
    this.since = Math.min(this.since, other.since);
    this.until = Math.max(this.until, other.until);
    if (other.succeededAt !== undefined) this.succeededAt = Math.max(this.succeededAt ?? 0, other.succeededAt);
    this.throttled += other.throttled;
    this.sdkRetries += other.sdkRetries;
    this.settings = other.settings ?? this.settings;
    other.tried.forEach((times, index) => count(this.#tried, index + 1, times));
    other.succeeded.forEach((times, index) => count(this.#succeeded, index + 1, times));
    this.#latency.take(new Spread(other.latency));
    this.#quiet.take(new Spread(other.quiet));
    this.#crowded.take(new Spread(other.crowded));
    this.#taken.take(new Spread(other.taken));
    this.#outages = [...this.#outages, ...other.outages].sort((a, b) => a.openedAt - b.openedAt).slice(-MOST_OUTAGES);
    for (const failure of other.failures) this.#takeFailure(failure);
  }

  toJSON(): EndpointHistory {
    const { api, endpoint, since, until, succeededAt, throttled, sdkRetries, settings } = this;
    return {
      ...{ api, endpoint, since, until, throttled, sdkRetries },
      ...(succeededAt === undefined ? {} : { succeededAt }),
      ...(settings === undefined ? {} : { settings }),
      tried: [...this.#tried],
      succeeded: [...this.#succeeded],
      latency: this.#latency.toJSON(),
      failures: [...this.#failures.values()].map((failure) => ({ ...failure })),
      quiet: this.#quiet.toJSON(),
      crowded: this.#crowded.toJSON(),
      taken: this.#taken.toJSON(),
      outages: this.#outages,
    };
  }

  #takeFailure(failure: FailureClass): void {
    const counted = this.#counted(nameOf(failure));
    if (counted.sample === "") counted.sample = failure.sample;
    for (const field of Object.keys(NONE) as (keyof typeof NONE)[]) counted[field] += failure[field];
  }

  /** The class of a name; one for all that are too many. */
  #counted(wanted: string): Counted {
    const name = this.#failures.has(wanted) || this.#failures.size < MOST_CLASSES ? wanted : OTHER;
    let counted = this.#failures.get(name);
    if (counted === undefined) {
      const [kind = "", status = "", code = "", rule = ""] = name.split("\n");
      counted = {
        kind,
        ...(status === "" ? {} : { status: Number(status) }),
        ...(code === "" ? {} : { code }),
        ...{ rule, sample: "", ...NONE },
      };
      this.#failures.set(name, counted);
    }
    return counted;
  }

  #attempt(attempt: number, now: number): void {
    count(this.#tried, attempt);
    this.since = Math.min(this.since, now);
    this.until = Math.max(this.until, now);
  }
}

/** What a class is told apart by. */
function nameOf({
  kind,
  status,
  code,
  rule,
}: {
  kind: string;
  status?: number | undefined;
  code?: string | undefined;
  rule: string;
}): string {
  return [kind, status ?? "", code ?? "", rule].join("\n");
}

const OTHER = nameOf({ kind: "other", rule: "" });
const NONE = { attempts: 0, unknown: 0, retried: 0, recovered: 0, retries: 0 };

function count(counts: number[], attempt: number, times = 1): void {
  const index = Math.min(attempt, MOST_ATTEMPTS) - 1;
  while (counts.length <= index) counts.push(0);
  counts[index] = (counts[index] ?? 0) + times;
}

function sampleOf(text: string): string {
  const plain = text.replaceAll(/\s+/g, " ").trim();
  return plain.length <= SAMPLE_LENGTH ? plain : `${plain.slice(0, SAMPLE_LENGTH - 1)}…`;
}

/** Attempts of an operation whose end is known, as the store keeps them. */
export function tallyOperation(tally: EndpointTally, attempts: readonly AttemptRecord[], succeeded: boolean): void {
  const last = attempts.at(-1)?.attempt ?? 0;
  const met = new Map<string, number>();
  for (const record of attempts) {
    if (record.verdict.kind === "cancelled") continue;
    if (record.verdict.kind === "success") tally.success(record.attempt, record.durationMs, record.startedAt);
    else {
      const name = tally.failure(record, record.startedAt);
      if (!met.has(name)) met.set(name, record.attempt);
    }
  }
  for (const [name, attempt] of met) if (last > attempt) tally.ended(name, succeeded, last - attempt);
}
