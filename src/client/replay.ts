import { formatMs } from "../core/duration.ts";
import type { DeadLetter, DeadLetterFilter, DeadLetterStore } from "../ports/dead-letter-store.ts";
import type { Page } from "../ports/page.ts";
import type { Engine } from "./engine.ts";
import { Pace } from "./pace.ts";
import { REPLAY_LEASE_MS } from "./replay-hold.ts";
import { LetterReplay, type Known, type Replayed } from "./replay-one.ts";
import { checkReplay, type ReplayEntry, type ReplayOptions, type ReplayReport } from "./replay-options.ts";

const PAGE = 200;
/** However fast a run is to be, no more letters are on their way at once. */
const MOST_AT_ONCE = 50;
const MAX_REPLAYS = 10;

/** What a run remembers of a letter until its turn: not its body, of which there may be many. */
type Member = Pick<DeadLetter, "id" | "revision" | "diedAt" | "changedAt" | "fingerprint" | "title" | "replays">;

/** One run over the letters that are there when it begins. */
export class ReplayRun {
  readonly #engine: Engine;
  readonly #options: ReplayOptions;
  readonly #letters: LetterReplay;
  readonly #entries: ReplayEntry[] = [];
  /** Groups whose failure has come back, and the letter that brought it. */
  readonly #cameBack = new Map<string, string>();
  /** Groups of which a letter was resolved. */
  readonly #mended = new Set<string>();
  #stopped: string | undefined = undefined;

  /** @throws ConfigError for options that make no sense */
  constructor(engine: Engine, known: Known, options: ReplayOptions) {
    checkReplay(options);
    this.#engine = engine;
    this.#options = options;
    this.#letters = new LetterReplay(engine, known, options);
  }

