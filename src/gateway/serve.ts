import type { IncomingMessage, ServerResponse } from "node:http";
import { isIP, type AddressInfo } from "node:net";
import { secureBytes } from "../adapters/clock/random.ts";
import { systemClock } from "../adapters/clock/system.ts";
import { egress } from "../adapters/transport/egress/egress.ts";
import { overAgent } from "../adapters/transport/undici/index.ts";
import type { ApiOptions } from "../api/api-options.ts";
import type { CallbackOptions } from "../api/callback-options.ts";
import { resolveGatewayOptions, type GatewayOptions } from "../api/gateway-options.ts";
import { resolveApi } from "../api/resolve-api.ts";
import type { ConfiguredCallbacks } from "../client/configured-callbacks.ts";
import type { ConfiguredInbox } from "../client/configured-inboxes.ts";
import { openHoldfast, type HoldfastOptions } from "../client/holdfast.ts";
import type { ApiChanges } from "../client/open-apis.ts";
import { ConfigError } from "../core/errors.ts";
import type { Clock } from "../ports/clock.ts";
import type { StoreFactory } from "../ports/store.ts";
import { createApp } from "./app.ts";
import { Authenticator } from "./auth.ts";
import { openDashboard } from "./dashboard.ts";
import { Forwarder } from "./forward.ts";
import { Listener, type ListenerParts } from "./listener.ts";
import type { TokenEntry } from "./principal.ts";
import { StrangerGuard } from "./stranger.ts";
import { toRequest, writeResponse } from "./web-bridge.ts";
import { writeProblem } from "./write-answer.ts";

/** What a gateway is made of. */
export interface ServeOptions {
  readonly apis: Readonly<Record<string, ApiOptions>>;
  readonly store: StoreFactory;
  /** What else the engine is made of. Metrics are always counted. */
  readonly engine?: Omit<HoldfastOptions, "apis" | "store" | "transport" | "metrics" | "callbacks" | "clock" | "random">;
  /** How the ends of operations are told. Callers name the URLs, so they reach public addresses only, and those of `allow`. */
  readonly callbacks?: ConfiguredCallbacks;
  /** Whose webhooks it takes, by source. @default nobody's */
  readonly inboxes?: Readonly<Record<string, ConfiguredInbox>>;
  /** Who may use it. Without any it listens on loopback only. */
  readonly tokens?: readonly TokenEntry[];
  readonly gateway?: GatewayOptions;
  /** @default "127.0.0.1" */
  readonly host?: string;
  /** 0 takes a free one. @default 4180 */
  readonly port?: number;
  /**
   * A port of its own for an API, by name, whose client knows a host and no path: what comes there goes where `/to/{api}` goes, and
   * nothing else is there. 0 takes a free one. @default none
   */
  readonly apiPorts?: Readonly<Record<string, number>>;
  /** Of the package. */
  readonly version: string;
  /** Told of faults of ours. */
  readonly log: (line: string) => void;
}

/** A gateway that listens. */
export interface Gateway {
  /** Such as `http://127.0.0.1:4180`, without a closing slash. */
  readonly url: string;
  readonly port: number;
  /** Base URLs of the APIs that have a port of their own, by name. */
  readonly apiUrls: Readonly<Record<string, string>>;
  /**
   * Other APIs and tokens from now on; requests under way end by the old ones. A mistake changes nothing.
   * @throws ConfigError
   */
  reload(config: Pick<ServeOptions, "apis"> & { readonly tokens: readonly TokenEntry[] }): ApiChanges;
  /** Ends it: new requests are refused, what is under way gets its grace, work that is left is handed back. */
  close(): Promise<void>;
}

/**
 * Opens an engine over the config's APIs, and listens.
 *
 * @throws ConfigError that names what is wrong by its path; StoreError where the store cannot be opened.
 */
