import type { Reconcile } from "../api/reconcile.ts";
import type { Reconciled } from "../engine/call.ts";
import { HttpAnswer } from "./http-answer.ts";
import type { HttpCall } from "./http-work.ts";

/** Asks the other side whether a write happened. One that did and gives no answer of its own is answered by an empty 204. */
export async function askOtherSide(
  reconcile: Reconcile,
  { request, idempotencyKey }: HttpCall,
  operation: string,
  fetch: typeof globalThis.fetch,
): Promise<Reconciled<HttpAnswer>> {
  const { method, url, body, replayable } = request;
  const text = body === null || !replayable ? undefined : await new Response(body).text();
  const told = await reconcile({ operation, idempotencyKey, method, url, body: text, fetch });
  if (told.happened === true) return { happened: true, value: new HttpAnswer(told.response ?? new Response(null, { status: 204 })) };
  return told.happened === false ? { happened: false } : { happened: "unknown" };
}
