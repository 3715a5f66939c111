import type { Runtime } from "../../engine/runtime.ts";
import type { TimerHandle } from "../../ports/clock.ts";
import type { DocumentStore } from "../../ports/document-store.ts";
import { all, collect } from "../documents.ts";
import { advance, firingOf, isOver, newAlert, type AlertReading, type AlertState } from "./alert.ts";
import type { StoredBaseline } from "./baseline.ts";
import { noticeOf, type AlertNotice } from "./notice.ts";
import type { AlertRule, AlertRuleName } from "./rules.ts";
import { covers, type Silence } from "./silence.ts";
import type { AlertWatch, StoreFacts } from "./watch.ts";

/** How often baselines are put away. */
const BASELINES_EVERY_MS = 300_000;

/** Another process that has kept a notice and not sent it within this time is gone. */
const TELLER_GONE_MS = 60_000;

/** An alert as the store keeps it: with the notice that has to go out still. */
interface StoredAlert {
  readonly state: AlertState;
  readonly telling?: AlertNotice;
}

interface Kept extends StoredAlert {
  /** Of its document in the store; 0 without one. */
  readonly revision: number;
  /** Whether the notice is ours to send. */
  readonly ours?: boolean;
}

export interface DeskParts {
  readonly runtime: Runtime;
  readonly documents: DocumentStore;
  readonly watch: AlertWatch;
  readonly rules: ReadonlyMap<AlertRuleName, AlertRule>;
  readonly everyMs: number;
  /** Asks the store what the watch cannot hear. */
  readonly facts: (now: number) => Promise<StoreFacts>;
  /** Puts a notice on its way to every sink, durably. */
  readonly tell: (notice: AlertNotice) => Promise<void>;
}

/**
 * Looks at the watch every few seconds, moves the alerts, and tells of their changes.
 *
 * A change is kept in the store with its notice before anybody is told, by compare-and-set: of several processes that see the same, one
 * tells, and a restart tells nobody again. A notice whose process ended before it was sent is sent by whoever finds it.
 */
export class AlertDesk {
  readonly #parts: DeskParts;
  readonly #alerts = new Map<string, Kept>();
  #silences: readonly Silence[] = [];
  #timer: TimerHandle = undefined;
  #running: Promise<void> | undefined = undefined;
  #baselinesAt: number;
  #closed = false;

  constructor(parts: DeskParts) {
    this.#parts = parts;
    this.#baselinesAt = parts.runtime.clock.now();
  }

  /** Takes over what the store knows, and begins. */
  async start(): Promise<void> {
    const { documents, runtime, watch } = this.#parts;
    const now = runtime.clock.now();
    for await (const { body, revision } of all(documents, "alert")) {
      const stored = JSON.parse(body) as StoredAlert;
      this.#alerts.set(keyOf(stored.state), { ...stored, revision, ours: true });
    }
    for await (const { id, body } of all(documents, "baseline")) watch.restore(id, JSON.parse(body) as StoredBaseline, now);
    this.#next();
  }

