import { Spread } from "../spread.ts";

export const HOUR_MS = 3_600_000;
const HOURS = 24;
/** A baseline of less says nothing. */
const LEAST_MS = HOUR_MS;

interface Hour {
  readonly hour: number;
  successes: number;
  readonly latency: Spread;
}

/** As it is kept in the store. */
export interface StoredBaseline {
  readonly hours: readonly { readonly hour: number; readonly successes: number; readonly latency: ReturnType<Spread["toJSON"]> }[];
  readonly since: number;
}

/** How an endpoint does on a usual day: its answers and their latency by the hour, for the last 24. Wall-clock ms. */
export class Baseline {
  #hours: Hour[] = [];
  /** Since when it has been watched. */
  readonly #since: number;

  constructor(since: number, stored?: StoredBaseline) {
    this.#since = Math.min(since, stored?.since ?? since);
    for (const { hour, successes, latency } of stored?.hours ?? []) this.#hours.push({ hour, successes, latency: new Spread(latency) });
  }

  succeeded(durationMs: number, now: number): void {
    const hour = this.#hourOf(now);
    hour.successes += 1;
    hour.latency.add(durationMs);
  }

  /** p95 of the 24 hours before the one under way, which may be what is unusual; undefined where too little is known. */
  p95(now: number, minimum: number): number | undefined {
    const all = new Spread();
    const current = Math.floor(now / HOUR_MS);
    for (const { hour, latency } of this.#before(now)) if (hour < current) all.take(latency);
    return all.total < minimum ? undefined : all.quantile(0.95);
  }

  /** Successes a minute in the last 24 hours; undefined where too little is known. */
  perMinute(until: number): number | undefined {
    const watchedMs = Math.min(HOURS * HOUR_MS, until - this.#since);
    if (watchedMs < LEAST_MS) return undefined;
    return this.#before(until).reduce((sum, { successes }) => sum + successes, 0) / (watchedMs / 60_000);
  }

  toJSON(): StoredBaseline {
    return {
      since: this.#since,
      hours: this.#hours.map(({ hour, successes, latency }) => ({ hour, successes, latency: latency.toJSON() })),
    };
  }

  #before(until: number): readonly Hour[] {
    const last = Math.floor(until / HOUR_MS);
    return this.#hours.filter(({ hour }) => hour > last - HOURS && hour <= last);
  }

  #hourOf(now: number): Hour {
    const index = Math.floor(now / HOUR_MS);
    let hour = this.#hours.at(-1);
    if (hour?.hour !== index) {
      hour = { hour: index, successes: 0, latency: new Spread() };
      this.#hours = [...this.#hours.filter((one) => one.hour > index - HOURS && one.hour < index), hour];
    }
    return hour;
  }
}