export async function serve(options: ServeOptions): Promise<Gateway> {
  const { host = "127.0.0.1", port = 4180, tokens = [], apiPorts = {}, version, log } = options;
  const resolved = resolveGatewayOptions(options.gateway);
  refuseOpenDoor(host, tokens);
  for (const name of Object.keys(apiPorts)) refuseUnknownApi(name, Object.keys(options.apis));
  const clock: Clock = systemClock;
  const failed = (error: unknown, where: string): void =>
    log(`${where}: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
  const silenceMs = silenceOf(options.apis);
  const transport = overAgent({ headersTimeout: silenceMs, bodyTimeout: silenceMs }, { userAgent: `holdfast/${version}`, decodes: false });
  const outside = egress({
    allow: options.callbacks?.allow ?? [],
    onRefused: (host, address) => log(`a callback to ${host} was refused: ${address} is not public`),
  });
  const open = await openHoldfast({
    ...options.engine,
    apis: options.apis,
    store: options.store,
    transport,
    metrics: true,
    ...(options.callbacks === undefined ? {} : { callbacks: { ...toldBy(options.callbacks), transport: outside.transport } }),
  });
  const parts = { open, clock, failed, authenticator: new Authenticator(clock), strangers: new StrangerGuard(resolved.allowedHosts) };
  parts.authenticator.replace("config", tokens);
  const forwarder = new Forwarder({ ...parts, limits: { replayBytes: resolved.replayBodyBytes, maxBytes: resolved.maxBodyBytes } });
  let inboxes: ReadonlyMap<string, ReturnType<typeof open.hf.inbox>>;
  try {
    inboxes = new Map(Object.entries(options.inboxes ?? {}).map(([source, inbox]) => [source, open.hf.inbox({ source, ...inbox })]));
  } catch (error) {
    await open.hf.close({ grace: 0 });
    await transport.destroy();
    throw error;
  }
  const app = createApp({
    ...parts,
    hf: open.hf,
    inboxes,
    store: open.engine.store,
    randomBytes: secureBytes,
    version,
    dashboard: openDashboard(),
    draining: () => listener.draining,
  });
  const socket: ListenerParts = {
    options: resolved,
    clock,
    failed,
    doors: {
      forward: (request, response, leaving) => forwarder.handle(request, response, leaving),
      other: (request, response) => answerOther(app, request, response),
    },
  };
  const listener: Listener = new Listener(socket);
  const ofApis = new Map(
    Object.keys(apiPorts).map((name) => [name, new Listener({ ...socket, under: `/to/${encodeURIComponent(name)}` })] as const),
  );
  const listeners: readonly Listener[] = [listener, ...ofApis.values()];
  const endWork = async (graceMs: number): Promise<void> => {
    await open.hf.close({ grace: graceMs });
    outside.close();
    await transport.destroy();
  };
  try {
    // What an earlier process has left is done now, and not when the next operation comes.
    if (open.engine.store.operations !== undefined) open.hf.work();
    open.hf.history?.watch();
    // The tokens and holds of the store, before anybody is let in.
    await app.start();
    const address = await listener.listen(host, port);
    const apiUrls: Record<string, string> = {};
    for (const [name, own] of ofApis) apiUrls[name] = urlOf(await own.listen(host, apiPorts[name] ?? 0));
    return {
      url: urlOf(address),
      port: address.port,
      apiUrls,
      reload({ apis, tokens: entries }) {
        refuseOpenDoor(host, entries);
        const changes = open.hf.replaceApis(apis);
        parts.authenticator.replace("config", entries);
        return changes;
      },
      close: () => end(listeners, app, endWork, { clock, graceMs: resolved.graceMs }),
    };
  } catch (error) {
    for (const one of listeners) one.cut();
    await app.close();
    await endWork(0);
    throw error;
  }
}

/** What the engine takes of them; where they may reach is the transport's. */
function toldBy({ allow: _allow, ...callbacks }: ConfiguredCallbacks): CallbackOptions {
  return callbacks;
}

/** First no new requests, then no new work; each has what is left of the grace. */
async function end(
  listeners: readonly Listener[],
  app: { close(): Promise<void> },
  endWork: (graceMs: number) => Promise<void>,
  { clock, graceMs }: { readonly clock: Clock; readonly graceMs: number },
): Promise<void> {
  const until = clock.monotonic() + graceMs;
  const drained = Promise.all(listeners.map((listener) => listener.drain(graceMs)));
  await app.close();
  await drained;
  await endWork(Math.max(0, until - clock.monotonic()));
  for (const listener of listeners) listener.cut();
}

function urlOf({ family, address, port }: AddressInfo): string {
  return `http://${family === "IPv6" ? `[${address}]` : address}:${port}`;
}

function refuseUnknownApi(name: string, known: readonly string[]): void {
  if (known.includes(name)) return;
  throw new ConfigError({
    path: "--api-port",
    message: `--api-port gives a port to ${JSON.stringify(name)}, and the config has no such API; it has ${known.join(", ") || "none"}`,
  });
}

async function answerOther(app: ReturnType<typeof createApp>, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const hosts = hostsIn(request.rawHeaders);
  if (hosts !== 1) {
    response.shouldKeepAlive = false;
    writeProblem(
      response,
      "invalid-request",
      `the request has ${hosts === 0 ? "no Host header" : `${hosts} Host headers`}, and it must have one (RFC 9112 §3.2)`,
      {},
      {},
    );
    return;
  }
  const leaving = new AbortController();
  response.once("close", () => leaving.abort());
  await writeResponse(await app.fetch(toRequest(request, leaving.signal), request.socket.remoteAddress ?? ""), response);
}

function hostsIn(rawHeaders: readonly string[]): number {
  return rawHeaders.filter((name, index) => index % 2 === 0 && name.toLowerCase() === "host").length;
}

/** Whoever reaches a gateway without tokens may use it. So that is only who is on this machine. */
function refuseOpenDoor(host: string, tokens: readonly TokenEntry[]): void {
  if (tokens.length > 0 || isLoopback(host)) return;
  throw new ConfigError({
    path: "--host",
    message: `--host is ${host}, where others can reach it, and the config has no tokens, so anybody could use it; add tokens, or listen on 127.0.0.1`,
  });
}

function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || (isIP(host) === 4 && host.startsWith("127."));
}

/** A connection that says nothing for so long is dead. */
const SILENCE_MS = 600_000;

/** Attempts have timeouts of their own; the pool must not be the one that gives up first. */
function silenceOf(apis: ServeOptions["apis"]): number {
  const longest = Object.entries(apis).flatMap(([name, options]) => {
    const api = resolveApi(name, options);
    return ["*", ...Object.keys(options.endpoints ?? {})].flatMap((endpoint) => api.settings(endpoint).policy.attemptTimeoutsMs);
  });
  return Math.max(SILENCE_MS, ...longest.filter((ms) => ms !== Number.POSITIVE_INFINITY).map((ms) => ms + 1_000));
}
