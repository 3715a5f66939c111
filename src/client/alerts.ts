import { responseOf } from "../core/response-of.ts";
import { readSecret } from "../api/secret.ts";
import { signWebhook } from "../policy/webhook/standard-webhooks.ts";
import type { Transport } from "../ports/transport.ts";
import type { AlertState } from "../signals/alerts/alert.ts";
import { AlertBook, type SilenceOptions } from "../signals/alerts/book.ts";
import { AlertDesk } from "../signals/alerts/desk.ts";
import { givenUpNotice, testNotice, type AlertNotice, type GivenUp } from "../signals/alerts/notice.ts";
import { covers, type Silence } from "../signals/alerts/silence.ts";
import { email } from "../signals/alerts/sinks/email.ts";
import { pagerduty } from "../signals/alerts/sinks/pagerduty.ts";
import type { SinkRequest } from "../signals/alerts/sinks/sink.ts";
import { slack } from "../signals/alerts/sinks/slack.ts";
import { documentsOf } from "../signals/documents.ts";
import { AlertWatch, type StoreFacts, type WatchedEvent } from "../signals/alerts/watch.ts";
import type { AlertSinkOptions, ResolvedAlertOptions } from "./alert-options.ts";
import type { Engine, OpenApi } from "./engine.ts";
import type { LocalApis } from "./local-apis.ts";
import type { Operation } from "./operation.ts";

/** The API that notices go through: none that a user could give. */
export const ALERTS_API = "@alerts";
/** A group whose first letter is older is no news. */
const NEWS_MS = 600_000;
const HEARD = [
  "attempt:settled",
  "call:settled",
  "operation:settled",
  "breaker:changed",
  "dead-letter:added",
  "sync:ended",
  "sync:held",
] as const satisfies readonly WatchedEvent[];

export type { SilenceOptions } from "../signals/alerts/book.ts";

/** A sink that was sent a test. */
export interface TestedSink {
  readonly sink: string;
  /** Carries the notice. */
  readonly operation: Operation;
}

/** Alerts as an operator handles them. */
export interface Alerts {
  /** What fires now, the most urgent first. */
  firing(): readonly AlertState[];
  /** Tells nobody of what it covers, until it ends. */
  silence(options: SilenceOptions): Promise<Silence>;
  silences(): Promise<readonly Silence[]>;
  /** Ends a silence before its time. @throws NotFoundError */
  endSilence(id: string): Promise<void>;
  /** Puts a test notice on its way to every sink; resolves when it is in the queue, with the operations that carry it. */
  test(): Promise<readonly TestedSink[]>;
  /**
   * Tells every sink of something that was given up outside the engine's calls, as `holdfast exec` does: under the rule `exhausted`, so
   * that switching it off or a silence holds for it. Once for each letter. Resolves with the operations that carry it, when they are in
   * the queue.
   */
  givenUp(what: GivenUp): Promise<readonly Operation[]>;
}

export interface AlertParts {
  readonly engine: Engine;
  readonly locals: LocalApis;
  readonly options: ResolvedAlertOptions;
  /** What carries notices out. */
  readonly transport: Transport;
  readonly register: (api: OpenApi) => void;
  readonly enqueue: (endpoint: string, notice: AlertNotice, key: readonly unknown[]) => Promise<Operation>;
}

/**
 * Watches an engine, and tells people. A notice is an operation of the queue: it survives a crash and a receiver that is down, and one
 * that nobody takes ends as a dead letter.
 */
export class AlertDoor implements Alerts {
  readonly #parts: AlertParts;
  readonly #watch: AlertWatch;
  readonly #desk: AlertDesk;
  readonly #silent: (() => void)[];

