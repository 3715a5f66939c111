import { durationMs, type Duration } from "../core/duration.ts";
import { ConfigError } from "../core/errors.ts";
import { refuseUnknown } from "../core/options.ts";
import { shown } from "../core/shown.ts";
import { checkCallbackUrl } from "../api/callback-options.ts";
import type { ResolvedApi } from "../api/resolve-api.ts";
import type { Runtime } from "../engine/runtime.ts";
import { uuidv7 } from "../engine/uuid.ts";
import { isCanonical } from "../policy/idempotency/canonical-json.ts";
import { canonicalFingerprint, idempotencyKey, payloadFingerprint } from "../policy/idempotency/key.ts";
import type { StoredRequest } from "../ports/dead-letter-store.ts";
import type { NewOperation } from "../ports/operation-store.ts";
import { isTraceparent } from "../ports/traceparent.ts";
import { WireHeaders } from "../ports/wire-headers.ts";
import {
  isRead,
  payloadOf,
  queryOf,
  requestTo,
  storedRequest,
  targetAt,
  type HttpRequest,
  type Payload,
  type Target,
} from "./http-request.ts";
import { checkLabels } from "./options.ts";

/** What is said of one operation that is put into the queue. */
export interface EnqueueOptions {
  /** A body, sent as JSON. */
  readonly json?: unknown;
  /** A body of another kind. Give `headers` its content type. */
  readonly body?: string | Uint8Array | URLSearchParams;
  /** Only headers that may be kept: no credential. */
  readonly headers?: Readonly<Record<string, string>>;
  /** What makes this operation what it is: a key, or parts that one is derived from. A second operation under it is the first. */
  readonly key?: string | readonly unknown[];
  readonly labels?: Readonly<Record<string, string>>;
  /** The account or token that the other side counts by. */
  readonly partition?: string;
  /** Higher goes first, within its lane and flow. @default 0 */
  readonly priority?: number;
  /** Flows of a lane take turns, so that a flood of one does not starve another. @default "" */
  readonly flow?: string;
  /** Not before this long from now. @default "0ms" */
  readonly delay?: Duration;
  /** A URL that is told the end, signed by Standard Webhooks; takes `callbacks` in `createHoldfast`. */
  readonly callback?: string;
  /** W3C `traceparent` that its attempts are linked to. @default what is active, where `openTelemetry` looks on */
  readonly trace?: string;
  /** No attempt starts after this long: it becomes a dead letter `expired`. @default never */
  readonly expiresIn?: Duration;
  /**
   * A transaction of yours, open on the database of the store (`holdfast/postgres`): the operation is there if and only if it
   * commits. A client of `pg` after BEGIN, what postgres.js' `begin()` gives, or a transaction of Drizzle, Kysely or Prisma.
   * @default a transaction of the store's own
   */
  readonly tx?: object;
}

const OPTIONS = [
  "json",
  "body",
  "headers",
  "key",
  "labels",
  "partition",
  "priority",
  "flow",
  "delay",
  "expiresIn",
  "callback",
  "trace",
  "tx",
] as const satisfies (keyof EnqueueOptions)[];

/** An operation as it is put away; a promise of it only where its body has to be read. Throws a {@link ConfigError} that names what makes no sense. */
export function newOperation(
  api: ResolvedApi,
  what: string,
  options: EnqueueOptions,
  runtime: Runtime,
): NewOperation | Promise<NewOperation> {
  const target = targetOf(api, what);
  const { method, endpoint } = target;
  const { priority, delayMs, expiresInMs } = checked(options, method);
  const headers = headersOf(options);
  const json = options.json === undefined ? undefined : jsonOf(options.json);
  const request = requestTo(target, headers, json ?? (options.body as BodyInit | undefined) ?? null);
  const key = keyOf(api, endpoint, method, options.key);
  const stored = storedRequest(request, request.headers, api.keepHeaders);
  const canonical = json !== undefined && isCanonical(options.json) ? canonicalPayload(request, json) : undefined;
  const payload = canonical === undefined || api.idempotency?.ignore !== undefined ? payloadOf(request) : undefined;
  const trace = options.trace ?? runtime.events.tracer?.current();
  const operation = (kept: StoredRequest, content: Payload | undefined): NewOperation => {
    if (options.headers !== undefined || kept.headers.length === 0) refuseLostHeaders(api, headers, kept);
    const now = runtime.clock.now();
    return {
      id: uuidv7(now, runtime.random),
      api: api.name,
      endpoint,
      partition: options.partition ?? "",
      flow: options.flow ?? "",
      request: kept,
      ...(key === undefined ? {} : { idempotencyKey: key }),
      fingerprint:
        content === undefined
          ? canonicalFingerprint(method, endpoint, canonical as string)
          : payloadFingerprint(method, endpoint, content, api.idempotency?.ignore),
      labels: options.labels ?? {},
      priority,
      acceptedAt: now,
      dueAt: now + delayMs,
      ...(expiresInMs === undefined ? {} : { expiresAt: now + expiresInMs }),
      ...(options.callback === undefined ? {} : { callback: options.callback }),
      ...(trace === undefined ? {} : { trace }),
    };
  };
  if (stored instanceof Promise || payload instanceof Promise) {
    return Promise.all([stored, payload]).then(([kept, content]) => operation(kept as StoredRequest, content));
  }
  return operation(stored as StoredRequest, payload);
}

/** Where requests of an endpoint go. */
interface EndpointTarget extends Target {
  /** Its name. */
  readonly endpoint: string;
}

/** Targets that are remembered of an API: parsing a URL costs more than all else that is done with a request. */
const REMEMBERED_TARGETS = 500;
const targets = new WeakMap<ResolvedApi, Map<string, EndpointTarget>>();

