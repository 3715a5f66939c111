import type { DeadLetter, DeadLetterFilter, DeadLetterGroup, DeadLetterGroupState } from "../ports/dead-letter-store.ts";
import type { Page } from "../ports/page.ts";
import { NotFoundError, isHoldfastError } from "../core/errors.ts";
import { explain } from "../core/explain.ts";
import type { Engine, OpenApi } from "./engine.ts";
import { withFingerprint } from "./engine.ts";
import { FetchDoor } from "./fetch-door.ts";

/** Which dead letters to replay, and how carefully. */
export interface ReplayOptions {
  readonly ids?: readonly string[];
  /** All open members of one group, by fingerprint. */
  readonly group?: string;
  readonly filter?: DeadLetterFilter;
  /** Replay this many first, and go on only if every one of them succeeds. @default 0 */
  readonly canary?: number;
  /** Ends the run after the letter under way. */
  readonly signal?: AbortSignal;
  /** Told after each letter. */
  readonly onEntry?: (entry: ReplayEntry) => void;
}

export interface ReplayEntry {
  readonly id: string;
  /** `skipped`: it is not open any more, another operator was first, or its request is not kept. */
  readonly result: "resolved" | "failed-again" | "skipped";
  readonly because: string;
}

export interface ReplayReport {
  readonly resolved: number;
  readonly failedAgain: number;
  readonly skipped: number;
  /** Why the run ended before its last letter, if it did. */
  readonly stopped?: string;
  readonly entries: readonly ReplayEntry[];
}

const PAGE = 200;

/** What failed and was kept: listed, grouped, replayed, discarded. */
export class DeadLetters {
  readonly #engine: Engine;
  readonly #api: (name: string) => OpenApi | undefined;

  constructor(engine: Engine, api: (name: string) => OpenApi | undefined) {
    this.#engine = engine;
    this.#api = api;
  }

  /** One letter, with all its attempts. @throws NotFoundError */
  async get(id: string): Promise<DeadLetter> {
    const letter = await this.#engine.store.deadLetters.get(id);
    if (letter === undefined)
      throw new NotFoundError(`there is no dead letter ${id}; list them with deadLetters.list() or \`holdfast dlq list\``);
    return letter;
  }

