import { durationMs } from "../core/duration.ts";
import { ConfigError, isHoldfastError, StoreError } from "../core/errors.ts";
import { shown } from "../core/shown.ts";
import { verifierOf } from "../durable/inbox/options.ts";
import { receive } from "../durable/inbox/receive.ts";
import { uuidv7 } from "../engine/uuid.ts";
import { resolveBackoff, type Backoff } from "../policy/backoff/backoff.ts";
import { sha256Hex } from "../policy/idempotency/sha256.ts";
import type { WebhookEvent } from "../policy/webhook/verification.ts";
import { sleep } from "../ports/clock.ts";
import type { InboxStore } from "../ports/inbox-store.ts";
import type { NewOperation, OperationStore } from "../ports/operation-store.ts";
import type { Engine } from "./engine.ts";
import { checkedInbox, forwardTarget, type ForwardTo, type InboxEvent, type InboxOptions } from "./inbox-options.ts";
import { localUrl, type LocalApis } from "./local-apis.ts";
import type { OpenApis } from "./open-apis.ts";
import { operationsOf, type QueueDoor } from "./queue-door.ts";

const SWEEP_EVERY_MS = 3_600_000;
const SWEEP_BATCH = 10_000;
/** Waits of an event for those before it. */
const LOOK_EVERY_MS = 200;
const ORDER_LABEL = "inbox-order";
const ENDPOINT = "POST /events";
/** Headers that tell of an event; signatures and credentials are not among them. */
const TELLING =
  /^(?:content-type|webhook-id|x-github-(?:event|delivery|hook-id)|x-shopify-(?!hmac)[a-z-]+|x-slack-retry-[a-z]+|x-event-[a-z-]+)$/;

type Handler = (event: InboxEvent) => unknown;

/** The inboxes that were opened in this process. */
export class InboxDoor {
  readonly #engine: Engine;
  readonly #locals: LocalApis;
  readonly #apis: OpenApis;
  readonly #queue: () => QueueDoor;
  readonly #opened = new Set<string>();
  #sweptAt = Number.NEGATIVE_INFINITY;

  constructor(engine: Engine, locals: LocalApis, apis: OpenApis, queue: () => QueueDoor) {
    this.#engine = engine;
    this.#locals = locals;
    this.#apis = apis;
    this.#queue = queue;
  }

  /** Opens an inbox: an HTTP endpoint for one sender. @throws ConfigError */
  open(options: InboxOptions): (request: Request) => Promise<Response> {
    const { source, handler, forwardTo } = checkedInbox(options);
    if (this.#opened.has(source)) {
      throw new ConfigError({
        path: "inbox.source",
        message: `two inboxes have the source ${JSON.stringify(source)}; what one takes the other would not see`,
      });
    }
    const { runtime } = this.#engine;
    const store = inboxOf(this.#engine.store);
    const operationOf = handler === undefined ? this.#forward(forwardTo as ForwardTo, source) : this.#local(options, handler);
    this.#opened.add(source);
    // What an earlier process took and did not get done waits for this one.
    const queue = this.#queue();
    queue.worker.start();
    const ports = {
      source,
      store,
      runtime,
      verify: verifierOf(options.verify, "inbox.verify"),
      keepMs: durationMs(options.keep ?? "7d", "inbox.keep"),
      maxBytes: options.maxBytes ?? 5 * 1024 * 1024,
      operationOf,
      accepted: (operation: NewOperation) => queue.worker.enqueued(operation, operation.dueAt),
    };
    return async (request) => {
      this.#engine.assertOpen();
      this.#sweep(store);
      return await receive(request, ports);
    };
  }

  /** An event as an operation of the API that it is sent on to. */
  #forward(forwardTo: ForwardTo, source: string): (event: WebhookEvent, headers: Headers, now: number) => Promise<NewOperation> {
    const where = { names: this.#apis.names(), path: "inbox.forwardTo" };
    const atStart = forwardTarget(forwardTo, this.#apis.get(forwardTo.api)?.api, where);
    return async (event, headers, now) => {
      // Its definition may have been replaced since. One that was taken away keeps what comes in the queue, until it is there again.
      const api = this.#apis.get(forwardTo.api)?.api;
      const target = api === undefined ? atStart : forwardTarget(forwardTo, api, where);
      return this.#operation({ source, event, headers, now, api: forwardTo.api, ...target });
    };
  }

  /** An event as an operation of an API that stands in this process. */
  #local(options: InboxOptions, handler: Handler): (event: WebhookEvent, headers: Headers, now: number) => Promise<NewOperation> {
    const { source, orderBy, retry = {}, timeout = "60s", repeatable = false } = options;
    const api = `inbox:${source}`;
    const maxAttempts = retry.maxAttempts ?? 6;
    const backoff = resolveBackoff(retry.backoff ?? { base: "1s", cap: "5m" }, "inbox.retry.backoff");
    const ordered = orderBy !== undefined;
    const local = this.#locals.open(
      api,
      {
        repeatable,
        // What comes after an event of its own key waits for it: it is tried again on the spot, and keeps its place.
        retry: { maxAttempts: ordered ? 1 : maxAttempts, backoff },
        ...(ordered ? {} : { timeout: { attempt: timeout } }),
        breaker: false,
        retryBudget: false,
        keepHeaders: ["webhook-id"],
        classify: RULES,
      },
      async (request) => await this.#handle(request, source, { handler, ordered, maxAttempts, backoff }),
    );
    this.#apis.add(api, local);
    const url = `${localUrl(api)}/events`;
    return async (event, headers, now) => {
      const key = orderBy?.({ id: event.id, headers: telling(headers), json: () => parsed(event.content) });
      if (key !== undefined && typeof key !== "string") {
        throw new ConfigError({
          path: "inbox.orderBy",
          message: `inbox.orderBy gave ${shown(key)}; give a text, the key within which order matters`,
        });
      }
      const labels = key === undefined ? {} : { [ORDER_LABEL]: sha256Hex(key) };
      return this.#operation({ source, event, headers, now, api, endpoint: ENDPOINT, method: "POST", url, labels });
    };
  }

