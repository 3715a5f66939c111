import type { DeadLetter, DeadLetterFilter, DeadLetterGroup, DeadLetterGroupState, LetterSpan } from "../ports/dead-letter-store.ts";
import type { Page } from "../ports/page.ts";
import { ConfigError, NotFoundError } from "../core/errors.ts";
import { shown } from "../core/shown.ts";
import type { Engine, OpenApi } from "./engine.ts";
import { doubtOf } from "./letter-doubt.ts";
import { exportHeader, exportLines, type ExportFormat } from "./letter-export.ts";
import type { PipelineDoor } from "./pipeline-door.ts";
import { ReplayRun, snapshot } from "./replay.ts";
import { checkFilter, checkOpenFilter, type ReplayOptions, type ReplayReport } from "./replay-options.ts";

const PAGE = 200;

/** What failed and was kept: listed, grouped, replayed, discarded. */
export class DeadLetters {
  readonly #engine: Engine;
  readonly #api: (name: string) => OpenApi | undefined;
  readonly #pipelines: PipelineDoor;

  constructor(engine: Engine, api: (name: string) => OpenApi | undefined, pipelines: PipelineDoor) {
    this.#engine = engine;
    this.#api = api;
    this.#pipelines = pipelines;
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
    checkFilter(filter, "filter");
    return await this.#engine.store.deadLetters.list(filter, {
      limit: page.limit ?? 50,
      ...(page.after === undefined ? {} : { after: page.after }),
    });
  }

  /** Every group, the one with the latest death first. */
  async *groups(filter: DeadLetterFilter = {}): AsyncGenerator<DeadLetterGroup, void, undefined> {
    checkFilter(filter, "filter");
    for (let after: string | null | undefined; after !== null;) {
      const page: Page<DeadLetterGroup> = await this.#engine.store.deadLetters.groups(filter, {
        limit: PAGE,
        ...(after === undefined ? {} : { after }),
      });
      yield* page.items;
      after = page.next;
    }
  }

  /** For each group how many of its letters died in each step of time, whatever became of them since. */
  spread(fingerprints: readonly string[], over: LetterSpan): Promise<readonly (readonly number[])[]> {
    return this.#engine.store.deadLetters.spread(fingerprints, over);
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
    if (typeof reason !== "string" || reason.trim() === "") {
      throw new ConfigError({ path: "discard.reason", message: `discard.reason is ${shown(reason)}; say why, for whoever asks later` });
    }
    const { store, runtime } = this.#engine;
    const now = runtime.clock.now();
    let discarded = 0;
    for (const { id, revision } of await snapshot(store.deadLetters, filter, "open")) {
      const [result] = await store.deadLetters.change([{ id, revision, state: "discarded", note: reason, now }]);
      if (result === "applied") discarded += 1;
    }
    return discarded;
  }

  /**
   * Sends letters again, oldest first, under their own idempotency keys and all policies of their API. The members are those at the
   * start. A letter that fails again stays, with the new attempts in its history; when it fails as it did before, the rest of its
   * group is left alone, and with a canary the whole run ends where one of the first fails.
   *
   * What may have happened already, to an API that would do it twice, is looked up first where its endpoint has a `reconcile`, and else
   * left alone unless `confirm` says otherwise.
   *
   * @throws ConfigError for options that make no sense.
   */
  async replay(options: ReplayOptions): Promise<ReplayReport> {
    return await new ReplayRun(this.#engine, { find: this.#api, pipelines: this.#pipelines }, options).run();
  }

  /** Why a letter is not simply sent again: it may have happened, and would happen twice. Undefined where there is no such doubt. */
  doubtOf(letter: DeadLetter): string | undefined {
    const open = this.#api(letter.api);
    return open === undefined ? undefined : doubtOf(letter, open.api, this.#engine.runtime.clock.now())?.because;
  }

  /** Letters as lines for other programs, without line ends: whole letters as JSON, or a table as CSV with a header. Newest first. */
  async *export(filter: DeadLetterFilter = {}, format: ExportFormat = "jsonl"): AsyncGenerator<string, void, undefined> {
    checkFilter(filter, "filter");
    if (format !== "jsonl" && format !== "csv") {
      throw new ConfigError({ path: "export.format", message: `export.format is ${shown(format)}; give "jsonl" or "csv"` });
    }
    const header = exportHeader(format);
    if (header !== undefined) yield header;
    for (let after: string | null | undefined; after !== null;) {
      const page: Page<DeadLetter> = await this.#engine.store.deadLetters.list(filter, {
        limit: PAGE,
        ...(after === undefined ? {} : { after }),
      });
      yield* exportLines(page.items, format);
      after = page.next;
    }
  }
}
