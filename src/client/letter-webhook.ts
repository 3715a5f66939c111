import { LETTER_WEBHOOK_API, type LetterWebhookOptions } from "../api/letter-webhook-options.ts";
import { readSecret, type SecretSource } from "../api/secret.ts";
import { explainBecause } from "../core/decision.ts";
import { uuidv7 } from "../engine/uuid.ts";
import { signWebhook } from "../policy/webhook/standard-webhooks.ts";
import type { DeadLetterGroup, NewDeadLetter } from "../ports/dead-letter-store.ts";
import type { NewOperation, OperationStore } from "../ports/operation-store.ts";
import type { Engine } from "./engine.ts";
import type { Sign } from "./http-work.ts";

/** Time for a letter to be kept before its receiver is told. */
const KEPT_AFTER_MS = 200;
/** A letter that is not there by now never will be: its process ended between our word and its own. */
const NEVER_KEPT_AFTER_MS = 60_000;

/** What a delivery is about, so that it can be looked for before it goes. */
type About = { readonly letter: string } | { readonly group: string };

/**
 * Tells a URL of new dead letters.
 *
 * The delivery is put into the queue *before* the letter is kept, so that no crash leaves a letter that nobody is told of; and it does not
 * go before its letter is there, so that nobody is told of one that was never kept. From there on it is an operation like any other: with
 * attempts, a breaker, a history, and a dead letter of its own at the end, which tells nobody.
 */
export class LetterWebhook {
  readonly #engine: Engine;
  readonly #store: OperationStore;
  readonly #options: LetterWebhookOptions;
  readonly #endpoint: string;
  readonly #accepted: (operation: NewOperation) => void;

  constructor(
    engine: Engine,
    parts: {
      readonly store: OperationStore;
      readonly options: LetterWebhookOptions;
      readonly endpoint: string;
      /** Told of a delivery that stands in the queue. */
      readonly accepted: (operation: NewOperation) => void;
    },
  ) {
    this.#engine = engine;
    this.#store = parts.store;
    this.#options = parts.options;
    this.#endpoint = parts.endpoint;
    this.#accepted = parts.accepted;
  }

  /** Puts the delivery for a letter that is about to be kept into the queue. */
  async announce(letter: NewDeadLetter): Promise<void> {
    if (letter.api === LETTER_WEBHOOK_API) return;
    const group = this.#options.each === "group" ? await this.#groupOf(letter.fingerprint) : undefined;
    if (this.#options.each === "group" && group !== undefined && group.state !== "resolved") return;
    const operation = this.#delivery(letter, this.#options.each === "group" ? { group } : undefined);
    const [accepted] = await this.#store.accept([operation]);
    if (accepted?.state === "accepted") this.#accepted(operation);
  }

  /** Whether a delivery may go: what it tells of must be there. */
  async mayGo({ labels, acceptedAt }: NewOperation): Promise<"send" | "later" | "drop"> {
    const { letter, group } = labels as { readonly letter: string; readonly group?: string };
    const isThere =
      group === undefined ? (await this.#engine.store.deadLetters.get(letter)) !== undefined : (await this.#groupOf(group)) !== undefined;
    if (isThere) return "send";
    // The next letter of a group finds this delivery in its way, so it stays for that one.
    if (group !== undefined) return "later";
    return this.#engine.runtime.clock.now() - acceptedAt > NEVER_KEPT_AFTER_MS ? "drop" : "later";
  }

  /** Signs what is about to be sent, with the secrets as they stand now. */
  readonly sign: Sign = async ({ id, body }) => {
    const { secret } = this.#options;
    const now = this.#engine.runtime.clock.now();
    if (secret === undefined) return { "webhook-id": id, "webhook-timestamp": String(Math.floor(now / 1000)) };
    const path = "deadLetters.webhook.secret";
    const secrets: string[] = [];
    for (const source of Array.isArray(secret) ? (secret as readonly SecretSource[]) : [secret as SecretSource]) {
      secrets.push(await readSecret(source, path));
    }
    return await signWebhook({ id, now, body, secrets, path });
  };

  /** A group that is resolved is about to regress; one that is not there is about to begin. */
  #delivery(letter: NewDeadLetter, of: { readonly group: DeadLetterGroup | undefined } | undefined): NewOperation {
    const { clock, random } = this.#engine.runtime;
    const now = clock.now();
    const hash = letter.fingerprint.replace(/\W+/g, "-");
    // Two letters of one new group are told as one: they ask for the same key.
    const key = of === undefined ? `letter-${letter.id}` : `group-${hash}-${of.group === undefined ? "new" : `since-${of.group.lastAt}`}`;
    const type =
      of === undefined ? "dead-letter.added" : of.group === undefined ? "dead-letter-group.opened" : "dead-letter-group.regressed";
    const about: About = of === undefined ? { letter: letter.id } : { group: letter.fingerprint };
    const body = JSON.stringify({ type, timestamp: new Date(letter.diedAt).toISOString(), data: dataOf(letter) });
    return {
      id: uuidv7(now, random),
      api: LETTER_WEBHOOK_API,
      endpoint: this.#endpoint,
      partition: "",
      flow: "",
      request: {
        method: "POST",
        url: this.#options.url,
        headers: [["content-type", "application/json"]],
        body: new TextEncoder().encode(body),
      },
      idempotencyKey: key,
      fingerprint: key,
      labels: { letter: letter.id, ...about },
      priority: 0,
      acceptedAt: now,
      dueAt: now + KEPT_AFTER_MS,
    };
  }

  async #groupOf(fingerprint: string): Promise<DeadLetterGroup | undefined> {
    const { items } = await this.#engine.store.deadLetters.groups({ fingerprint }, { limit: 1 });
    return items[0];
  }
}

/** What is told of a letter: enough to know what to do, and nothing of what was sent. */
function dataOf(letter: NewDeadLetter): object {
  const { id, api, endpoint, partition, reason, because, title, fingerprint, labels, attempts, firstAttemptAt, diedAt } = letter;
  const status = attempts.at(-1)?.verdict.status;
  return {
    id,
    api,
    endpoint,
    ...(partition === "" ? {} : { partition }),
    reason,
    because: explainBecause(because),
    title,
    group: fingerprint,
    labels,
    attempts: attempts.length,
    ...(status === undefined ? {} : { status }),
    firstAttemptAt: new Date(firstAttemptAt).toISOString(),
    diedAt: new Date(diedAt).toISOString(),
  };
}
