import { IdempotencyInFlightError, IdempotencyMismatchError, OperationFailedError } from "../core/errors.ts";
import { attach } from "../core/explain.ts";
import type { Engine } from "./engine.ts";
import { HttpAnswer } from "./http-answer.ts";

/** What a call asks for under its key. */
interface Asked {
  readonly api: string;
  readonly endpoint: string;
  readonly partition: string;
  readonly key: string;
  readonly fingerprint: string;
}

/** Waits for the end of what the queue has, until `stop` aborts. */
export type InQueue = (stop: AbortSignal) => Promise<HttpAnswer>;

/** When who does not wait may ask again. */
const ASK_AGAIN_MS = 1_000;
/** Timers hold no more. */
const LONGEST_MS = 2 ** 31 - 1;

/**
 * Whether the same work stands in the queue, accepted under the same key: then a call sends nothing, and has the end of that. Answers how
 * to wait for it, no longer than `waitMs`; undefined where the queue has nothing under the key.
 *
 * @throws IdempotencyMismatchError where the operation under the key asks for something else; OperationFailedError where it has failed
 */
export async function queuedUnder(engine: Engine, asked: Asked, waitMs: number): Promise<InQueue | undefined> {
  const { api, endpoint, partition, key, fingerprint } = asked;
  const found = await engine.queuedUnder(api, key);
  // The queue has one operation for each key of an API; for calls another endpoint or account is another key.
  if (found === undefined || found.operation.endpoint !== endpoint || found.operation.partition !== partition) return undefined;
  if (found.operation.fingerprint !== fingerprint) throw new IdempotencyMismatchError(key);
  const { id } = found.operation;
  const { state, answer, because } = found;
  if (state === "dead" || state === "cancelled") throw new OperationFailedError(id, state, because);
  if (state === "succeeded") {
    return async () => told(answer === undefined ? new HttpAnswer(new Response(null, { status: 204 })) : HttpAnswer.replay(answer), id);
  }
  if (waitMs === 0) throw new IdempotencyInFlightError(key, ASK_AGAIN_MS);
  return async (stop) => {
    const response = await endOf(engine, id, key, { stop, waitMs });
    response.headers.set("idempotency-replayed", "true");
    return told(new HttpAnswer(response), id);
  };
}

function told(answer: HttpAnswer, operation: string): HttpAnswer {
  const because = { code: "answered", detail: "done by the queue under this idempotency key" } as const;
  attach(answer, { operation, attempts: 0, outcome: "replayed", because });
  return answer;
}

/** The end of an operation, if it comes in time. */
async function endOf(
  engine: Engine,
  id: string,
  key: string,
  { stop, waitMs }: { readonly stop: AbortSignal; readonly waitMs: number },
): Promise<Response> {
  const { clock } = engine.runtime;
  const late = new AbortController();
  const timer = clock.setTimer(() => late.abort(new IdempotencyInFlightError(key, ASK_AGAIN_MS)), Math.min(waitMs, LONGEST_MS));
  try {
    return await engine.resultOf(id, AbortSignal.any([stop, late.signal]));
  } finally {
    clock.clearTimer(timer);
  }
}