  async #handle(
    request: Request,
    source: string,
    {
      handler,
      ordered,
      maxAttempts,
      backoff,
    }: { readonly handler: Handler; readonly ordered: boolean; readonly maxAttempts: number; readonly backoff: Backoff },
  ): Promise<Response> {
    const { clock, random } = this.#engine.runtime;
    const body = new Uint8Array(await request.arrayBuffer());
    const operation = request.headers.get("x-request-id") ?? "";
    const id = decodeURIComponent(request.headers.get("webhook-id") ?? "");
    const event: InboxEvent = {
      source,
      id,
      operation,
      headers: telling(request.headers),
      body,
      json: () => parsed(body),
      signal: request.signal,
    };
    if (ordered) await this.#afterEarlier(operation, `inbox:${source}`, request.signal);
    for (let attempt = 1, delayMs = 0; ; attempt += 1) {
      try {
        await handler(event);
        return new Response(null, { status: 204 });
      } catch (error) {
        const message = error instanceof Error ? error.message : String(error);
        const final = isHoldfastError(error) && !error.retryable;
        if (final || !ordered || attempt >= maxAttempts) return Response.json({ error: message }, { status: final || ordered ? 422 : 503 });
        delayMs = backoff(attempt - 1, delayMs, random);
        await sleep(clock, delayMs, request.signal);
      }
    }
  }

  /** Waits until no event of the same key that came before it is unfinished, in whichever process. */
  async #afterEarlier(operation: string, api: string, signal: AbortSignal): Promise<void> {
    const store = operationsOf(this.#engine.store);
    const label = (await store.get(operation))?.operation.labels[ORDER_LABEL];
    if (label === undefined) return;
    while (await hasEarlier(store, operation, api, label)) await sleep(this.#engine.runtime.clock, LOOK_EVERY_MS, signal);
  }

  #operation(parts: {
    readonly source: string;
    readonly event: WebhookEvent;
    readonly headers: Headers;
    readonly now: number;
    readonly api: string;
    readonly endpoint: string;
    readonly method: string;
    readonly url: string;
    readonly labels?: Readonly<Record<string, string>>;
  }): NewOperation {
    const { source, event, headers, now, api, endpoint, method, url, labels = {} } = parts;
    const kept = telling(headers);
    // A header takes no more than Latin-1.
    kept.set("webhook-id", encodeURIComponent(event.id));
    return {
      id: uuidv7(now, this.#engine.runtime.random),
      api,
      endpoint,
      partition: "",
      flow: "",
      request: { method, url, headers: [...kept].map(([name, value]) => [name, value] as const), body: event.content },
      fingerprint: event.fingerprint ?? "",
      labels: { "inbox-source": source, "inbox-event": event.id, ...labels },
      priority: 0,
      acceptedAt: now,
      dueAt: now,
    };
  }

  #sweep(store: InboxStore): void {
    const { clock, events } = this.#engine.runtime;
    if (clock.monotonic() - this.#sweptAt < SWEEP_EVERY_MS) return;
    this.#sweptAt = clock.monotonic();
    store.sweep(clock.now(), SWEEP_BATCH).catch((error: unknown) => {
      if (events.wants("store:failed")) events.emit("store:failed", { error });
    });
  }
}

/** The inbox of a store that has one. @throws StoreError */
export function inboxOf({ name, inbox }: { readonly name: string; readonly inbox?: InboxStore }): InboxStore {
  if (inbox === undefined) throw new StoreError(`the store ${name} has no inbox; use memory(), sqlite() or postgres()`);
  return inbox;
}

/** A handler that threw has told us so: what it had done by then is its own affair, and it is asked again. */
const RULES = [
  { id: "handler-threw", when: { status: 503 }, then: "transient", effect: "none", because: "the handler threw" },
  { id: "handler-gave-up", when: { status: 422 }, then: "permanent", because: "the handler threw, and is not asked again" },
] as const;

const UNFINISHED = ["ready", "leased", "parked"] as const;

async function hasEarlier(store: OperationStore, operation: string, api: string, label: string): Promise<boolean> {
  for (const state of UNFINISHED) {
    for (let after: string | null | undefined; after !== null;) {
      const page: Awaited<ReturnType<OperationStore["list"]>> = await store.list(
        { api, state, labels: { [ORDER_LABEL]: label } },
        { limit: 100, ...(after === undefined ? {} : { after }) },
      );
      // Ids of one process rise; between processes their time does.
      if (page.items.some(({ operation: { id } }) => id < operation)) return true;
      after = page.next;
    }
  }
  return false;
}

function telling(headers: Headers): Headers {
  return new Headers([...headers].filter(([name]) => TELLING.test(name)));
}

/** @throws SyntaxError for a body that is not JSON */
function parsed(body: Uint8Array): unknown {
  return JSON.parse(new TextDecoder().decode(body)) as unknown;
}
