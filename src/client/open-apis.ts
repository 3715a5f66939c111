import type { ApiOptions } from "../api/api-options.ts";
import { resolveApi, type ResolvedApi } from "../api/resolve-api.ts";
import { UnknownApiError } from "../core/errors.ts";
import { same } from "../core/same.ts";
import { LaneRegistry } from "../engine/lane-registry.ts";
import type { Runtime } from "../engine/runtime.ts";
import type { LaneSharing } from "../engine/sharing/lane-sharing.ts";
import type { OpenApi } from "./engine.ts";

/** What a reload has changed, by the names of APIs. */
export interface ApiChanges {
  readonly added: readonly string[];
  readonly changed: readonly string[];
  readonly removed: readonly string[];
}

/** A definition, checked and completed. */
export interface Definition {
  readonly name: string;
  readonly definition: ApiOptions;
  readonly api: ResolvedApi;
}

/** @throws ConfigError */
export function resolveApis(definitions: Readonly<Record<string, ApiOptions>>): readonly Definition[] {
  return Object.entries(definitions).map(([name, definition]) => ({ name, definition, api: resolveApi(name, definition) }));
}

interface Opened {
  api: ResolvedApi;
  readonly lanes: LaneRegistry;
  definition: ApiOptions;
}

/** The APIs of an engine. Their definitions may be replaced under way: lanes, credentials and quotas keep what they know. */
export class OpenApis {
  readonly #runtime: Runtime;
  readonly #sharing: LaneSharing | undefined;
  readonly #apis = new Map<string, Opened>();
  /** Those of the engine's own doors, which are in nobody's config. */
  readonly #own = new Map<string, OpenApi>();

  /** @param sharing with which lanes are shared with other processes */
  constructor(definitions: readonly Definition[], runtime: Runtime, sharing: LaneSharing | undefined) {
    this.#runtime = runtime;
    this.#sharing = sharing;
    for (const { name, api, definition } of definitions) this.#open(name, api, definition);
  }

  get(name: string): OpenApi | undefined {
    return this.#apis.get(name) ?? this.#own.get(name);
  }

  /** One of a door of ours: no reload takes it away. */
  add(name: string, open: OpenApi): void {
    this.#own.set(name, open);
  }

  /** Whether it is one of the user's. */
  has(name: string): boolean {
    return this.#apis.has(name);
  }

  /** As their user knows them. */
  names(): readonly string[] {
    return [...this.#apis.keys()];
  }

  /** @throws UnknownApiError */
  find(name: string): OpenApi {
    const open = this.get(name);
    if (open === undefined) throw this.unknown(name);
    return open;
  }

  unknown(name: string): UnknownApiError {
    return new UnknownApiError(name, this.names());
  }

  all(): readonly OpenApi[] {
    return [...this.#apis.values(), ...this.#own.values()];
  }

  /**
   * Other definitions from now on; calls under way end by the old ones. All are checked before any is taken: a mistake in one
   * leaves everything as it is.
   *
   * @throws ConfigError
   */
  replace(definitions: Readonly<Record<string, ApiOptions>>): ApiChanges {
    const resolved = resolveApis(definitions);
    const added: string[] = [];
    const changed: string[] = [];
    for (const { name, definition, api } of resolved) {
      const before = this.#apis.get(name);
      if (before === undefined) {
        this.#open(name, api, definition);
        added.push(name);
      } else if (!same(before.definition, definition)) {
        before.api = keeping(before, api, definition);
        before.definition = definition;
        before.lanes.replan(before.api);
        changed.push(name);
      }
    }
    const removed = [...this.#apis.keys()].filter((name) => !Object.hasOwn(definitions, name));
    for (const name of removed) this.#apis.delete(name);
    return { added, changed, removed };
  }

  #open(name: string, api: ResolvedApi, definition: ApiOptions): void {
    this.#apis.set(name, { api, lanes: new LaneRegistry(name, api, this.#runtime, this.#sharing), definition });
  }
}

/** The new definition with what the old one has got or counted, where both say the same of it. */
function keeping(before: Opened, api: ResolvedApi, definition: ApiOptions): ResolvedApi {
  return Object.freeze({
    ...api,
    ...(same(before.definition.auth, definition.auth) ? { credential: before.api.credential } : {}),
    ...(same(before.definition.retryQuota, definition.retryQuota) ? { quota: before.api.quota } : {}),
  });
}
