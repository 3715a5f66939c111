import { API_NAME } from "../api/api-name.ts";
import type { RetryConfig } from "../api/api-options.ts";
import type { ResolvedApi } from "../api/resolve-api.ts";
import type { Duration } from "../core/duration.ts";
import { ConfigError } from "../core/errors.ts";
import { refuseUnknown } from "../core/options.ts";
import { shown } from "../core/shown.ts";
import type { VerifyOptions } from "../durable/inbox/options.ts";
import { checkFunction } from "./options.ts";

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
function refuse(name: string, problem: string): never {
  throw new ConfigError({ path: `inbox.${name}`, message: `inbox.${name} ${problem}` });
}

/** @throws ConfigError that names the option by its path */
export function checkedInbox(options: InboxOptions): InboxOptions {
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
  checkMaxBytes(maxBytes, "inbox.maxBytes");
  if (repeatable !== undefined && typeof repeatable !== "boolean") refuse("repeatable", `is ${shown(repeatable)}; give true or false`);
  if (options.retry !== undefined) refuseUnknown(options.retry, ["maxAttempts", "backoff"], "inbox.retry");
  const { maxAttempts } = options.retry ?? {};
  if (maxAttempts !== undefined && !(Number.isSafeInteger(maxAttempts) && maxAttempts >= 1))
    refuse("retry.maxAttempts", `is ${shown(maxAttempts)}; give a whole number of at least 1`);
  return options;
}

/** Bytes of a delivery, or nothing. @throws ConfigError */
export function checkMaxBytes(maxBytes: unknown, path: string): void {
  if (maxBytes === undefined || (Number.isSafeInteger(maxBytes) && (maxBytes as number) >= 1)) return;
  throw new ConfigError({ path, message: `${path} is ${shown(maxBytes)}; give a number of bytes` });
}

/** Where events are sent on to. */
export interface ForwardTarget {
  readonly method: string;
  readonly url: string;
  /** The endpoint, as the API's lanes know it. */
  readonly endpoint: string;
}

/** @param api the API of that name, where there is one. @throws ConfigError that names the option by its path */
export function forwardTarget(
  { api: name, endpoint: given }: ForwardTo,
  api: ResolvedApi | undefined,
  { names, path: at }: { readonly names: readonly string[]; readonly path: string },
): ForwardTarget {
  if (api === undefined) {
    throw new ConfigError({
      path: `${at}.api`,
      message: `${at}.api is ${shown(name)}; defined are ${names.join(", ") || "none"}`,
    });
  }
  const { baseUrl, endpoints } = api;
  const [, method, path] = /^(POST|PUT|PATCH) (\/\S*)$/.exec(given) ?? [];
  if (method === undefined || path === undefined) {
    throw new ConfigError({
      path: `${at}.endpoint`,
      message: `${at}.endpoint is ${shown(given)}; give method and path, such as "POST /hooks"`,
    });
  }
  if (baseUrl === undefined) {
    throw new ConfigError({
      path: `apis.${name}.baseUrl`,
      message: `apis.${name}.baseUrl is missing; events are sent on to a path below it`,
    });
  }
  return { method, url: `${baseUrl.href.replace(/\/$/, "")}${path}`, endpoint: endpoints.of(method, path.split("?")[0] ?? path) };
}