  constructor(parts: AlertParts) {
    const { engine, locals, options } = parts;
    const { runtime, store } = engine;
    this.#parts = parts;
    this.#watch = new AlertWatch(options.rules, options.critical);
    this.#silent = HEARD.map((name) => runtime.events.on(name, (event) => this.#watch.hear(name, event, runtime.clock.now())));
    this.#desk = new AlertDesk({
      runtime,
      documents: documentsOf(store.documents, store.name),
      watch: this.#watch,
      rules: options.rules,
      everyMs: options.everyMs,
      facts: (now) => this.#facts(now),
      tell: async (notice) => void (await this.#tell(notice)),
    });
    parts.register(
      locals.open(
        ALERTS_API,
        {
          // The receiver of a notice dedupes by its key, and one that comes twice is better than none.
          idempotency: {},
          repeatable: true,
          retryBudget: false,
          retry: { maxAttempts: 8, backoff: ["5s", "30s", "2m", "10m", "30m", "2h", "6h"] },
          timeout: { attempt: "20s" },
        },
        (request) => this.#deliver(request),
      ),
    );
  }

  /** Takes over what the store knows, and begins to look. */
  start(): Promise<void> {
    return this.#desk.start();
  }

  /** Looks now, and not only when the time has come. */
  look(): Promise<void> {
    return this.#desk.look();
  }

  firing(): readonly AlertState[] {
    return this.#desk.firing();
  }

  silence(options: SilenceOptions): Promise<Silence> {
    return this.#book.silence(options);
  }

  silences(): Promise<readonly Silence[]> {
    return this.#book.silences();
  }

  endSilence(id: string): Promise<void> {
    return this.#book.endSilence(id);
  }

  async test(): Promise<readonly TestedSink[]> {
    const { options, engine } = this.#parts;
    const operations = await this.#tell(testNotice(engine.runtime.clock.now()));
    return operations.map((operation, index) => ({ sink: options.to[index]?.name ?? "", operation }));
  }

  async givenUp(what: GivenUp): Promise<readonly Operation[]> {
    const now = this.#parts.engine.runtime.clock.now();
    const notice = givenUpNotice(what, now);
    if (this.#parts.options.rules.get("exhausted")?.critical === undefined) return [];
    if ((await this.silences()).some((silence) => covers(silence, notice, now))) return [];
    return await this.#tell(notice);
  }

  async close(): Promise<void> {
    for (const silent of this.#silent) silent();
    await this.#desk.close();
  }

  get #book(): AlertBook {
    const { store, runtime } = this.#parts.engine;
    return new AlertBook({ documents: documentsOf(store.documents, store.name), clock: runtime.clock, random: runtime.random });
  }

  async #tell(notice: AlertNotice): Promise<readonly Operation[]> {
    const { options, enqueue } = this.#parts;
    return await Promise.all(
      options.to.map(({ name }) => enqueue(`POST /${name}`, notice, [name, notice.key, notice.change, notice.tier])),
    );
  }

  /** What only the store knows. */
  async #facts(now: number): Promise<StoreFacts> {
    const { deadLetters, operations } = this.#parts.engine.store;
    const joined = this.#watch.joinedGroups();
    const news: StoreFacts["news"][number][] = [];
    for (const fingerprint of joined) {
      const { items } = await deadLetters.groups({ fingerprint }, { limit: 1 });
      for (const { title, api, regressed, firstAt } of items)
        if (regressed || now - firstAt < NEWS_MS) news.push({ fingerprint, title, api });
    }
    this.#watch.lookedAt(joined);
    const oldestDue = new Map<string, number>();
    for (const { api, oldestDueAt } of (await operations?.backlog(now)) ?? []) {
      if (oldestDueAt !== undefined) oldestDue.set(api, Math.min(oldestDueAt, oldestDue.get(api) ?? Number.POSITIVE_INFINITY));
    }
    return { news, oldestDue };
  }

  /** Carries a notice to its sink. Secrets are read now, so that a rotated one counts. */
  async #deliver(request: Request): Promise<Response> {
    const name = decodeURIComponent(new URL(request.url).pathname.split("/").at(-1) ?? "");
    const sink = this.#parts.options.to.find((one) => one.name === name);
    // It was taken out of the config since.
    if (sink === undefined) return new Response(`there is no sink ${name} any more`, { status: 410 });
    const notice = (await request.json()) as AlertNotice;
    if (sink.type === "email" || sink.type === "function") return await handOver(sink, notice);
    const { url, headers, body } = await this.#rendered(sink, notice, request.headers.get("idempotency-key") ?? notice.key);
    return responseOf(await this.#parts.transport(url, { method: "POST", headers, body, redirect: "manual", signal: request.signal }));
  }

  async #rendered(
    sink: Extract<AlertSinkOptions, { readonly type: "slack" | "webhook" | "pagerduty" }>,
    notice: AlertNotice,
    id: string,
  ): Promise<SinkRequest> {
    const path = `alerts.to.${sink.name ?? sink.type}`;
    switch (sink.type) {
      case "slack":
        return slack(notice, { url: await readSecret(sink.url, `${path}.url`) });
      case "pagerduty":
        return pagerduty(notice, {
          routingKey: await readSecret(sink.routingKey, `${path}.routingKey`),
          ...(sink.url === undefined ? {} : { url: sink.url }),
        });
      case "webhook": {
        const body = JSON.stringify({ type: `alert.${notice.change}`, timestamp: notice.at, data: notice });
        const now = this.#parts.engine.runtime.clock.now();
        const signed =
          sink.secret === undefined
            ? { "webhook-id": id, "webhook-timestamp": String(Math.floor(now / 1_000)) }
            : await signWebhook({ id, now, body, secrets: [await readSecret(sink.secret, `${path}.secret`)], path: `${path}.secret` });
        return { url: await readSecret(sink.url, `${path}.url`), headers: { "content-type": "application/json", ...signed }, body };
      }
    }
  }
}

/** To what stands in this process. What it throws is an answer that says to come again. */
async function handOver(sink: Extract<AlertSinkOptions, { readonly type: "email" | "function" }>, notice: AlertNotice): Promise<Response> {
  try {
    if (sink.type === "function") await sink.tell(notice);
    else await sink.transport.sendMail({ from: sink.from, to: [sink.to].flat().join(", "), ...email(notice) });
    return new Response(null, { status: 204 });
  } catch (error) {
    return new Response(error instanceof Error ? error.message : String(error), { status: 502 });
  }
}