  async run(): Promise<ReplayReport> {
    const { ids, canary = 0 } = this.#options;
    const letters = await this.#members();
    const known = new Set([...letters, ...this.#entries].map(({ id }) => id));
    for (const id of new Set(ids)) {
      if (!known.has(id)) this.#add({ id, result: "skipped", because: "it is not open, or does not exist" });
    }
    const begun = await this.#canary(letters, canary);
    if (this.#stopped === undefined) await this.#others(letters.slice(begun));
    for (const fingerprint of this.#mended) await resolveIfMended(this.#engine, fingerprint);
    const count = (result: ReplayEntry["result"]): number => this.#entries.filter((entry) => entry.result === result).length;
    return {
      resolved: count("resolved"),
      failedAgain: count("failed-again"),
      skipped: count("skipped"),
      ...(this.#stopped === undefined ? {} : { stopped: this.#stopped }),
      entries: this.#entries,
    };
  }

  /**
   * The first ones, one after the other. One that fails ends the run; one that is skipped proves nothing. Answers how many letters
   * that took.
   */
  async #canary(letters: readonly Member[], canary: number): Promise<number> {
    let tried = 0;
    for (const [index, letter] of letters.entries()) {
      if (tried === canary || this.#isStopped()) return index;
      const { entry } = await this.#one(letter);
      if (entry.result === "skipped") continue;
      tried += 1;
      if (entry.result === "failed-again") {
        this.#stopped = `canary ${tried} of ${canary} failed again`;
        return index + 1;
      }
    }
    return letters.length;
  }

  async #others(letters: readonly Member[]): Promise<void> {
    const { rate, signal } = this.#options;
    const pace = rate === undefined ? undefined : new Pace(rate, this.#engine.runtime);
    const underWay = new Set<Promise<void>>();
    const atOnce = pace === undefined ? 1 : MOST_AT_ONCE;
    for (const letter of letters) {
      if (underWay.size >= atOnce) await Promise.race(underWay);
      if (this.#skipsGroup(letter)) continue;
      await pace?.turn(signal).catch(() => undefined);
      if (this.#isStopped()) break;
      // While it waited for its turn its group may have failed.
      if (this.#skipsGroup(letter)) continue;
      const ended = this.#watched(letter).finally(() => underWay.delete(ended));
      underWay.add(ended);
    }
    await Promise.all(underWay);
  }

  async #watched(letter: Member): Promise<void> {
    const { entry, fingerprint } = await this.#one(letter);
    if (entry.result !== "failed-again" || fingerprint !== letter.fingerprint || this.#cameBack.has(fingerprint)) return;
    this.#cameBack.set(letter.fingerprint, letter.id);
    this.#stopped ??= `the same failure came back: ${letter.title}`;
  }

  #isStopped(): boolean {
    if (this.#options.signal?.aborted === true) this.#stopped = "stopped by its caller";
    return this.#options.signal?.aborted === true;
  }

  #skipsGroup({ id, fingerprint }: Member): boolean {
    const bringer = this.#cameBack.get(fingerprint);
    if (bringer === undefined) return false;
    this.#add({ id, result: "skipped", because: `${bringer} of its group has just failed again in the same way` });
    return true;
  }

  #add(entry: ReplayEntry): void {
    this.#entries.push(entry);
    this.#options.onEntry?.(entry);
  }

  async #one(letter: Member): Promise<Replayed> {
    const { ids, maxReplays = MAX_REPLAYS } = this.#options;
    const replayed: Replayed =
      ids === undefined && letter.replays >= maxReplays
        ? { entry: { id: letter.id, result: "skipped", because: tooOften(letter, maxReplays) } }
        : await this.#letters.replay(letter);
    if (replayed.entry.result === "resolved") this.#mended.add(letter.fingerprint);
    this.#add(replayed.entry);
    return replayed;
  }

  /** What is to be replayed: open letters, and those whose replay was cut short by the end of its process. */
  async #members(): Promise<readonly Member[]> {
    const { ids, group } = this.#options;
    const filter: DeadLetterFilter = {
      ...this.#options.filter,
      ...(ids === undefined ? {} : { ids }),
      ...(group === undefined ? {} : { fingerprint: group }),
    };
    const { deadLetters } = this.#engine.store;
    const now = this.#engine.runtime.clock.now();
    const letters = [...(await snapshot(deadLetters, filter, "open"))];
    for (const letter of await snapshot(deadLetters, filter, "replaying")) {
      const forMs = now - letter.changedAt;
      if (forMs >= REPLAY_LEASE_MS) letters.push(letter);
      else {
        const because = `another replay has had it for ${formatMs(forMs)}; after ${formatMs(REPLAY_LEASE_MS)} it counts as lost`;
        this.#add({ id: letter.id, result: "skipped", because });
      }
    }
    return letters.sort((a, b) => a.diedAt - b.diedAt);
  }
}

function tooOften({ replays }: Member, maxReplays: number): string {
  return `it was replayed ${replays} times and is still open (replay.maxReplays is ${maxReplays}); look at it, and name it by its id`;
}

/** Letters in a state, oldest first: they failed in that order, and are repeated in it. */
export async function snapshot(store: DeadLetterStore, filter: DeadLetterFilter, state: "open" | "replaying"): Promise<readonly Member[]> {
  const letters: Member[] = [];
  for (let after: string | null | undefined; after !== null;) {
    const page: Page<DeadLetter> = await store.list({ ...filter, state }, { limit: PAGE, ...(after === undefined ? {} : { after }) });
    for (const { id, revision, diedAt, changedAt, fingerprint, title, replays } of page.items) {
      letters.push({ id, revision, diedAt, changedAt, fingerprint, title, replays });
    }
    after = page.next;
  }
  return letters.reverse();
}

/**
 * A group that a replay has emptied is resolved, so that a letter that joins it later tells of a *regression*. One that somebody has
 * chosen to ignore stays ignored.
 */
async function resolveIfMended({ store, runtime }: Engine, fingerprint: string): Promise<void> {
  const { deadLetters } = store;
  const isEmpty = async (): Promise<boolean> => {
    for (const state of ["open", "replaying"] as const) {
      const { items } = await deadLetters.list({ fingerprint, state }, { limit: 1 });
      if (items.length > 0) return false;
    }
    return true;
  };
  const [group] = (await deadLetters.groups({ fingerprint }, { limit: 1 })).items;
  if (group === undefined || group.state === "ignored" || group.state === "resolved" || !(await isEmpty())) return;
  await deadLetters.setGroupState(fingerprint, "resolved", runtime.clock.now());
  // A letter may have joined between the look and the word.
  if (!(await isEmpty())) await deadLetters.setGroupState(fingerprint, group.state, runtime.clock.now());
}
