import type { ResolvedApi } from "../api/resolve-api.ts";
import { IdempotencyInFlightError, IdempotencyMismatchError, OutcomeUnknownError } from "../core/errors.ts";
import { uuidv7 } from "../engine/uuid.ts";
import { scopedKey } from "../policy/idempotency/key.ts";
import type { BeginResult, StoredAnswer } from "../ports/idempotency-store.ts";
import type { NewOperation } from "../ports/operation-store.ts";
import type { Engine } from "./engine.ts";
import { isIdempotent } from "./http-request.ts";

/** To be put away takes less than this, or its claim is anybody's. */
const LEASE_MS = 30_000;
/** When who was refused may ask again. */
const ASK_AGAIN_MS = 1_000;

/** A key that is held while operations under it are put away. */
interface Held {
  readonly begun: Promise<BeginResult>;
  readonly token: string;
  users: number;
}

/**
 * One key is one effect, whether it comes with a call or with an operation. A call claims its key in the key store and then looks into
 * the queue; an operation claims its key in the same way while it is put into the queue. So one of the two finds the other: no moment
 * is left in which each sees nothing.
 */
export class KeyClaims {
  readonly #engine: Engine;
  /** Operations that come together under one key are one operation: the queue knows them, and they need not wait for each other. */
  readonly #held = new Map<string, Held>();

  constructor(engine: Engine) {
    this.#engine = engine;
  }

  /**
   * Accepts an operation unless a call has had the answer already: then that is answered.
   *
   * @throws IdempotencyInFlightError while a call under the key is under way; IdempotencyMismatchError where it asked for something else;
   * OutcomeUnknownError where nobody knows what became of it and sending it again may do it twice.
   */
  async during<Result>(
    api: ResolvedApi,
    operation: NewOperation,
    accept: () => Promise<Result>,
  ): Promise<{ readonly accepted: Result } | { readonly answer: StoredAnswer }> {
    const { idempotencyKey, endpoint, partition, fingerprint } = operation;
    if (idempotencyKey === undefined) return { accepted: await accept() };
    const settings = api.settings(endpoint);
    const store = this.#engine.keysFor(settings.durability);
    const key = scopedKey(api.name, endpoint, partition, idempotencyKey);
    const name = `${fingerprint} ${key}`;
    const held = this.#held.get(name) ?? this.#begin(name, store, { key, fingerprint });
    held.users += 1;
    try {
      const begun = await held.begun;
      if (begun.state === "mismatch") throw new IdempotencyMismatchError(idempotencyKey);
      if (begun.state === "running") throw new IdempotencyInFlightError(idempotencyKey, ASK_AGAIN_MS);
      if (begun.state === "done") {
        this.#engine.tellReplayed(operation.id, api.name, idempotencyKey);
        return { answer: begun.answer };
      }
      const safe = settings.repeatable || api.idempotency !== undefined || isIdempotent(operation.request.method);
      if (begun.earlier === "unknown" && !safe) throw new OutcomeUnknownError(idempotencyKey);
      return { accepted: await accept() };
    } finally {
      held.users -= 1;
      if (held.users === 0) await this.#release(name, store, { key, token: held.token });
    }
  }

  #begin(
    name: string,
    store: ReturnType<Engine["keysFor"]>,
    { key, fingerprint }: { readonly key: string; readonly fingerprint: string },
  ): Held {
    const { clock, random } = this.#engine.runtime;
    const now = clock.now();
    const token = uuidv7(now, random);
    const begun = store.begin([{ key, fingerprint, token, now, leaseUntil: now + LEASE_MS }]).then(([result]) => result as BeginResult);
    const held = { begun, token, users: 0 };
    this.#held.set(name, held);
    return held;
  }

  /** What stands under the key by then is the queue's. One that is not ours is not given back. */
  async #release(
    name: string,
    store: ReturnType<Engine["keysFor"]>,
    holder: { readonly key: string; readonly token: string },
  ): Promise<void> {
    this.#held.delete(name);
    await store.release([holder]).catch((error: unknown) => this.#engine.storeFailed(error));
  }
}
