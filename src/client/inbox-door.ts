import type { RetryConfig } from "../api/api-options.ts";
import { API_NAME } from "../api/define-config.ts";
import { durationMs, type Duration } from "../core/duration.ts";
import { ConfigError, isHoldfastError, StoreError } from "../core/errors.ts";
import { refuseUnknown } from "../core/options.ts";
import { shown } from "../core/shown.ts";
import { verifierOf, type VerifyOptions } from "../durable/inbox/options.ts";
import { receive } from "../durable/inbox/receive.ts";
import { uuidv7 } from "../engine/uuid.ts";
import { resolveBackoff, type Backoff } from "../policy/backoff/backoff.ts";
import { sha256Hex } from "../policy/idempotency/sha256.ts";
import type { WebhookEvent } from "../policy/webhook/verification.ts";
import { sleep } from "../ports/clock.ts";
import type { InboxStore } from "../ports/inbox-store.ts";
import type { NewOperation, OperationStore } from "../ports/operation-store.ts";
import type { Engine } from "./engine.ts";
import { localUrl, type LocalApis } from "./local-apis.ts";
import type { OpenApis } from "./open-apis.ts";
import { checkFunction } from "./options.ts";
import { operationsOf, type QueueDoor } from "./queue-door.ts";

/** One event, as a handler gets it. */
export interface InboxEvent {
  readonly source: string;
  /** The sender's id of it. */
  readonly id: string;
  /** Of the operation that carries it: the same at every attempt and replay. Hand it on as an idempotency key. */
  readonly operation: string;
  /** Those of the sender that tell of the event, such as `X-GitHub-Event`. */
  readonly headers: Headers;
  /** As it came. */
  readonly body: Uint8Array;
  /** The body, parsed. */
  json(): unknown;
  /** Aborts when the attempt's time is over. */
  readonly signal: AbortSignal;
}

export interface InboxOptions {
  /** Names the sender: ids are told apart by it. */
  readonly source: string;
  readonly verify: VerifyOptions;
  /** What is to be done about an event, in this process or another one that has this inbox. Once it has returned, it is done. */
  readonly handler?: (event: InboxEvent) => unknown;
  /** Or where it is sent on, as an operation of that API. */
  readonly forwardTo?: ForwardTo;
  /** Events of one key, by what this answers, are handled one after the other, in the order in which they came. With `handler`. */
  readonly orderBy?: (event: Pick<InboxEvent, "id" | "headers" | "json">) => string;
  /** How long ids are remembered. @default "7d" */
  readonly keep?: Duration;
  /** Longer deliveries are refused. @default 5 MiB */
  readonly maxBytes?: number;
  /** Of a handler that throws. @default 6 tries, exponential from 1 s to 5 min */
  readonly retry?: RetryConfig;
  /** For one run of the handler. @default "60s" */
  readonly timeout?: Duration;
  /**
   * Whether the handler may be run again when nobody knows how it ended: its process was killed, or its time was over. Else the event
   * becomes a dead letter `outcome-unknown`. @default false
   */
  readonly repeatable?: boolean;
}

export interface ForwardTo {
  /** The name of an API. */
  readonly api: string;
  /** Method and path, such as `POST /hooks/stripe`. */
  readonly endpoint: string;
}

const OPTIONS = [
  "source",
  "verify",
  "handler",
  "forwardTo",
  "orderBy",
  "keep",
  "maxBytes",
  "retry",
  "timeout",
  "repeatable",
] as const satisfies readonly (keyof InboxOptions)[];
/** They are of the handler. */
const OF_HANDLER = ["orderBy", "retry", "timeout", "repeatable"] as const;
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
    const { source, handler, forwardTo } = checked(options);
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
  #forward(
    { api: name, endpoint: given }: ForwardTo,
    source: string,
  ): (event: WebhookEvent, headers: Headers, now: number) => Promise<NewOperation> {
    const open = this.#apis.get(name);
    if (open === undefined) {
      throw new ConfigError({
        path: "inbox.forwardTo.api",
        message: `inbox.forwardTo.api is ${shown(name)}; defined are ${this.#apis.names().join(", ")}`,
      });
    }
    const { baseUrl, endpoints } = open.api;
    const [, method, path] = /^(POST|PUT|PATCH) (\/\S*)$/.exec(given) ?? [];
    if (method === undefined || path === undefined) {
      throw new ConfigError({
        path: "inbox.forwardTo.endpoint",
        message: `inbox.forwardTo.endpoint is ${shown(given)}; give method and path, such as "POST /hooks"`,
      });
    }
    if (baseUrl === undefined) {
      throw new ConfigError({
        path: `apis.${name}.baseUrl`,
        message: `apis.${name}.baseUrl is missing; events are sent on to a path below it`,
      });
    }
    const url = `${baseUrl.href.replace(/\/$/, "")}${path}`;
    const endpoint = endpoints.of(method, path.split("?")[0] ?? path);
    return async (event, headers, now) => this.#operation({ source, event, headers, now, api: name, endpoint, method, url });
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

function refuse(name: string, problem: string): never {
  throw new ConfigError({ path: `inbox.${name}`, message: `inbox.${name} ${problem}` });
}

function checked(options: InboxOptions): InboxOptions {
  refuseUnknown(options, OPTIONS, "inbox");
  const { source, handler, forwardTo, orderBy, maxBytes, repeatable } = options;
  if (typeof source !== "string" || !API_NAME.test(source)) {
    refuse("source", `is ${shown(source)}; give up to 64 letters and digits, with ".", "_" or "-" between them`);
  }
  if ((handler === undefined) === (forwardTo === undefined)) {
    refuse("handler", "and inbox.forwardTo: give one of them, which says what is done about an event");
  }
  if (handler !== undefined) checkFunction(handler, "inbox.handler", "a function that is given each event once");
  if (forwardTo !== undefined) {
    refuseUnknown(forwardTo, ["api", "endpoint"], "inbox.forwardTo");
    const idle = OF_HANDLER.find((name) => options[name] !== undefined);
    if (idle !== undefined) refuse(idle, "has no effect with inbox.forwardTo: what is sent on follows the options of its API");
  }
  if (orderBy !== undefined) {
    checkFunction(orderBy, "inbox.orderBy", "a function that gives the key within which order matters");
    if (options.timeout !== undefined)
      refuse("timeout", "has no effect with inbox.orderBy: an event waits for those before it; watch event.signal in the handler");
  }
  if (maxBytes !== undefined && !(Number.isSafeInteger(maxBytes) && maxBytes >= 1))
    refuse("maxBytes", `is ${shown(maxBytes)}; give a number of bytes`);
  if (repeatable !== undefined && typeof repeatable !== "boolean") refuse("repeatable", `is ${shown(repeatable)}; give true or false`);
  if (options.retry !== undefined) refuseUnknown(options.retry, ["maxAttempts", "backoff"], "inbox.retry");
  const { maxAttempts } = options.retry ?? {};
  if (maxAttempts !== undefined && !(Number.isSafeInteger(maxAttempts) && maxAttempts >= 1))
    refuse("retry.maxAttempts", `is ${shown(maxAttempts)}; give a whole number of at least 1`);
  return options;
}

function telling(headers: Headers): Headers {
  return new Headers([...headers].filter(([name]) => TELLING.test(name)));
}

/** @throws SyntaxError for a body that is not JSON */
function parsed(body: Uint8Array): unknown {
  return JSON.parse(new TextDecoder().decode(body)) as unknown;
}
