import { checkSecret, readSecret, type SecretSource } from "../api/secret.ts";
import { ConfigError } from "../core/errors.ts";
import { refuseUnknown } from "../core/options.ts";
import { shown } from "../core/shown.ts";
import { isSync, type ResolvedSync, type SyncDefinition } from "../durable/sync/definition.ts";
import { syncHandler } from "../durable/sync/handler.ts";
import type { SyncResult } from "../durable/sync/report.ts";
import { SyncRun, type ParkedRecord, type RunOptions, type SyncPorts } from "../durable/sync/run.ts";
import { judgeAnswer, judgeBatch, judgeThrown, SyncItem } from "../durable/sync/sink.ts";
import { lastBegun } from "../core/explain.ts";
import { sha256Hex } from "../policy/idempotency/sha256.ts";
import { shownCursor } from "../policy/watermark/cursor.ts";
import { utf8 } from "../policy/webhook/encoding.ts";
import { hmac, isHmac } from "../policy/webhook/hmac.ts";
import type { StoredRequest } from "../ports/dead-letter-store.ts";
import type { Engine, OpenApi } from "./engine.ts";
import { localUrl, type LocalApis } from "./local-apis.ts";
import type { OpenApis } from "./open-apis.ts";
import { checkSignal } from "./options.ts";
import { statusOf, watermarksOf, type SyncStatus } from "./syncs.ts";

/** A sync that can be run here. */
export interface Sync {
  readonly name: string;
  /**
   * Runs it once: 200 complete, 207 partial, 409 running, 500 failed, as `status` says. Nothing is thrown for what the source, the sink
   * or the store do; the result says it.
   */
  run(options?: RunOptions): Promise<SyncResult>;
  /**
   * An HTTP endpoint that runs it, for a cron service: a Next.js or Hono route, an edge function. `secret` is looked for in
   * `Authorization: Bearer …`.
   */
  handler(options?: { readonly secret?: SecretSource }): (request: Request) => Promise<Response>;
  /** How it stands; undefined before its first run. */
  status(): Promise<SyncStatus | undefined>;
}

/** The syncs that were opened in this process. */
export class SyncDoor {
  readonly #engine: Engine;
  readonly #locals: LocalApis;
  readonly #apis: OpenApis;
  readonly #fetch: (api: string) => typeof globalThis.fetch;
  readonly #opened = new Map<string, SyncDefinition>();
  readonly #closing = new AbortController();

  constructor(engine: Engine, locals: LocalApis, apis: OpenApis, fetch: (api: string) => typeof globalThis.fetch) {
    this.#engine = engine;
    this.#locals = locals;
    this.#apis = apis;
    this.#fetch = fetch;
  }

  open(definition: SyncDefinition): Sync {
    if (!isSync(definition))
      throw new ConfigError({ path: "sync", message: `hf.sync() takes what defineSync() gave, not ${shown(definition)}` });
    const { name, resolved } = definition;
    const known = this.#opened.get(name);
    if (known !== undefined && known !== definition) {
      throw new ConfigError({
        path: "sync.name",
        message: `two syncs are named ${JSON.stringify(name)}; one would move the other's watermark`,
      });
    }
    const ports = this.#ports();
    if (known === undefined) {
      this.#opened.set(name, definition);
      this.#apis.add(apiOf(name), this.#parked(resolved, ports));
    }
    const run = (options: RunOptions = {}): Promise<SyncResult> => this.#run(resolved, ports, options);
    return {
      name,
      run,
      handler: ({ secret, ...rest } = {}) => {
        refuseUnknown(rest, [], "handler");
        if (secret !== undefined) checkSecret(secret, "handler.secret");
        return syncHandler(() => run(), secret === undefined ? {} : { secret: (given) => isSecret(secret, given) });
      },
      status: async () => {
        const view = await ports.store.read(name);
        return view === undefined ? undefined : statusOf(view);
      },
    };
  }

  /** Ends what runs: it is kept as far as it came. */
  stop(reason: unknown): void {
    this.#closing.abort(reason);
  }

