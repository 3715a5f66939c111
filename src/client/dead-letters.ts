import type { DeadLetter, DeadLetterFilter, DeadLetterGroup, DeadLetterGroupState } from "../ports/dead-letter-store.ts";
import type { Page } from "../ports/page.ts";
import { ConfigError, NotFoundError, isHoldfastError } from "../core/errors.ts";
import { explain } from "../core/explain.ts";
import { refuseUnknown } from "../core/options.ts";
import { shown } from "../core/shown.ts";
import { formatMs } from "../core/duration.ts";
import type { Engine, OpenApi } from "./engine.ts";
import { withFingerprint } from "./engine.ts";
import { FetchDoor } from "./fetch-door.ts";
import { checkFunction } from "./options.ts";

/** Which dead letters to replay, and how carefully. One of `ids`, `group` and `filter` must be given; `filter: {}` means all. */
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
  /** `skipped`: it is not open any more, another operator was first, its request is not kept, or its group has just failed again. */
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
/** A letter that has been on its way for this long belongs to a process that is gone. */
const REPLAY_LEASE_MS = 15 * 60_000;
const FILTER = ["ids", "api", "fingerprint", "state", "reason", "labels", "since", "until"] satisfies (keyof DeadLetterFilter)[];
const REPLAY_OPTIONS = ["ids", "group", "filter", "canary", "signal", "onEntry"] satisfies (keyof ReplayOptions)[];

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
  async list(filter: DeadLetterFilter = {}, page: { readonly limit?: number; readonly after?: string } = {}): Promise<Page<DeadLetter>> {
    refuseUnknown(filter, FILTER, "filter");
    return await this.#engine.store.deadLetters.list(filter, {
      limit: page.limit ?? 50,
      ...(page.after === undefined ? {} : { after: page.after }),
    });
  }

  /** Every group, the one with the latest death first. */
  async *groups(filter: DeadLetterFilter = {}): AsyncGenerator<DeadLetterGroup, void, undefined> {
    refuseUnknown(filter, FILTER, "filter");
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
    checkOpenFilter(filter, "filter");
    const now = this.#engine.runtime.clock.now();
    let discarded = 0;
    for (const letter of await this.#snapshot(filter, "open")) {
      const [result] = await this.#engine.store.deadLetters.change([
        { id: letter.id, revision: letter.revision, state: "discarded", note: reason, now },
      ]);
      if (result === "applied") discarded += 1;
    }
    return discarded;
  }

  /**
   * Sends letters again, one by one, oldest first, under their own idempotency keys and all policies of their API. The members are
   * those at the start. A letter that fails again stays, with the new attempts in its history; when it fails as it did before, the
   * rest of its group is left alone, and with a canary the whole run ends where one of the first fails.
   *
   * A write whose outcome is unknown is sent again too: that is what you say by replaying it.
   *
   * @throws ConfigError for options that make no sense.
   */
  async replay(options: ReplayOptions): Promise<ReplayReport> {
    checkReplay(options);
    const { canary = 0, signal, onEntry } = options;
    const filter: DeadLetterFilter = {
      ...options.filter,
      ...(options.ids === undefined ? {} : { ids: options.ids }),
      ...(options.group === undefined ? {} : { fingerprint: options.group }),
    };
    const entries: ReplayEntry[] = [];
    const add = (entry: ReplayEntry): void => {
      entries.push(entry);
      onEntry?.(entry);
    };
    const letters = await this.#members(filter, add);
    const known = new Set([...letters, ...entries].map(({ id }) => id));
    for (const id of new Set(options.ids)) {
      if (!known.has(id)) add({ id, result: "skipped", because: "it is not open, or does not exist" });
    }
    /** Groups whose failure has come back, and the letter that brought it. */
    const cameBack = new Map<string, string>();
    let tried = 0;
    let stopped: string | undefined;
    for (const letter of letters) {
      if (signal?.aborted === true) {
        stopped = "stopped by its caller";
        break;
      }
      const bringer = cameBack.get(letter.fingerprint);
      if (bringer !== undefined) {
        add({ id: letter.id, result: "skipped", because: `${bringer} of its group has just failed again in the same way` });
        continue;
      }
      const { entry, fingerprint } = await this.#replayOne(letter);
      add(entry);
      if (entry.result === "skipped") continue;
      tried += 1;
      if (entry.result !== "failed-again") continue;
      if (tried <= canary) {
        stopped = `canary ${tried} of ${canary} failed again`;
        break;
      }
      if (fingerprint === letter.fingerprint) {
        cameBack.set(letter.fingerprint, letter.id);
        stopped = `the same failure came back: ${letter.title}`;
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

  /** What is to be replayed: open letters, and those whose replay was cut short by the end of its process. */
  async #members(filter: DeadLetterFilter, add: (entry: ReplayEntry) => void): Promise<readonly Member[]> {
    const now = this.#engine.runtime.clock.now();
    const letters = [...(await this.#snapshot(filter, "open"))];
    for (const letter of await this.#snapshot(filter, "replaying")) {
      const forMs = now - letter.changedAt;
      if (forMs >= REPLAY_LEASE_MS) letters.push(letter);
      else
        add({
          id: letter.id,
          result: "skipped",
          because: `another replay has had it for ${formatMs(forMs)}; after ${formatMs(REPLAY_LEASE_MS)} it counts as lost`,
        });
    }
    return letters.sort((a, b) => a.diedAt - b.diedAt);
  }

  /** Oldest first: they failed in that order, and are repeated in it. */
  async #snapshot(filter: DeadLetterFilter, state: "open" | "replaying"): Promise<readonly Member[]> {
    const letters: Member[] = [];
    for (let after: string | null | undefined; after !== null;) {
      const page: Page<DeadLetter> = await this.#engine.store.deadLetters.list(
        { ...filter, state },
        { limit: PAGE, ...(after === undefined ? {} : { after }) },
      );
      for (const { id, revision, diedAt, changedAt, fingerprint, title } of page.items) {
        letters.push({ id, revision, diedAt, changedAt, fingerprint, title });
      }
      after = page.next;
    }
    return letters.reverse();
  }

  /** Replays a letter; `fingerprint` is that of its new failure. */
  async #replayOne({ id, revision: seen }: Member): Promise<{ readonly entry: ReplayEntry; readonly fingerprint?: string | undefined }> {
    const { store, runtime } = this.#engine;
    const skipped = (because: string): { readonly entry: ReplayEntry } => ({ entry: { id, result: "skipped", because } });
    const letter = await store.deadLetters.get(id);
    if (letter?.revision !== seen) return skipped("another operator was first");
    const { request } = letter;
    const open = this.#api(letter.api);
    if (open === undefined) return skipped(`no API named ${letter.api} is defined here`);
    if (request === undefined) return skipped("its request is not kept: only the program that made the call can do it again");
    const [claimed] = await store.deadLetters.change([
      { id, revision: letter.revision, state: "replaying", replayed: true, now: runtime.clock.now() },
    ]);
    if (claimed !== "applied") return skipped("another operator was first");

    const collector = new ReplayCollector();
    const door = new FetchDoor(this.#engine, open, {
      labels: letter.labels,
      ...(letter.partition === "" ? {} : { partition: letter.partition }),
    });
    const revision = letter.revision + 1;
    let failure: string | undefined;
    let refused = false;
    try {
      const inDoubt = letter.reason === "outcome-unknown";
      const response = await door.fetch(request.url, replayInit(letter, request), { operation: id, inDoubt, keep: collector.keep });
      // What it says is of no use here, and a body that breaks off now changes nothing.
      await response.body?.cancel().catch(() => undefined);
      const told = explain(response);
      if (told?.outcome === "failed") failure = told.because.detail ?? told.because.code;
      else if (response.status >= 400) failure = `the answer was ${response.status}`;
    } catch (error) {
      failure = error instanceof Error ? error.message : String(error);
      refused = collector.letter === undefined && (explain(error)?.outcome === "refused" || isHoldfastError(error));
    }
    const now = runtime.clock.now();
    if (failure === undefined) {
      await store.deadLetters.change([{ id, revision, state: "resolved", note: "replayed", now }]);
      return { entry: { id, result: "resolved", because: "replayed" } };
    }
    if (refused) {
      await store.deadLetters.change([{ id, revision, state: "open", note: failure, now }]);
      return skipped(failure);
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
    return { entry: { id, result: "failed-again", because: failure }, fingerprint: group?.fingerprint };
  }
}