  /** What fires now, the most urgent first. */
  firing(): readonly AlertState[] {
    return firingOf([...this.#alerts.values()].map(({ state }) => state));
  }

  /** Looks once, now. What the store does not let it do it tries again at the next look. */
  look(): Promise<void> {
    return (this.#running ??= this.#look().finally(() => (this.#running = undefined)));
  }

  /** Puts the baselines away, and looks no more. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#parts.runtime.clock.clearTimer(this.#timer);
    await this.#running?.catch(() => undefined);
    await this.#keepBaselines(this.#parts.runtime.clock.now()).catch(() => undefined);
  }

  #next(): void {
    if (this.#closed) return;
    const { clock, events } = this.#parts.runtime;
    this.#timer = clock.setTimer(() => {
      this.look()
        .catch((error: unknown) => events.wants("store:failed") && events.emit("store:failed", { error }))
        .finally(() => this.#next());
    }, this.#parts.everyMs);
    clock.hold?.(this.#timer, false);
  }

  async #look(): Promise<void> {
    const { runtime, watch, rules, facts, documents } = this.#parts;
    const now = runtime.clock.now();
    this.#silences = (await collect(documents, "silence")).map(({ body }) => JSON.parse(body) as Silence);
    const readings = new Map(watch.readings(await facts(now), now).map((reading) => [keyOf(reading), reading]));
    for (const key of new Set([...readings.keys(), ...this.#alerts.keys()])) await this.#move(key, readings.get(key), rules, now);
    if (now - this.#baselinesAt >= BASELINES_EVERY_MS) await this.#keepBaselines(now);
  }

  async #move(key: string, reading: AlertReading | undefined, rules: ReadonlyMap<AlertRuleName, AlertRule>, now: number): Promise<void> {
    const kept = await this.#told(key, this.#alerts.get(key) ?? { state: newAlert(reading as AlertReading), revision: 0 }, now);
    if (kept === undefined) return;
    const rule = rules.get(kept.state.rule);
    // The rule has been switched off since: there is nobody to say that it is over.
    if (rule === undefined) return await this.#forget(key, kept, now);
    const { state, change } = advance(kept.state, rule, reading, now);
    if (change === undefined) {
      if (isOver(state) && kept.revision === 0) this.#alerts.delete(key);
      else this.#alerts.set(key, { state, revision: kept.revision });
      return;
    }
    const isSilent = this.#silences.some((silence) => covers(silence, state, now));
    const changed: StoredAlert = { state, ...(isSilent ? {} : { telling: noticeOf(change, state, kept.state.tier, now) }) };
    const written = await this.#write(key, changed, kept.revision, now);
    if (written !== undefined) await this.#told(key, written, now);
  }

  /** Keeps it as it is now; undefined where another process was first. What is over and told of is kept no longer. */
  async #write(key: string, stored: StoredAlert, revision: number, now: number): Promise<Kept | undefined> {
    const isGone = stored.telling === undefined && stored.state.tier === undefined;
    const body = isGone ? null : JSON.stringify(stored);
    const [written] = await this.#parts.documents.write([{ kind: "alert", id: key, revision, body, now }]);
    if (written !== "applied") {
      await this.#adopt(key);
      return undefined;
    }
    const kept: Kept = { ...stored, revision: isGone ? 0 : revision + 1, ours: true };
    if (isGone) this.#alerts.delete(key);
    else this.#alerts.set(key, kept);
    return kept;
  }

  /** Sends the notice that has to go out still, if there is one. */
  async #told(key: string, kept: Kept, now: number): Promise<Kept | undefined> {
    const { telling, state, revision } = kept;
    if (telling === undefined) return kept;
    if (kept.ours !== true && now - Date.parse(telling.at) < TELLER_GONE_MS) return undefined;
    await this.#parts.tell(telling);
    return await this.#write(key, { state }, revision, now);
  }

  /** Another process has moved it, and tells of it. */
  async #adopt(key: string): Promise<void> {
    const [document] = await this.#parts.documents.read([{ kind: "alert", id: key }]);
    if (document === undefined) this.#alerts.delete(key);
    else this.#alerts.set(key, { ...(JSON.parse(document.body) as StoredAlert), revision: document.revision });
  }

  async #forget(key: string, { revision }: Kept, now: number): Promise<void> {
    if (revision > 0) await this.#parts.documents.write([{ kind: "alert", id: key, revision, body: null, now }]);
    this.#alerts.delete(key);
  }

  async #keepBaselines(now: number): Promise<void> {
    const { documents, watch } = this.#parts;
    this.#baselinesAt = now;
    const baselines = [...watch.baselines()];
    const known = await documents.read(baselines.map(([id]) => ({ kind: "baseline", id })));
    await documents.write(
      baselines.map(([id, baseline], index) => ({
        kind: "baseline",
        id,
        revision: known[index]?.revision ?? 0,
        body: JSON.stringify(baseline),
        now,
      })),
    );
  }
}

function keyOf({ rule, subject }: { readonly rule: string; readonly subject: string }): string {
  return `${rule} ${subject}`;
}