  async #run(sync: ResolvedSync, ports: SyncPorts, options: RunOptions): Promise<SyncResult> {
    refuseUnknown(options, ["signal"], "run");
    if (options.signal !== undefined) checkSignal(options.signal, "run.signal");
    const { signal } = this.#closing;
    this.#engine.begun();
    try {
      const both = options.signal === undefined ? signal : AbortSignal.any([options.signal, signal]);
      const result = await new SyncRun(sync, ports, { signal: both }).execute();
      this.#tell(sync, result);
      return result;
    } finally {
      this.#engine.ended();
    }
  }

  #tell(sync: ResolvedSync, result: SyncResult): void {
    const { events, clock } = this.#engine.runtime;
    if (result.outcome === "running") return;
    const { run, outcome, read, done, failed, parked, watermark } = result;
    if (events.wants("sync:ended"))
      events.emit("sync:ended", { sync: sync.name, run, outcome, read, done, failed, parked, watermark: watermark.after });
    const heldMs = watermark.heldSince === undefined ? 0 : clock.now() - watermark.heldSince;
    if (heldMs < sync.alertAfterMs || watermark.heldSince === undefined || !events.wants("sync:held")) return;
    const level = heldMs >= 4 * sync.alertAfterMs ? "critical" : "warning";
    events.emit("sync:held", { sync: sync.name, run, level, heldSince: watermark.heldSince, heldMs, blockedBy: watermark.blockedBy });
  }

  #ports(): SyncPorts {
    const { store, runtime } = this.#engine;
    return {
      store: watermarksOf(store),
      runtime,
      fetch: this.#fetch,
      judge: (api, endpoint, answer) => {
        const open = this.#apis.get(api);
        if (open === undefined)
          throw new ConfigError({ path: "sync.sink", message: `there is no API named ${shown(api)} whose rules could judge` });
        return judgeAnswer(open.api.settings(endpoint).classifier, { ...answer, endpoint }, runtime.clock.now());
      },
      park: (name, record, generation) => this.#park(name, record, generation),
      failed: (error) => {
        if (runtime.events.wants("store:failed")) runtime.events.emit("store:failed", { error });
      },
    };
  }

  /** Keeps a record so that a replay gives it to the sync's sink again. */
  async #park(sync: string, { item, reason, verdict, attempts }: ParkedRecord, generation: number): Promise<string> {
    const now = this.#engine.runtime.clock.now();
    const id = letterId(`${item.key} ${generation}`);
    const request = requestOf(sync, item);
    const because = attempts.at(-1)?.because ?? { code: "permanent", detail: verdict.because };
    await this.#engine.keep(
      {
        id,
        api: apiOf(sync),
        endpoint: ENDPOINT,
        partition: "",
        reason,
        because,
        ...(request === undefined ? {} : { request }),
        operation: `record ${item.id} of the sync ${sync}`,
        idempotencyKey: item.key,
        labels: { sync, record: item.id },
        attempts,
        firstAttemptAt: attempts[0]?.startedAt ?? now,
        diedAt: now,
      },
      verdict,
    );
    return id;
  }

  /** Where parked records are sent when they are replayed: the sync's own sink, one by one. */
  #parked(sync: ResolvedSync, ports: SyncPorts): OpenApi {
    // A record is given once for each replay that somebody asks for; the sink's own API has its own limits.
    const options = { repeatable: true, retry: { maxAttempts: 1 }, breaker: false, idempotency: {} } as const;
    return this.#locals.open(apiOf(sync.name), options, async (request) => {
      const { id, cursor, record } = (await request.json()) as {
        readonly id: string;
        readonly cursor: SyncItem["cursor"];
        readonly record: unknown;
      };
      const { clock } = this.#engine.runtime;
      const item = new SyncItem(sync.name, record, id, cursor);
      const context = { sync: sync.name, run: "replay", fetch: ports.fetch, judge: ports.judge, signal: request.signal };
      const since = lastBegun();
      const [judged] = await Promise.resolve(sync.sink([item], context)).then(
        (answer) => judgeBatch([item], answer, clock.now()),
        (error: unknown) => [judgeThrown(error, 1, since, clock.now())],
      );
      const verdict = judged?.verdict;
      if (verdict === undefined || verdict.kind === "success" || verdict.conflict === "duplicate")
        return new Response(null, { status: 204 });
      return Response.json({ rule: verdict.rule, because: verdict.because }, { status: verdict.kind === "permanent" ? 422 : 503 });
    });
  }
}

const ENDPOINT = "POST /records";

function apiOf(sync: string): string {
  return `sync:${sync}`;
}

/** Undefined for a record that has no JSON form: it is kept by name only. */
function requestOf(sync: string, { id, cursor, record }: SyncItem): StoredRequest | undefined {
  let body: string;
  try {
    body = JSON.stringify({ id, cursor, at: shownCursor(cursor), record });
  } catch {
    return undefined;
  }
  return { method: "POST", url: `${localUrl(apiOf(sync))}/records`, headers: [["content-type", "application/json"]], body: utf8(body) };
}

/** The same record parked again after a crash is the same letter. A UUID of version 8 (RFC 9562 §5.8), since it is made of a hash. */
function letterId(name: string): string {
  const hex = sha256Hex(name);
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}

/** Takes the same time for every wrong one. */
async function isSecret(source: SecretSource, given: string): Promise<boolean> {
  const message = utf8("holdfast");
  return await isHmac(new Uint8Array(await hmac(utf8(given), message)), utf8(await readSecret(source, "handler.secret")), message);
}