  /** A page, newest first. */
  list(filter: DeadLetterFilter = {}, page: { readonly limit?: number; readonly after?: string } = {}): Promise<Page<DeadLetter>> {
    return this.#engine.store.deadLetters.list(filter, {
      limit: page.limit ?? 50,
      ...(page.after === undefined ? {} : { after: page.after }),
    });
  }

  /** Every group, the one with the latest death first. */
  async *groups(filter: DeadLetterFilter = {}): AsyncGenerator<DeadLetterGroup, void, undefined> {
    for (let after: string | null | undefined; after !== null;) {
      const page: Page<DeadLetterGroup> = await this.#engine.store.deadLetters.groups(filter, {
        limit: PAGE,
        ...(after === undefined ? {} : { after }),
      });
      yield* page.items;
      after = page.next;
    }
  }

  /** Acknowledges, resolves or ignores a group. @throws NotFoundError */
  async setGroupState(fingerprint: string, state: DeadLetterGroupState): Promise<void> {
    if (!(await this.#engine.store.deadLetters.setGroupState(fingerprint, state, this.#engine.runtime.clock.now()))) {
      throw new NotFoundError(`there is no group ${fingerprint}; list them with deadLetters.groups()`);
    }
  }

  /** Gives up on letters, with a reason that stays. Answers how many were open and now are not. */
  async discard(filter: DeadLetterFilter, reason: string): Promise<number> {
    const now = this.#engine.runtime.clock.now();
    let discarded = 0;
    for (const letter of await this.#snapshot(filter)) {
      const [result] = await this.#engine.store.deadLetters.change([
        { id: letter.id, revision: letter.revision, state: "discarded", note: reason, now },
      ]);
      if (result === "applied") discarded += 1;
    }
    return discarded;
  }

  /**
   * Sends letters again, one by one, under their own idempotency keys and all policies of their API. The members are those at
   * the start. With a canary it stops when one of the first fails, and always when the same failure comes back
   * right after. A letter that fails again stays, with the new attempts in its history.
   */
  async replay(options: ReplayOptions): Promise<ReplayReport> {
    const { canary = 0, signal, onEntry } = options;
    const filter: DeadLetterFilter = {
      ...options.filter,
      ...(options.ids === undefined ? {} : { ids: options.ids }),
      ...(options.group === undefined ? {} : { fingerprint: options.group }),
    };
    const letters = await this.#snapshot(filter);
    const entries: ReplayEntry[] = [];
    let stopped: string | undefined;
    for (const id of options.ids ?? []) {
      if (!letters.some((letter) => letter.id === id))
        entries.push({ id, result: "skipped", because: "it is not open, or does not exist" });
    }
    for (const [index, letter] of letters.entries()) {
      if (signal?.aborted === true) {
        stopped = "stopped by its caller";
        break;
      }
      const entry = await this.#replayOne(letter);
      entries.push(entry);
      onEntry?.(entry);
      if (entry.result === "failed-again" && index < canary) {
        stopped = `canary ${index + 1} of ${canary} failed again`;
        break;
      }
    }
    const count = (result: ReplayEntry["result"]): number => entries.filter((entry) => entry.result === result).length;
    return {
      resolved: count("resolved"),
      failedAgain: count("failed-again"),
      skipped: count("skipped"),
      ...(stopped === undefined ? {} : { stopped }),
      entries,
    };
  }

  /** Open members, oldest first: they failed in that order, and are repeated in it. */
  async #snapshot(filter: DeadLetterFilter): Promise<readonly DeadLetter[]> {
    const letters: DeadLetter[] = [];
    for (let after: string | null | undefined; after !== null;) {
      const page: Page<DeadLetter> = await this.#engine.store.deadLetters.list(
        { ...filter, state: "open" },
        { limit: PAGE, ...(after === undefined ? {} : { after }) },
      );
      letters.push(...page.items);
      after = page.next;
    }
    return letters.reverse();
  }

  async #replayOne(letter: DeadLetter): Promise<ReplayEntry> {
    const { store, runtime } = this.#engine;
    const { id, request } = letter;
    const open = this.#api(letter.api);
    if (open === undefined) return { id, result: "skipped", because: `no API named ${letter.api} is defined here` };
    if (request === undefined)
      return { id, result: "skipped", because: "its request is not kept: only the program that made the call can do it again" };
    const [claimed] = await store.deadLetters.change([
      { id, revision: letter.revision, state: "replaying", replayed: true, now: runtime.clock.now() },
    ]);
    if (claimed !== "applied") return { id, result: "skipped", because: "another operator was first" };

    const collector = new ReplayCollector();
    const door = new FetchDoor(this.#engine, open, {
      labels: letter.labels,
      ...(letter.partition === "" ? {} : { partition: letter.partition }),
      replayOf: { keep: collector.keep },
    });
    const revision = letter.revision + 1;
    let failure: string | undefined;
    try {
      const response = await door.fetch(request.url, replayInit(letter, request));
      await response.body?.cancel();
      const told = explain(response);
      if (told?.outcome === "failed") failure = told.because.detail ?? told.because.code;
      else if (response.status >= 400) failure = `the answer was ${response.status}`;
    } catch (error) {
      failure = isHoldfastError(error) || error instanceof Error ? error.message : String(error);
    }
    const now = runtime.clock.now();
    if (failure === undefined) {
      await store.deadLetters.change([{ id, revision, state: "resolved", note: "replayed", now }]);
      return { id, result: "resolved", because: "replayed" };
    }
    const again = collector.letter;
    const group = again === undefined ? undefined : withFingerprint(again.letter, again.verdict);
    await store.deadLetters.change([
      {
        id,
        revision,
        state: "open",
        note: failure,
        now,
        ...(again === undefined ? {} : { attempts: again.letter.attempts, reason: again.letter.reason, because: again.letter.because }),
        ...(group === undefined ? {} : { group: { fingerprint: group.fingerprint, title: group.title } }),
      },
    ]);
    return { id, result: "failed-again", because: failure };
  }
}

type Kept = Parameters<Engine["keep"]>;

/** A replay that fails again makes no new letter: what would have been one goes into the history of the old. */
class ReplayCollector {
  letter: { readonly letter: Kept[0]; readonly verdict: Kept[1] } | undefined = undefined;

  readonly keep = async (letter: Kept[0], verdict: Kept[1]): Promise<void> => {
    this.letter = { letter, verdict };
  };
}

function replayInit(letter: DeadLetter, request: NonNullable<DeadLetter["request"]>): RequestInit {
  const headers = new Headers(request.headers.map(([name, value]) => [name, value] as [string, string]));
  if (letter.idempotencyKey !== undefined && !headers.has("idempotency-key")) headers.set("idempotency-key", letter.idempotencyKey);
  return { method: request.method, headers, ...(request.body === undefined ? {} : { body: request.body as BodyInit }) };
}