function targetOf(api: ResolvedApi, what: string): EndpointTarget {
  let known = targets.get(api);
  if (known === undefined) targets.set(api, (known = new Map<string, EndpointTarget>()));
  let target = known.get(what);
  if (target === undefined) {
    const { method, path } = endpointOf(what);
    const to = targetAt(api, method, path);
    target = { ...to, endpoint: api.endpoints.of(method, to.path) };
    if (known.size >= REMEMBERED_TARGETS) known.clear();
    known.set(what, target);
  }
  return target;
}

function headersOf({ headers, json }: EnqueueOptions): Headers {
  if (headers === undefined) return new WireHeaders(json === undefined ? {} : { "content-type": "application/json" });
  // Checked by the built-in class.
  const given = new Headers(headers);
  if (json !== undefined && !given.has("content-type")) given.set("content-type", "application/json");
  return WireHeaders.from(given);
}

/** What `payloadOf` would be as canonical JSON, for a body that is canonical JSON; undefined where the headers say that it is something else. */
function canonicalPayload({ url, headers }: HttpRequest, json: string): string | undefined {
  return headers.get("content-type")?.includes("json") === true ? `[${JSON.stringify(queryOf(url))},${json}]` : undefined;
}

function endpointOf(what: string): { readonly method: string; readonly path: string } {
  const [, method, path] = /^([A-Z]+) (\S+)$/.exec(what) ?? [];
  if (method !== undefined && path !== undefined) return { method, path };
  throw new ConfigError({
    path: "enqueue.endpoint",
    message: `${shown(what)} is not an endpoint; give method and path, such as "POST /contacts"`,
  });
}

function checked(
  options: EnqueueOptions,
  method: string,
): { readonly priority: number; readonly delayMs: number; readonly expiresInMs: number | undefined } {
  refuseUnknown(options, OPTIONS, "enqueue");
  const refuse = (name: keyof EnqueueOptions, problem: string): never => {
    throw new ConfigError({ path: `enqueue.${name}`, message: `enqueue.${name} ${problem}` });
  };
  const { json, body, labels, partition, flow, priority = 0 } = options;
  if (json !== undefined && body !== undefined) refuse("body", "is given beside json, and a request has one body; leave one out");
  if (isRead(method) && (json !== undefined || body !== undefined)) refuse("body", `is given, and a ${method} request has none`);
  if (labels !== undefined) checkLabels(labels, "enqueue.labels");
  if (partition !== undefined && typeof partition !== "string") refuse("partition", `is ${shown(partition)}; give a text`);
  if (flow !== undefined && typeof flow !== "string") refuse("flow", `is ${shown(flow)}; give a text`);
  const { tx } = options;
  if (tx !== undefined && (tx === null || (typeof tx !== "object" && typeof tx !== "function")))
    refuse("tx", `is ${shown(tx)}; give a transaction that is open on the store's database, or leave it out`);
  if (options.callback !== undefined) checkCallbackUrl(options.callback, "enqueue.callback");
  if (options.trace !== undefined && (typeof options.trace !== "string" || !isTraceparent(options.trace)))
    refuse(
      "trace",
      `is ${shown(options.trace)}; give a W3C traceparent, such as "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"`,
    );
  if (!Number.isSafeInteger(priority)) refuse("priority", `is ${shown(priority)}; give a whole number`);
  const delayMs = durationMs(options.delay ?? 0, "enqueue.delay");
  const expiresInMs = options.expiresIn === undefined ? undefined : durationMs(options.expiresIn, "enqueue.expiresIn");
  if (expiresInMs !== undefined && expiresInMs <= delayMs) {
    refuse("expiresIn", `is ${expiresInMs} ms, and it is not due before ${delayMs} ms (enqueue.delay): it could never be sent`);
  }
  return { priority, delayMs, expiresInMs };
}

/** A value as the JSON text of a body. */
export function jsonOf(value: unknown, path = "enqueue.json"): string {
  let text: string | undefined;
  try {
    text = JSON.stringify(value);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new ConfigError({ path, message: `${path} has no JSON form: ${why}`, cause });
  }
  if (text === undefined) throw new ConfigError({ path, message: `${path} is ${shown(value)}, which has no JSON form` });
  return text;
}

function keyOf(api: ResolvedApi, endpoint: string, method: string, key: EnqueueOptions["key"]): string | undefined {
  if (typeof key === "string" && key !== "") return key;
  if (Array.isArray(key)) return idempotencyKey(api.name, endpoint, key as readonly unknown[]);
  if (key !== undefined) {
    throw new ConfigError({
      path: "enqueue.key",
      message: `enqueue.key is ${shown(key)}; give a text or a list of what makes this operation what it is, or leave it out`,
    });
  }
  if (api.idempotency?.required !== true || isRead(method)) return undefined;
  throw new ConfigError({
    path: "enqueue.key",
    message: `${api.name} ${endpoint} wants an idempotency key (apis.${api.name}.idempotency.required); give enqueue.key: the parts that make this operation what it is`,
  });
}

/** A header that is not kept would not be sent either. */
function refuseLostHeaders(api: ResolvedApi, headers: Headers, stored: StoredRequest): void {
  const lost = [...headers.keys()].find((name) => name !== "content-length" && !stored.headers.some(([kept]) => kept === name));
  if (lost === undefined) return;
  throw new ConfigError({
    path: `enqueue.headers.${lost}`,
    message: `the header ${lost} would not be kept, so the operation would be sent without it; add it to apis.${api.name}.keepHeaders if it holds no secret, or give the API its auth`,
  });
}