function checkReplay(options: ReplayOptions): void {
  refuseUnknown(options, REPLAY_OPTIONS, "replay");
  const { ids, group, filter, canary, onEntry } = options;
  if (ids === undefined && group === undefined && filter === undefined) {
    throw new ConfigError({
      path: "replay",
      message: "replay says nothing about which letters; give ids, a group or a filter ({} for all)",
    });
  }
  if (filter !== undefined) checkOpenFilter(filter, "replay.filter");
  if (canary !== undefined && !(Number.isInteger(canary) && canary >= 0)) {
    throw new ConfigError({ path: "replay.canary", message: `replay.canary is ${shown(canary)}; give how many go first, a whole number` });
  }
  if (onEntry !== undefined) checkFunction(onEntry, "replay.onEntry", "a function");
}

/** A filter with a name misspelt would let everything through. */
function checkOpenFilter(filter: DeadLetterFilter, path: string): void {
  refuseUnknown(filter, FILTER, path);
  if (filter.state !== undefined && filter.state !== "open") {
    throw new ConfigError({ path: `${path}.state`, message: `${path}.state is ${shown(filter.state)}; only open letters can be acted on` });
  }
}

/** What a run remembers of a letter until its turn: not its body, of which there may be many. */
type Member = Pick<DeadLetter, "id" | "revision" | "diedAt" | "changedAt" | "fingerprint" | "title">;

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
