import type { ApiOptions } from "../api/api-options.ts";
import { resolveApi } from "../api/resolve-api.ts";
import { LaneRegistry } from "../engine/lane-registry.ts";
import type { Runtime } from "../engine/runtime.ts";
import type { Transport, WireInit } from "../ports/transport.ts";
import type { OpenApi } from "./engine.ts";

/** A name that no resolver ever knows (RFC 6761 §6.4): what is sent to it goes no further than this process. */
const ORIGIN = "http://local.holdfast.invalid";

export type LocalHandler = (request: Request) => Promise<Response>;

/**
 * APIs that stand in this process: functions of its user, which the queue, its retries and its dead letters reach as they reach any
 * API. An operation for one waits until a process comes that has it.
 */
export class LocalApis {
  readonly #runtime: Runtime;
  readonly #handlers = new Map<string, LocalHandler>();

  constructor(runtime: Runtime) {
    this.#runtime = runtime;
  }

  /** Opens one under a name that no API of the user's can have. */
  open(name: string, options: Omit<ApiOptions, "baseUrl">, handler: LocalHandler): OpenApi {
    this.#handlers.set(name, handler);
    const api = resolveApi(name, { ...options, baseUrl: localUrl(name), requestIdHeader: "X-Request-Id" });
    return { api, lanes: new LaneRegistry(name, api, this.#runtime) };
  }

  /** The outer transport, with our own answers before it. */
  over(outer: Transport): Transport {
    const carry: Transport = (input, init) => (input.startsWith(`${ORIGIN}/`) ? this.#answer(input, init) : outer(input, init));
    return Object.assign(carry, { direct: outer.direct === true });
  }

  async #answer(input: string, { ending, ...init }: WireInit): Promise<Response> {
    const name = decodeURIComponent(new URL(input).pathname.split("/")[1] ?? "");
    const handler = this.#handlers.get(name);
    if (handler === undefined) throw new TypeError(`nothing in this process answers for ${name}`);
    if (ending === undefined) return await handler(new Request(input, init));
    const stop = new AbortController();
    ending.listen({ onAborted: (reason) => stop.abort(reason) });
    return await handler(new Request(input, { ...init, signal: stop.signal }));
  }
}

/** Whether an API stands in this process. */
export function isLocal(baseUrl: URL | undefined): boolean {
  return baseUrl?.origin === ORIGIN;
}

/** Where a local API stands. */
export function localUrl(name: string): string {
  return `${ORIGIN}/${encodeURIComponent(name)}`;
}
