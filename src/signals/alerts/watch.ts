import { isOurs } from "../../api/api-name.ts";
import { formatMs } from "../../core/duration.ts";
import type { EventMap, LaneRef } from "../../ports/events.ts";
import type { AlertReading } from "./alert.ts";
import { Baseline, type StoredBaseline } from "./baseline.ts";
import { RollingCounts } from "./rolling.ts";
import type { AlertRule, AlertRuleName } from "./rules.ts";
import { Spread } from "../spread.ts";

const SLOT_MS = 15_000;
const FIVE_MINUTES = 20;
const TEN_MINUTES = 40;
const HOUR = 240;
/** Endpoints that are watched; lanes are bounded, and so is this. Whoever comes later is not. */
const MOST_SUBJECTS = 2_000;

/** What it listens to. */
export type WatchedEvent =
  "attempt:settled" | "call:settled" | "operation:settled" | "breaker:changed" | "dead-letter:added" | "sync:ended" | "sync:held";

/** One endpoint, over the last minutes. */
interface Endpoint {
  readonly name: string;
  readonly api: string;
  readonly counts: RollingCounts<"calls" | "failed" | "retried" | "given-up" | "refused-credential">;
  /** Of the slots of the last five minutes. */
  readonly latency: { readonly slot: number; readonly spread: Spread }[];
  readonly baseline: Baseline;
}

interface Api {
  readonly letters: RollingCounts<"letters">;
  readonly successes: RollingCounts<"successes">;
}

type See = (rule: AlertRuleName, subject: string, value: number, words: string) => void;

/** What has to be asked of the store at the time. */
export interface StoreFacts {
  /** Groups that are new or came back, of those that letters joined since the last look: fingerprint, title and API. */
  readonly news: readonly { readonly fingerprint: string; readonly title: string; readonly api: string }[];
  /** Since when the oldest operation of each API has been due; wall-clock ms. */
  readonly oldestDue: ReadonlyMap<string, number>;
}

/**
 * Listens to an engine and says, when asked, what each rule sees. It holds a few minutes of counts for each endpoint, and a day of
 * baselines; what is told of single retries and of 429s that the next attempt solved is in none of the counts of failure.
 */
export class AlertWatch {
  readonly #rules: ReadonlyMap<AlertRuleName, AlertRule>;
  /** Endpoints whose given-up calls somebody has to hear of at once, as `crm POST /contacts`. */
  readonly #critical: ReadonlySet<string>;
  readonly #endpoints = new Map<string, Endpoint>();
  readonly #apis = new Map<string, Api>();
  /** Breakers that are not closed, and since when. */
  readonly #open = new Map<string, { readonly since: number; readonly because: string }>();
  readonly #syncs = new Map<string, { readonly level: "warning" | "critical"; readonly words: string }>();
  /** New groups, and when they were told of. */
  readonly #groups = new Map<string, { readonly title: string; readonly at: number }>();
  /** Groups that letters joined, until somebody has looked at them. */
  readonly #joined = new Set<string>();

  constructor(rules: ReadonlyMap<AlertRuleName, AlertRule>, critical: readonly string[]) {
    this.#rules = rules;
    this.#critical = new Set(critical);
  }

  /** Takes in an event. `now` is wall-clock ms. */
  hear<Name extends WatchedEvent>(name: Name, event: EventMap[Name], now: number): void {
    switch (name) {
      case "attempt:settled":
        return this.#attempt(event as EventMap["attempt:settled"], now);
      case "call:settled":
        return this.#call(event as EventMap["call:settled"], now);
      case "operation:settled":
        return this.#operation(event as EventMap["operation:settled"], now);
      case "breaker:changed":
        return this.#breaker(event as EventMap["breaker:changed"], now);
      case "dead-letter:added":
        return this.#letter(event as EventMap["dead-letter:added"], now);
      case "sync:held":
        return this.#held(event as EventMap["sync:held"]);
      case "sync:ended":
        return this.#ended(event as EventMap["sync:ended"]);
    }
  }

