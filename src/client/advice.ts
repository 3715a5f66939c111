import { isOurs } from "../api/api-name.ts";
import type { ResolvedApi } from "../api/resolve-api.ts";
import type { TimerHandle } from "../ports/clock.ts";
import { advise } from "../signals/advice/advise.ts";
import type { AdviceReport } from "../signals/advice/advice.ts";
import { EndpointTally, tallyOperation, type EndpointHistory, type SettingsSeen } from "../signals/advice/history.ts";
import { HistoryBook } from "../signals/advice/history-book.ts";
import type { LetterGroup } from "../signals/advice/letters.ts";
import { HistoryRecorder } from "../signals/advice/recorder.ts";
import type { Engine } from "./engine.ts";
import type { OpenApis } from "./open-apis.ts";

/** How often what was counted is put away. */
const KEEP_EVERY_MS = 60_000;
/** What a report looks at of a store: the newest, so that it costs the same however much there is. */
const SAMPLED_OPERATIONS = 500;
const SAMPLED_LETTERS = 1_000;
const SAMPLED_GROUPS = 200;
const PAGE = 100;
/** A report is made anew only after this, however often somebody asks. */
const FRESH_MS = 10_000;
/** Waits that are told of: how long a call's retries last, if it had so many. */
const WAITS = 12;

/**
 * Advice over an engine. Where history is kept it counts what happens and keeps the counts in the store; elsewhere, and for
 * what other processes did, it looks at what the store has kept: counts, and a sample of operations and dead letters.
 */
export class AdviceDoor {
  readonly #engine: Engine;
  readonly #recorder: HistoryRecorder | undefined;
  readonly #book: HistoryBook | undefined;
  #timer: TimerHandle = undefined;
  #keeping: Promise<void> | undefined = undefined;
  #closed = false;
  #report: { readonly at: number; readonly report: Promise<AdviceReport> } | undefined = undefined;

  constructor(engine: Engine, apis: OpenApis, { records }: { readonly records: boolean }) {
    const { runtime, store } = engine;
    this.#engine = engine;
    this.#book = store.documents === undefined ? undefined : new HistoryBook(store.documents);
    this.#recorder = records
      ? new HistoryRecorder(runtime.events, {
          now: () => runtime.clock.now(),
          settings: (api, endpoint) => settingsSeen(apis.get(api)?.api, endpoint),
        })
      : undefined;
    if (records) this.#next();
  }

  /** What history speaks for. One that was made a moment ago is given again. */
  report(): Promise<AdviceReport> {
    const now = this.#engine.runtime.clock.now();
    if (this.#report !== undefined && now - this.#report.at < FRESH_MS && now >= this.#report.at) return this.#report.report;
    const report = this.#make();
    this.#report = { at: now, report };
    report.catch(() => (this.#report = undefined));
    return report;
  }

  /** Puts away what has been counted, and counts no more of it. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#engine.runtime.clock.clearTimer(this.#timer);
    await this.#keeping;
    await this.#keep();
  }

  async #make(): Promise<AdviceReport> {
    const tallies = new Map<string, EndpointTally>();
    const take = (history: EndpointHistory): void => {
      const name = nameOf(history);
      const tally = tallies.get(name) ?? new EndpointTally(history.api, history.endpoint, history.since);
      tally.take(history);
      tallies.set(name, tally);
    };
    for (const history of (await this.#book?.read(this.#engine.runtime.clock.now())) ?? []) take(history);
    for (const tally of this.#recorder?.troubled() ?? []) take(tally.toJSON());
    // What was counted is all there was; a sample would count some of it twice.
    for (const [name, tally] of await this.#sampled()) if (!tallies.has(name)) tallies.set(name, tally);
    return advise(
      [...tallies.values()].map((tally) => tally.toJSON()),
      await this.#groups(),
    );
  }

  /** From the attempts that the store keeps with operations and dead letters. */
  async #sampled(): Promise<ReadonlyMap<string, EndpointTally>> {
    const tallies = new Map<string, EndpointTally>();
    const tallyFor = (of: { readonly api: string; readonly endpoint: string }, now: number): EndpointTally => {
      const name = nameOf(of);
      let tally = tallies.get(name);
      if (tally === undefined) tallies.set(name, (tally = new EndpointTally(of.api, of.endpoint, now)));
      return tally;
    };
    const { deadLetters, operations } = this.#engine.store;
    // Where the sample of what went well begins, so does that of what did not: or failures would seem never to end well.
    let since: number | undefined;
    let seen = 0;
    if (operations !== undefined) {
      for await (const { operation, attempts } of paged((page) => operations.list({ state: "succeeded" }, page), SAMPLED_OPERATIONS)) {
        seen += 1;
        if (seen === SAMPLED_OPERATIONS) since = operation.acceptedAt;
        if (isOurs(operation.api) || attempts.length === 0) continue;
        tallyOperation(tallyFor(operation, attempts[0]?.startedAt ?? operation.acceptedAt), attempts, true);
      }
    }
    for await (const letter of paged((page) => deadLetters.list(since === undefined ? {} : { since }, page), SAMPLED_LETTERS)) {
      if (isOurs(letter.api) || letter.attempts.length === 0) continue;
      tallyOperation(tallyFor(letter, letter.firstAttemptAt), letter.attempts, letter.state === "resolved");
    }
    return tallies;
  }

  async #groups(): Promise<readonly LetterGroup[]> {
    const groups: LetterGroup[] = [];
    const { deadLetters } = this.#engine.store;
    for await (const group of paged((page) => deadLetters.groups({ state: "open" }, page), SAMPLED_GROUPS)) {
      if (!isOurs(group.api)) groups.push(group);
    }
    return groups;
  }

  #next(): void {
    if (this.#closed) return;
    const { clock } = this.#engine.runtime;
    this.#timer = clock.setTimer(() => {
      this.#keeping = this.#keep().finally(() => this.#next());
    }, KEEP_EVERY_MS);
    clock.hold?.(this.#timer, false);
  }

