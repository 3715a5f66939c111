import type { Explanation } from "../core/explain.ts";
import { sha256Hex } from "../policy/idempotency/sha256.ts";
import { canonicalJson } from "../policy/idempotency/canonical-json.ts";
import type { StoredAnswer } from "../ports/idempotency-store.ts";
import { payloadOf, type HttpRequest } from "./http-request.ts";

/**
 * The retry loops of SDKs, seen from below. An SDK that is given our `fetch` and keeps its own retries makes one call of ours
 * for each of them, and async context does not tie these together: only what the request says of itself does. An answer that we
 * give up on carries `x-should-retry: false`, which SDKs obey; an error that is thrown can carry nothing, so it is remembered
 * here, and a retry of the same request draws on what is left of the first one's attempts.
 */
export interface SdkLoop {
  /** How many retries the SDK has made already, as far as it says; undefined where it does not. */
  readonly retry: number | undefined;
  /** How long after a failure the same request is the same loop. */
  readonly withinMs: number;
  /** What is the same for all tries of the loop. */
  identity(): Promise<string>;
}

/** SDKs obey a Retry-After of up to a minute. */
const COUNTED_WITHIN_MS = 120_000;
/** A key that the user gave may well come again by the user's own will; Stripe's loop waits 5 s at most. */
const USER_KEY_WITHIN_MS = 6_000;

/** The loop that a request says it comes from: OpenAI's and Anthropic's, AWS's, Stripe's. */
export function sdkLoopOf(request: HttpRequest): SdkLoop | undefined {
  const { headers } = request;
  const stainless = headers.get("x-stainless-retry-count");
  if (stainless !== null && /^\d{1,4}$/.test(stainless)) {
    return { retry: Number(stainless), withinMs: COUNTED_WITHIN_MS, identity: () => fingerprintOf(request) };
  }
  const invocation = headers.get("amz-sdk-invocation-id");
  const attempt = /\battempt=(\d{1,4})/.exec(headers.get("amz-sdk-request") ?? "")?.[1];
  if (attempt !== undefined) {
    const identity = invocation === null ? () => fingerprintOf(request) : async () => `aws ${invocation}`;
    return { retry: Math.max(0, Number(attempt) - 1), withinMs: COUNTED_WITHIN_MS, identity };
  }
  const key = headers.get("idempotency-key");
  if (key !== null && headers.has("x-stripe-client-user-agent")) {
    const withinMs = key.startsWith("stripe-node-retry-") ? COUNTED_WITHIN_MS : USER_KEY_WITHIN_MS;
    return { retry: undefined, withinMs, identity: () => fingerprintOf(request) };
  }
  return undefined;
}

/** Who asks is part of it: two tenants may ask the same. */
async function fingerprintOf(request: HttpRequest): Promise<string> {
  const { method, url, headers } = request;
  const who = ["authorization", "x-api-key", "api-key", "idempotency-key"].map((name) => headers.get(name));
  return sha256Hex(canonicalJson([method, url, who, await payloadOf(request)]));
}

/** A payload without a canonical form (nested too deep) cannot be told from others, which must not be the call's undoing. */
async function identityOf(loop: SdkLoop): Promise<string | undefined> {
  try {
    return await loop.identity();
  } catch {
    return undefined;
  }
}

/** How a call ended that an SDK may make again. */
export interface LoopFailure {
  /** Attempts that went over the wire so far. */
  readonly attempts: number;
  readonly explanation: Explanation;
  readonly outcome: { readonly threw: true; readonly error: unknown } | { readonly threw: false; readonly answer: StoredAnswer };
}

/** More loops than this at once, and the oldest is forgotten: the worst that comes of it is one attempt more. */
const MAX_LOOPS = 1_000;

/** Failures of calls that an SDK's loop stands above. */
export class SdkLoops {
  readonly #failures = new Map<string, { readonly at: number; readonly failure: LoopFailure }>();

  /** What became of this request a moment ago. `now` is monotonic ms. */
  async recall(loop: SdkLoop, now: number): Promise<LoopFailure | undefined> {
    if (loop.retry === 0 || this.#failures.size === 0) return undefined;
    const identity = await identityOf(loop);
    const found = identity === undefined ? undefined : this.#failures.get(identity);
    return found === undefined || now - found.at > loop.withinMs ? undefined : found.failure;
  }

  async remember(loop: SdkLoop, failure: LoopFailure, now: number): Promise<void> {
    const identity = await identityOf(loop);
    if (identity === undefined) return;
    this.#failures.delete(identity);
    this.#failures.set(identity, { at: now, failure });
    for (const [key, { at }] of this.#failures) {
      if (this.#failures.size <= MAX_LOOPS && now - at <= COUNTED_WITHIN_MS) break;
      this.#failures.delete(key);
    }
  }
}