  /** The groups that letters have joined and nobody has looked at yet, by fingerprint. */
  joinedGroups(): readonly string[] {
    return [...this.#joined];
  }

  lookedAt(fingerprints: readonly string[]): void {
    for (const fingerprint of fingerprints) this.#joined.delete(fingerprint);
  }

  /** What each rule sees now. */
  readings(facts: StoreFacts, now: number): readonly AlertReading[] {
    const readings: AlertReading[] = [];
    const see: See = (rule, subject, value, words) => {
      if (this.#rules.has(rule)) readings.push({ rule, subject, value, words });
    };
    for (const endpoint of this.#endpoints.values()) this.#seeEndpoint(endpoint, now, see);
    for (const [api, counts] of this.#apis) this.#seeApi(api, counts, now, see);
    for (const [lane, { since, because }] of this.#open) {
      see("breaker-open", lane, now - since, `its breaker has not been closed for ${formatMs(now - since)}: ${because}`);
    }
    for (const { fingerprint, title, api } of facts.news) this.#groups.set(fingerprint, { title: `${api}: ${title}`, at: now });
    for (const [fingerprint, { title, at }] of this.#groups) {
      if (now - at > TEN_MINUTES * SLOT_MS) this.#groups.delete(fingerprint);
      else see("dead-letter-group", fingerprint, 1, `a new kind of failure is kept as dead letters: ${title}`);
    }
    for (const [sync, { level, words }] of this.#syncs) see("watermark-held", sync, level === "critical" ? 2 : 1, words);
    for (const [api, since] of facts.oldestDue) {
      if (now > since) see("oldest-ready", api, now - since, `its oldest operation has been due for ${formatMs(now - since)}`);
    }
    return readings;
  }

  baselines(): ReadonlyMap<string, StoredBaseline> {
    return new Map([...this.#endpoints].map(([name, { baseline }]) => [name, baseline.toJSON()]));
  }

  /** Takes over what an earlier process knew of an endpoint. */
  restore(name: string, stored: StoredBaseline, now: number): void {
    const api = name.split(" ", 1)[0] ?? "";
    if (!this.#endpoints.has(name)) this.#add(name, api, now, stored);
  }

  #seeEndpoint(endpoint: Endpoint, now: number, see: See): void {
    const { name, counts } = endpoint;
    const calls = counts.sum("calls", now);
    const enough = (rule: AlertRuleName): boolean => calls >= (this.#rules.get(rule)?.minimum ?? 1);
    const failed = counts.sum("failed", now);
    if (enough("error-rate"))
      see("error-rate", name, failed / calls, `${failed} of ${calls} calls failed in five minutes (${percent(failed / calls)})`);
    const retried = counts.sum("retried", now);
    if (enough("retry-rate")) {
      see(
        "retry-rate",
        name,
        retried / calls,
        `${retried} of ${calls} calls needed another attempt in five minutes (${percent(retried / calls)})`,
      );
    }
    const givenUp = counts.sum("given-up", now);
    if (givenUp > 0 && this.#critical.has(name)) see("exhausted", name, givenUp, `${givenUp} calls were given up in five minutes`);
    const refused = counts.sum("refused-credential", now);
    if (refused > 0)
      see("unauthorized", name, refused, `its credential was refused ${refused} times in five minutes, also after a refresh`);
    this.#seeLatency(endpoint, now, see);
  }

  #seeLatency({ name, latency, baseline }: Endpoint, now: number, see: See): void {
    const minimum = this.#rules.get("latency")?.minimum ?? 1;
    const recent = new Spread();
    const first = Math.floor(now / SLOT_MS) - FIVE_MINUTES;
    for (const { slot, spread } of latency) if (slot > first) recent.take(spread);
    const p95 = recent.total < minimum ? undefined : recent.quantile(0.95);
    const usual = p95 === undefined ? undefined : baseline.p95(now, minimum);
    if (p95 === undefined || usual === undefined) return;
    see(
      "latency",
      name,
      p95 / usual,
      `95 % of its answers take up to ${formatMs(Math.round(p95))}; in the last 24 hours it was ${formatMs(Math.round(usual))}`,
    );
  }

  #seeApi(api: string, counts: Api, now: number, see: See): void {
    const letters = counts.letters.sum("letters", now);
    if (letters > 0) see("dead-letters", api, letters, `${letters} dead letters within an hour`);
    const minimum = this.#rules.get("throughput")?.minimum ?? 1;
    const usual = [...this.#endpoints.values()]
      .filter((endpoint) => endpoint.api === api)
      .reduce((sum, { baseline }) => sum + (baseline.perMinute(now) ?? 0), 0);
    if (usual * 10 < minimum) return;
    const rate = counts.successes.sum("successes", now) / 10;
    const drop = Math.max(0, 1 - rate / usual);
    see(
      "throughput",
      api,
      drop,
      `${rate.toFixed(1)} calls a minute succeed; in the last 24 hours it was ${usual.toFixed(1)} (${percent(drop)} less)`,
    );
  }

  #attempt({ lane, attempt, durationMs, verdict }: EventMap["attempt:settled"], now: number): void {
    const endpoint = this.#endpoint(lane, now);
    if (endpoint === undefined || verdict.kind === "cancelled") return;
    if (attempt === 2) endpoint.counts.add("retried", now);
    if (verdict.kind !== "success") return;
    endpoint.baseline.succeeded(durationMs, now);
    this.#api(endpoint.api).successes.add("successes", now);
    const slot = Math.floor(now / SLOT_MS);
    let last = endpoint.latency.at(-1);
    if (last?.slot !== slot) {
      last = { slot, spread: new Spread() };
      endpoint.latency.push(last);
      while ((endpoint.latency[0]?.slot ?? slot) <= slot - FIVE_MINUTES) endpoint.latency.shift();
    }
    last.spread.add(durationMs);
  }

  #call({ lane, outcome, because }: EventMap["call:settled"], now: number): void {
    const endpoint = this.#endpoint(lane, now);
    // A refusal of ours is the breaker's alert, or the limit's doing; a replay and an abort say nothing of the other side.
    if (endpoint === undefined || outcome === "refused" || outcome === "replayed" || because.code === "cancelled") return;
    endpoint.counts.add("calls", now);
    if (outcome !== "failed") return;
    endpoint.counts.add("failed", now);
    endpoint.counts.add("given-up", now);
    if (because.code === "permanent-after-refresh") endpoint.counts.add("refused-credential", now);
  }

  #operation({ lane, state, applied }: EventMap["operation:settled"], now: number): void {
    const endpoint = this.#endpoint(lane, now);
    if (endpoint === undefined || !applied || (state !== "succeeded" && state !== "dead")) return;
    endpoint.counts.add("calls", now);
    if (state !== "dead") return;
    endpoint.counts.add("failed", now);
    endpoint.counts.add("given-up", now);
  }

  #breaker({ lane, to, because }: EventMap["breaker:changed"], now: number): void {
    if (isOurs(lane.api)) return;
    const name = nameOf(lane);
    if (to === "closed") this.#open.delete(name);
    else if (!this.#open.has(name) && this.#open.size < MOST_SUBJECTS) this.#open.set(name, { since: now, because });
  }

  #letter({ api, fingerprint }: EventMap["dead-letter:added"], now: number): void {
    if (isOurs(api)) return;
    this.#api(api).letters.add("letters", now);
    if (this.#joined.size < MOST_SUBJECTS) this.#joined.add(fingerprint);
  }

  #held({ sync, level, heldMs, blockedBy }: EventMap["sync:held"]): void {
    const by = blockedBy.length === 0 ? "" : `, by ${blockedBy.slice(0, 3).join(", ")}`;
    this.#syncs.set(sync, { level, words: `its watermark has been held for ${formatMs(heldMs)}${by}` });
  }

  #ended({ sync, outcome }: EventMap["sync:ended"]): void {
    if (outcome === "complete") this.#syncs.delete(sync);
  }

  #endpoint(lane: LaneRef | undefined, now: number): Endpoint | undefined {
    if (lane === undefined || isOurs(lane.api)) return undefined;
    const name = `${lane.api} ${lane.endpoint}`;
    return this.#endpoints.get(name) ?? (this.#endpoints.size < MOST_SUBJECTS ? this.#add(name, lane.api, now) : undefined);
  }

  #add(name: string, api: string, now: number, stored?: StoredBaseline): Endpoint {
    const endpoint: Endpoint = {
      name,
      api,
      counts: new RollingCounts(SLOT_MS, FIVE_MINUTES),
      latency: [],
      baseline: new Baseline(now, stored),
    };
    this.#endpoints.set(name, endpoint);
    return endpoint;
  }

  #api(name: string): Api {
    let api = this.#apis.get(name);
    if (api === undefined) {
      api = { letters: new RollingCounts(SLOT_MS, HOUR), successes: new RollingCounts(SLOT_MS, TEN_MINUTES) };
      this.#apis.set(name, api);
    }
    return api;
  }
}

function nameOf({ api, endpoint, partition }: LaneRef): string {
  return partition === "" ? `${api} ${endpoint}` : `${api} ${endpoint} (${partition})`;
}

function percent(share: number): string {
  return `${(share * 100).toFixed(share < 0.1 ? 1 : 0)} %`;
}
