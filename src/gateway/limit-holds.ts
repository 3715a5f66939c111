import type { LimitOptions, LimitOverride } from "../client/limit-overrides.ts";
import type { Holdfast } from "../client/holdfast.ts";
import { NotFoundError } from "../core/errors.ts";
import type { Duration } from "../core/duration.ts";
import type { Clock } from "../ports/clock.ts";
import type { DocumentStore } from "../ports/document-store.ts";
import { allOf } from "./documents.ts";

const KIND = "limit-hold";

/**
 * Limits that hold for a while. They stand in the store: a restart forgets none, and every gateway over the store keeps them within
 * seconds. The engine itself ends each when its time is over.
 */
export class LimitHolds {
  readonly #hf: Holdfast;
  readonly #documents: DocumentStore;
  readonly #clock: Clock;
  /** What this process has put into force, by id. */
  #inForce: ReadonlyMap<string, string> = new Map();
  #known: readonly LimitOverride[] = [];

  constructor(hf: Holdfast, documents: DocumentStore, clock: Clock) {
    this.#hf = hf;
    this.#documents = documents;
    this.#clock = clock;
  }

  /** As they stood when they were read last. */
  get known(): readonly LimitOverride[] {
    return this.#known;
  }

  /** @throws ConfigError, UnknownApiError */
  async set(
    given: LimitOptions & {
      readonly api: string;
      readonly endpoint: string;
      readonly for: Duration;
      readonly by: string;
      readonly reason: string;
    },
  ): Promise<LimitOverride> {
    // First what can be refused, so that nothing stands in the store that has no effect.
    const { endpoint, ...rest } = given;
    const hold = this.#hf.limits.set({ ...rest, ...(endpoint === "*" ? {} : { endpoint }) });
    await this.#write(idOf(hold), JSON.stringify(hold));
    await this.look();
    return hold;
  }

  /** @throws NotFoundError */
  async end(api: string, endpoint: string): Promise<void> {
    const id = idOf({ api, endpoint });
    const [found] = await this.#documents.read([{ kind: KIND, id }]);
    if (found === undefined)
      throw new NotFoundError(
        `no limits are set over those of the config for ${api}${endpoint === "*" ? "" : ` ${endpoint}`}; they may have ended`,
      );
    await this.#write(id, null);
    await this.look();
  }

  /** Puts into force what others have set, and ends what is over. */
  async look(): Promise<void> {
    const now = this.#clock.now();
    const inForce = new Map<string, string>();
    const known: LimitOverride[] = [];
    for (const { id, revision, changedAt, parsed } of await allOf(this.#documents, KIND)) {
      const hold = parsed as LimitOverride;
      if (hold.until <= now) {
        await this.#documents.write([{ kind: KIND, id, revision, body: null, now }]);
        continue;
      }
      const stamp = `${revision} ${changedAt}`;
      inForce.set(id, stamp);
      known.push(hold);
      if (this.#inForce.get(id) !== stamp) this.#force(hold, now);
    }
    for (const id of this.#inForce.keys()) if (!inForce.has(id)) this.#restore(id);
    this.#inForce = inForce;
    this.#known = known;
  }

  #force({ api, endpoint, limits, by, reason, until }: LimitOverride, now: number): void {
    const standing = this.#hf.limits.list().some((one) => one.api === api && one.endpoint === endpoint && one.until === until);
    if (standing) return;
    try {
      this.#hf.limits.set({ api, ...(endpoint === "*" ? {} : { endpoint }), ...limits, for: until - now, by, reason });
    } catch {
      // An API that this process does not have: there is nothing to limit here.
    }
  }

  #restore(id: string): void {
    const [api, endpoint] = JSON.parse(id) as [string, string];
    if (!this.#hf.limits.list().some((one) => one.api === api && one.endpoint === endpoint)) return;
    this.#hf.limits.end({ api, ...(endpoint === "*" ? {} : { endpoint }), by: "the store" });
  }

  /** The last word counts. */
  async #write(id: string, body: string | null): Promise<void> {
    for (;;) {
      const ref = { kind: KIND, id };
      const [found] = await this.#documents.read([ref]);
      if (found === undefined && body === null) return;
      const [result] = await this.#documents.write([{ ...ref, revision: found?.revision ?? 0, body, now: this.#clock.now() }]);
      if (result === "applied") return;
    }
  }
}

function idOf({ api, endpoint }: Pick<LimitOverride, "api" | "endpoint">): string {
  return JSON.stringify([api, endpoint]);
}