  /** What cannot be put away now is tried again with what comes. */
  async #keep(): Promise<void> {
    if (this.#recorder === undefined || this.#book === undefined) return;
    const counted = this.#recorder.take();
    try {
      for (const left of await this.#book.add(counted, this.#engine.runtime.clock.now())) this.#recorder.giveBack(left);
    } catch (error) {
      for (const tally of counted) this.#recorder.giveBack(tally);
      this.#engine.storeFailed(error);
    }
  }
}

/** What holds for an endpoint, as far as advice is about it. */
function settingsSeen(api: ResolvedApi | undefined, endpoint: string): SettingsSeen | undefined {
  if (api === undefined) return undefined;
  const { policy, repeatable, reconcile } = api.settings(endpoint);
  const [limit] = api.rateLimits
    .filter(({ perMs }) => perMs <= 60_000)
    .map(({ limit: calls, perMs, burst }) => ({ limitPerSecond: (calls * 1_000) / perMs, burst }))
    .sort((a, b) => a.limitPerSecond - b.limitPerSecond);
  const [timeoutMs = Number.POSITIVE_INFINITY] = policy.attemptTimeoutsMs;
  const waitedMs: number[] = [];
  for (let retry = 0, total = 0, previous = 0; retry < WAITS; retry += 1) {
    previous = policy.backoff(retry, previous, () => 0.5);
    total += previous;
    waitedMs.push(Math.round(total));
  }
  return {
    ...limit,
    ...(api.breaker === undefined ? {} : { breaker: { openMs: api.breaker.openMs, maxOpenMs: api.breaker.maxOpenMs } }),
    maxAttempts: policy.maxAttempts,
    ...(timeoutMs === Number.POSITIVE_INFINITY ? {} : { attemptTimeoutMs: timeoutMs }),
    waitedMs,
    keyed: api.idempotency !== undefined,
    certain: repeatable || reconcile !== undefined,
  };
}

function nameOf({ api, endpoint }: { readonly api: string; readonly endpoint: string }): string {
  return `${api}\n${endpoint}`;
}

async function* paged<Item>(
  read: (page: {
    readonly limit: number;
    readonly after?: string;
  }) => Promise<{ readonly items: readonly Item[]; readonly next: string | null }>,
  most: number,
): AsyncGenerator<Item, void, undefined> {
  let seen = 0;
  for (let after: string | null | undefined; after !== null && seen < most;) {
    const page: Awaited<ReturnType<typeof read>> = await read({
      limit: Math.min(PAGE, most - seen),
      ...(after === undefined ? {} : { after }),
    });
    yield* page.items;
    seen += page.items.length;
    after = page.next;
  }
}
