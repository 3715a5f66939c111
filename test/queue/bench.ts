import { memory } from "../../src/adapters/store/memory/index.ts";
import type { ApiOptions } from "../../src/api/api-options.ts";
import { createHoldfast, type Holdfast } from "../../src/client/holdfast.ts";
import type { Duration } from "../../src/core/duration.ts";
import type { WorkerOptions } from "../../src/engine/worker-options.ts";
import type { EventMap, EventName } from "../../src/ports/events.ts";
import type { OperationStore } from "../../src/ports/operation-store.ts";
import type { StoreFactory } from "../../src/ports/store.ts";
import { manualClock, type ManualClock } from "../../src/testing/manual-clock.ts";
import { seededRandom } from "../../src/testing/seeded-random.ts";

/** One request as the other side sees it. */
export interface Sent {
  /** Monotonic ms. */
  readonly at: number;
  readonly method: string;
  /** Path and query. */
  readonly path: string;
  readonly headers: Headers;
  readonly key: string | null;
  readonly body: unknown;
  readonly signal: AbortSignal;
  /** Its place among the requests with the same body and path, from 1. */
  readonly nth: number;
}

export type OtherSide = (request: Sent) => Response | Promise<Response>;

export interface Bench {
  readonly clock: ManualClock;
  readonly hf: Holdfast;
  readonly store: StoreFactory;
  readonly sent: readonly Sent[];
  readonly events: readonly { readonly name: EventName; readonly event: EventMap[EventName] }[];
  /** Moves time on from timer to timer until it holds; fails after so much time. */
  until(holds: () => boolean | Promise<boolean>, most?: number): Promise<void>;
  /** Moves time on until the promise is settled. */
  during<Value>(promise: Promise<Value>, most?: number): Promise<Value>;
  /** Closes the engine, moving time on as long as that takes. */
  close(grace?: Duration): Promise<void>;
}

export interface BenchOptions {
  readonly apis?: Readonly<Record<string, ApiOptions>>;
  readonly answer?: OtherSide;
  readonly worker?: WorkerOptions;
  readonly store?: StoreFactory;
  readonly clock?: ManualClock;
  readonly seed?: number;
  /** What stands between the engine and the queue's store. */
  readonly between?: (operations: OperationStore) => OperationStore;
}

export const CRM: ApiOptions = { baseUrl: "https://crm.test", breaker: false };
export const KEYED: ApiOptions = { ...CRM, idempotency: {} };

const LISTENED: readonly EventName[] = [
  "attempt:started",
  "attempt:settled",
  "retry:scheduled",
  "breaker:changed",
  "dead-letter:added",
  "operation:settled",
  "store:failed",
  "credential:refreshed",
];

/** An engine with a queue in virtual time, over an other side that is a function. */
export async function bench(options: BenchOptions = {}): Promise<Bench> {
  const clock = options.clock ?? manualClock();
  const store = options.store ?? memory();
  const sent: Sent[] = [];
  const counts = new Map<string, number>();
  const countOf = (what: string): number => {
    const count = (counts.get(what) ?? 0) + 1;
    counts.set(what, count);
    return count;
  };
  const answer = options.answer ?? (() => Response.json({ ok: true }, { status: 201 }));
  const transport = async (input: string, init: RequestInit): Promise<Response> => {
    const url = new URL(input);
    const headers = new Headers(init.headers);
    const text = init.body === null || init.body === undefined ? "" : await new Response(init.body).text();
    const path = url.pathname + url.search;
    const request: Sent = {
      at: clock.monotonic(),
      method: init.method ?? "GET",
      path,
      headers,
      key: headers.get("idempotency-key"),
      body: bodyOf(text),
      signal: init.signal as AbortSignal,
      nth: countOf(`${path} ${text}`),
    };
    sent.push(request);
    return await answer(request);
  };
  const hf = await createHoldfast({
    apis: options.apis ?? { crm: CRM },
    store: options.between === undefined ? store : between(store, options.between),
    transport,
    clock,
    random: seededRandom(options.seed ?? 1),
    ...(options.worker === undefined ? {} : { worker: options.worker }),
  });
  const events: { readonly name: EventName; readonly event: EventMap[EventName] }[] = [];
  for (const name of LISTENED) hf.on(name, (event) => void events.push({ name, event }));
  const until = async (holds: () => boolean | Promise<boolean>, most = 3_600_000): Promise<void> => {
    const end = clock.monotonic() + most;
    await clock.advance(0);
    while (!(await holds())) {
      if (clock.monotonic() > end || !(await clock.next())) throw new Error(`it does not hold after ${most} ms`);
    }
  };
  const during = async <Value>(promise: Promise<Value>, most?: number): Promise<Value> => {
    let settled = false;
    const end = (): void => void (settled = true);
    promise.then(end, end);
    await until(() => settled, most);
    return await promise;
  };
  const close = (grace: Duration = "10s"): Promise<void> => during(hf.close({ grace }));
  return { clock, hf, store, sent, events, until, during, close };
}

function bodyOf(text: string): unknown {
  try {
    return text === "" ? undefined : JSON.parse(text);
  } catch {
    return text;
  }
}

function between(store: StoreFactory, change: (operations: OperationStore) => OperationStore): StoreFactory {
  return async () => {
    const opened = await store();
    return { ...opened, operations: change(opened.operations as OperationStore) };
  };
}

/** A promise and its ends. */
export function gate<Value = void>(): PromiseWithResolvers<Value> {
  return Promise.withResolvers<Value>();
}

/** Never answers, until its caller hangs up. */
export function hang({ signal }: Sent): Promise<Response> {
  return new Promise((_resolve, reject) => {
    signal.addEventListener("abort", () => reject(signal.reason as Error), { once: true });
  });
}

/** The connection breaks, nobody knows when. */
export function reset(): never {
  throw new TypeError("fetch failed", { cause: Object.assign(new Error("read ECONNRESET"), { code: "ECONNRESET" }) });
}

/** Lets what is settled have its effects. */
export async function turn(clock: ManualClock): Promise<void> {
  for (let turns = 0; turns < 3; turns += 1) await clock.advance(0);
}

/** A process that can be stopped like one under SIGSTOP: its store hears nothing from it, and it hears nothing from its store. */
export class Freezer {
  #thaw: PromiseWithResolvers<void> | undefined = undefined;

  readonly between = (store: OperationStore): OperationStore => {
    const wrapped: Record<string, unknown> = { ...store };
    for (const [name, verb] of Object.entries(store) as [string, (...args: unknown[]) => unknown][]) {
      if (name === "onWork") continue;
      wrapped[name] = async (...args: unknown[]): Promise<unknown> => {
        await this.#thaw?.promise;
        const result = await verb(...args);
        await this.#thaw?.promise;
        return result;
      };
    }
    return wrapped as unknown as OperationStore;
  };

  freeze(): void {
    this.#thaw ??= Promise.withResolvers();
  }

  thaw(): void {
    this.#thaw?.resolve();
    this.#thaw = undefined;
  }
}
