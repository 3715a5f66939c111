import type { Clock, TimerHandle } from "../../../ports/clock.ts";
import { systemRandom } from "../../clock/random.ts";
import type { Database } from "./database.ts";
import { statement } from "./statement.ts";

/** A client of `pg`, as far as it is listened with. */
export interface PgListener {
  connect(): Promise<unknown>;
  query(text: string): Promise<unknown>;
  end(): Promise<unknown>;
  on(event: "notification", listener: (message: { readonly payload?: string | undefined }) => void): unknown;
  on(event: "error", listener: (error: Error) => void): unknown;
  on(event: "end", listener: () => void): unknown;
}

/** postgres.js, which keeps a connection for what it listens to, and makes another when that breaks. */
export interface PostgresJsListener {
  listen(
    channel: string,
    onMessage: (payload: string) => void,
    onListening?: () => void,
  ): PromiseLike<{ unlisten(): PromiseLike<unknown> }>;
}

/** What can be listened with: postgres.js, or a function that makes a `Client` of `pg`, called again when its connection broke. */
export type PostgresListener = PostgresJsListener | (() => PgListener);

/** Pauses before another connection is tried. */
const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 30_000;

export interface WorkChannelOptions {
  readonly name: string;
  readonly clock: Clock;
  readonly listener: PostgresListener | undefined;
  /** Other processes have told of work, or may have while nobody could hear it. */
  readonly onNews: () => void;
}

/** Between two notifications, since each costs the database's one lock for them and, by itself, a synced commit. */
const APART_MS = 5;

/** What a transaction tells others when it commits. */
export interface Notice {
  readonly channel: string;
  readonly payload: string;
}

/**
 * Tells other processes of work, and hears of theirs. A hint and no more: whoever misses it polls. What is told while a
 * notification is on its way, or right after one, is told by one more after it.
 */
export class WorkChannel {
  readonly #database: Database;
  readonly #options: WorkChannelOptions;
  readonly #notify = statement<[string]>("SELECT pg_notify($1::text, $2::text)::text");
  /** Names this handle, so that it does not hear itself. */
  readonly #self = `${systemRandom()}`.slice(2);
  #telling: Promise<void> | undefined;
  #again = false;
  /** When something was told last; monotonic ms. */
  #toldAt = Number.NEGATIVE_INFINITY;
  /** Until something is told again. */
  #timer: TimerHandle | undefined;
  #listening: (() => Promise<void>) | undefined;
  #closed = false;

  constructor(database: Database, options: WorkChannelOptions) {
    this.#database = database;
    this.#options = options;
  }

  /**
   * What a transaction that brings work is to tell with its own commit. Undefined where something was told so lately that
   * `tell()` has to follow it.
   */
  notice(): Notice | undefined {
    const now = this.#options.clock.monotonic();
    if (this.#telling !== undefined || this.#timer !== undefined || now - this.#toldAt < APART_MS) return undefined;
    this.#toldAt = now;
    return { channel: this.#options.name, payload: this.#self };
  }

  tell(): void {
    this.#again = true;
    if (this.#telling !== undefined || this.#timer !== undefined) return;
    const { clock } = this.#options;
    const waitMs = this.#toldAt + APART_MS - clock.monotonic();
    if (waitMs <= 0 || this.#closed) return this.#begin();
    this.#timer = clock.setTimer(() => this.#begin(), waitMs);
  }

  #begin(): void {
    if (this.#timer !== undefined) this.#options.clock.clearTimer(this.#timer);
    this.#timer = undefined;
    this.#telling ??= this.#tell().finally(() => {
      this.#telling = undefined;
      if (this.#again) this.tell();
    });
  }

  async #tell(): Promise<void> {
    if (this.#again) {
      this.#again = false;
      this.#toldAt = this.#options.clock.monotonic();
      try {
        await this.#database.repeatable("tell of work", this.#notify, [this.#options.name, this.#self]);
      } catch {
        // What was accepted is there; others will find it.
      }
    }
  }

  /** Listens from now on, if there is something to listen with. A second call does nothing. */
  listen(): void {
    const { listener } = this.#options;
    if (listener === undefined || this.#listening !== undefined || this.#closed) return;
    this.#listening = isPostgresJsListener(listener) ? this.#listenWithPostgresJs(listener) : this.#listenWithPg(listener);
  }

  async close(): Promise<void> {
    this.#closed = true;
    if (this.#timer !== undefined) this.#begin();
    while (this.#telling !== undefined) await this.#telling;
    await this.#listening?.();
  }

  readonly #hear = (payload: string | undefined): void => {
    if (payload !== this.#self) this.#options.onNews();
  };

  #listenWithPostgresJs(listener: PostgresJsListener): () => Promise<void> {
    const { name, onNews } = this.#options;
    const subscription = Promise.resolve(listener.listen(name, this.#hear, onNews)).catch(() => undefined);
    return async () => {
      await (await subscription)?.unlisten();
    };
  }

  #listenWithPg(connect: () => PgListener): () => Promise<void> {
    const { name, clock, onNews } = this.#options;
    let client: PgListener | undefined;
    let timer: TimerHandle | undefined;
    let pauseMs = FIRST_PAUSE_MS;
    let stopped = false;

    const open = async (): Promise<void> => {
      timer = undefined;
      const mine = connect();
      client = mine;
      const lost = (): void => {
        if (client !== mine || stopped) return;
        client = undefined;
        mine.end().catch(() => {});
        timer = clock.setTimer(() => void open(), pauseMs);
        clock.hold?.(timer, false);
        pauseMs = Math.min(LONGEST_PAUSE_MS, pauseMs * 2);
      };
      mine.on("error", lost);
      mine.on("end", lost);
      mine.on("notification", ({ payload }) => this.#hear(payload));
      try {
        await mine.connect();
        await mine.query(`LISTEN "${name}"`);
        pauseMs = FIRST_PAUSE_MS;
        onNews();
      } catch {
        lost();
      }
    };
    const opening = open();
    return async () => {
      stopped = true;
      if (timer !== undefined) clock.clearTimer(timer);
      await opening;
      await client?.end().catch(() => {});
    };
  }
}

function isPostgresJsListener(listener: PostgresListener): listener is PostgresJsListener {
  return typeof (listener as Partial<PostgresJsListener>).listen === "function";
}

/** Whether something can be listened with. */
export function isListener(listener: unknown): listener is PostgresListener {
  return typeof listener === "function";
}
