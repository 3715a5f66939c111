import type { Because } from "../core/decision.ts";
import type { Verdict } from "../core/verdict.ts";
import type { AttemptRecord } from "../ports/dead-letter-store.ts";
import type { EventListener, EventMap, EventName, LaneRef } from "../ports/events.ts";
import type { Tracer } from "../ports/tracer.ts";

/**
 * Counts what every call goes through: told the same as `attempt:settled` and `call:settled`, without an event, and without the name of
 * an operation that nobody would have made otherwise.
 */
export interface Meter {
  /** `now` is monotonic ms. */
  attempt(lane: LaneRef | undefined, durationMs: number, verdict: Verdict, call: Metered, now: number): void;
  call(lane: LaneRef | undefined, outcome: EventMap["call:settled"]["outcome"], call: Metered, durationMs: number, because: Because): void;
  /** Told of what is kept of attempts; where anybody asks for it, that is every one that failed. */
  remembered?(lane: LaneRef | undefined, record: AttemptRecord, call: Metered): void;
}

/** A call, as it is metered. Whoever asks for the operation's id has it made. */
export interface Metered {
  readonly operation: string;
  /** Attempts so far. */
  readonly attempt: number;
}

/** The one place that emits. A listener cannot break a call: what it throws becomes `listener:failed`. */
export class Events {
  /** Told by whatever counts; changed by `count` only. */
  meter: Meter | undefined = undefined;
  readonly #meters = new Set<Meter>();
  /** Carries the context of traces; changed by `trace` only. */
  tracer: Tracer | undefined = undefined;
  /** Lists are replaced and never changed, so that a listener may leave while one is walked. */
  readonly #listeners = new Map<EventName, readonly EventListener<never>[]>();

  /** Listens until the returned function is called. */
  on<Name extends EventName>(name: Name, listener: EventListener<Name>): () => void {
    const own = listener as EventListener<never>;
    const others = (this.#listeners.get(name) ?? []).filter((one) => one !== own);
    this.#listeners.set(name, [...others, own]);
    return () => {
      const left = (this.#listeners.get(name) ?? []).filter((one) => one !== own);
      if (left.length === 0) this.#listeners.delete(name);
      else this.#listeners.set(name, left);
    };
  }

  /** Counts until the returned function is called. A meter must not throw. */
  count(meter: Meter): () => void {
    this.#meters.add(meter);
    this.meter = together(this.#meters);
    return () => {
      this.#meters.delete(meter);
      this.meter = together(this.#meters);
    };
  }

  /** Carries traces until the returned function is called; the one before then does again. */
  trace(tracer: Tracer): () => void {
    const before = this.tracer;
    this.tracer = tracer;
    return () => {
      if (this.tracer === tracer) this.tracer = before;
    };
  }

  /** Whether anybody listens: asked before an event is put together, so that an unheard one costs nothing. */
  wants(name: EventName): boolean {
    return this.#listeners.size > 0 && this.#listeners.has(name);
  }

  /** Whether anybody listens to anything, or counts. */
  get any(): boolean {
    return this.meter !== undefined || this.#listeners.size > 0;
  }

  emit<Name extends EventName>(name: Name, event: EventMap[Name]): void {
    const listeners = this.#listeners.get(name);
    if (listeners === undefined) return;
    for (const listener of listeners) {
      try {
        const told: unknown = (listener as (event: EventMap[Name]) => unknown)(event);
        if (isPromise(told)) told.then(undefined, (error: unknown) => this.#failed(name, error));
      } catch (error) {
        this.#failed(name, error);
      }
    }
  }

  #failed(event: EventName, error: unknown): void {
    if (event !== "listener:failed") this.emit("listener:failed", { event, error });
  }
}

/** One that tells them all; most often there is one. */
function together(meters: ReadonlySet<Meter>): Meter | undefined {
  const [first, second, ...others] = meters;
  if (first === undefined || second === undefined) return first;
  const rest = others.length === 0 ? second : (together(new Set([second, ...others])) as Meter);
  return {
    attempt(lane, durationMs, verdict, call, now) {
      first.attempt(lane, durationMs, verdict, call, now);
      rest.attempt(lane, durationMs, verdict, call, now);
    },
    call(lane, outcome, call, durationMs, because) {
      first.call(lane, outcome, call, durationMs, because);
      rest.call(lane, outcome, call, durationMs, because);
    },
    ...(first.remembered === undefined && rest.remembered === undefined
      ? {}
      : {
          remembered: (lane: LaneRef | undefined, record: AttemptRecord, call: Metered): void => {
            first.remembered?.(lane, record, call);
            rest.remembered?.(lane, record, call);
          },
        }),
  };
}

/** An async function is a listener too, and what it rejects with must not end the process. */
function isPromise(value: unknown): value is PromiseLike<unknown> {
  return typeof value === "object" && value !== null && typeof (value as { then?: unknown }).then === "function";
}
