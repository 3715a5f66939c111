import { CALLBACK_API, callbackApi, type CallbackOptions } from "../api/callback-options.ts";
import { resolveApi } from "../api/resolve-api.ts";
import { readSecret, type SecretSource } from "../api/secret.ts";
import { explainBecause } from "../core/decision.ts";
import { LaneRegistry } from "../engine/lane-registry.ts";
import { uuidv7 } from "../engine/uuid.ts";
import { signWebhook } from "../policy/webhook/standard-webhooks.ts";
import type { StoredAnswer } from "../ports/idempotency-store.ts";
import type { NewOperation, OperationState, OperationStore, Settlement } from "../ports/operation-store.ts";
import type { Transport } from "../ports/transport.ts";
import type { Engine, OpenApi } from "./engine.ts";
import type { Sign } from "./http-work.ts";

/** Time for the end to be written before it is told. */
const WRITTEN_AFTER_MS = 100;
/** An end that is not there by now never came: another holder has the operation, and tells of its own; or it ran on, though asked to end. */
const NEVER_WRITTEN_AFTER_MS = 600_000;
/** Longer answers are left out: whoever wants one asks for the operation. */
const TOLD_BODY_BYTES = 16 * 1024;

type Ended = Extract<Settlement["outcome"], { readonly state: "succeeded" | "dead" | "cancelled" }>;

/**
 * Tells the URL that an operation names how it ended.
 *
 * The callback is put into the queue *before* the end is written, so that no crash leaves an end that nobody is told of; and it does not
 * go before the end is there. From there on it is an operation like any other, of the lane of its receiver's host.
 */
export class Callbacks {
  readonly #engine: Engine;
  readonly #store: OperationStore;
  readonly #options: CallbackOptions;
  readonly #accepted: (operation: NewOperation) => void;
  readonly #endpointOf: (path: string) => string;
  /** What callbacks go through. */
  readonly open: OpenApi;

  constructor(
    engine: Engine,
    parts: {
      readonly store: OperationStore;
      readonly options: CallbackOptions;
      /** Carries them: their URLs are named by whoever enqueues. @default the engine's */
      readonly transport?: Transport | undefined;
      /** Told of a callback that stands in the queue. */
      readonly accepted: (operation: NewOperation) => void;
    },
  ) {
    this.#engine = engine;
    this.#store = parts.store;
    this.#options = parts.options;
    this.#accepted = parts.accepted;
    const api = resolveApi(CALLBACK_API, callbackApi(parts.options));
    this.#endpointOf = (path) => api.endpoints.of("POST", path);
    this.open = {
      api,
      lanes: new LaneRegistry(CALLBACK_API, api, engine.runtime),
      sign: this.#sign,
      mayGo: (operation) => this.#mayGo(operation),
      ...(parts.transport === undefined ? {} : { transport: parts.transport }),
    };
  }

  /** Puts the callback of an operation that is about to end into the queue. `claim` tells ends apart that different holders meet. */
  async announce(operation: NewOperation, claim: number, ended: Ended): Promise<void> {
    if (operation.callback === undefined) return;
    const callback = this.#callback(operation, operation.callback, claim, ended);
    const [accepted] = await this.#store.accept([callback]);
    if (accepted?.state === "accepted") this.#accepted(callback);
  }

  #callback({ id, api, endpoint, labels }: NewOperation, to: string, claim: number, ended: Ended): NewOperation {
    const { clock, random } = this.#engine.runtime;
    const now = clock.now();
    const url = new URL(to);
    const key = `callback-${id}-${claim}-${ended.state}`;
    const because = ended.state === "succeeded" ? undefined : ended.state === "dead" ? ended.letter.because : ended.because;
    const body = JSON.stringify({
      type: `operation.${ended.state}`,
      timestamp: new Date(now).toISOString(),
      data: {
        id,
        api,
        endpoint,
        labels,
        state: ended.state,
        ...(because === undefined ? {} : { because: explainBecause(because) }),
        ...(ended.state === "dead" ? { deadLetter: ended.letter.id, reason: ended.letter.reason } : {}),
        ...(ended.state === "succeeded" && ended.answer !== undefined ? { answer: toldAnswer(ended.answer) } : {}),
      },
    });
    return {
      id: uuidv7(now, random),
      api: CALLBACK_API,
      endpoint: this.#endpointOf(url.pathname),
      // A receiver that is down is its own affair.
      partition: url.host,
      flow: "",
      request: { method: "POST", url: url.href, headers: [["content-type", "application/json"]], body: new TextEncoder().encode(body) },
      idempotencyKey: key,
      fingerprint: key,
      labels: { operation: id, state: ended.state },
      priority: 0,
      acceptedAt: now,
      dueAt: now + WRITTEN_AFTER_MS,
    };
  }

  /** Whether what it tells has come to pass. */
  async #mayGo({ labels, acceptedAt }: NewOperation): Promise<"send" | "later" | "drop"> {
    const { operation, state } = labels as { readonly operation: string; readonly state: OperationState };
    const stands = (await this.#store.get(operation))?.state;
    // Ended ones are swept one day.
    if (stands === state || stands === undefined) return "send";
    if (ENDED.has(stands)) return "drop";
    return this.#engine.runtime.clock.now() - acceptedAt > NEVER_WRITTEN_AFTER_MS ? "drop" : "later";
  }

  readonly #sign: Sign = async ({ id, body }) => {
    const { secret } = this.#options;
    const path = "callbacks.secret";
    const secrets: string[] = [];
    for (const source of Array.isArray(secret) ? (secret as readonly SecretSource[]) : [secret as SecretSource]) {
      secrets.push(await readSecret(source, path));
    }
    return await signWebhook({ id, now: this.#engine.runtime.clock.now(), body, secrets, path });
  };
}

const ENDED: ReadonlySet<OperationState> = new Set(["succeeded", "dead", "cancelled"]);

/** The answer's status and, where it is short text, its body. */
function toldAnswer({ status, body }: StoredAnswer): object {
  const told = status === undefined ? {} : { status };
  if (body.length > TOLD_BODY_BYTES) return told;
  try {
    return { ...told, body: new TextDecoder("utf-8", { fatal: true }).decode(body) };
  } catch {
    return told;
  }
}
