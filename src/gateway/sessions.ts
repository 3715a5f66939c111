import type { Clock } from "../ports/clock.ts";
import type { DocumentStore } from "../ports/document-store.ts";
import { tokenHash, tokenOf, type Authenticator } from "./auth.ts";
import { allOf } from "./documents.ts";
import type { TokenEntry } from "./principal.ts";

const KIND = "gateway-session";
/** A working day: who comes back tomorrow signs in again. */
const LIFE_MS = 12 * 3_600_000;
/** Of one token, so that nobody fills the store with them; the oldest goes. */
const MOST_OF_ONE = 50;

type Kept = TokenEntry & { readonly parent: string; readonly expiresAt: number };

/**
 * Who has signed in to the dashboard. A session is a token of its own, with the rights of the one that it was traded for and a day of
 * life, so that the page never keeps a token that works for longer. It ends with that token, too. Sessions stand in the store by their
 * hash: a restart signs nobody out, and each process over the store knows them within seconds.
 */
export class Sessions {
  readonly #documents: DocumentStore;
  readonly #clock: Clock;
  readonly #randomBytes: (count: number) => Uint8Array;
  readonly #authenticator: Pick<Authenticator, "replace">;

  constructor(
    documents: DocumentStore,
    clock: Clock,
    randomBytes: (count: number) => Uint8Array,
    authenticator: Pick<Authenticator, "replace">,
  ) {
    this.#documents = documents;
    this.#clock = clock;
    this.#randomBytes = randomBytes;
    this.#authenticator = authenticator;
  }

  /** Trades a token that lets somebody in for a session. */
  async begin(given: TokenEntry): Promise<{ readonly session: string; readonly expiresAt: number; readonly lifeMs: number }> {
    const now = this.#clock.now();
    const session = tokenOf(this.#randomBytes(32));
    const { name, scopes, apis, account, rateLimit } = given;
    const kept: Kept = {
      ...{ name, scopes, sha256: tokenHash(session), parent: given.parent ?? given.sha256 },
      ...(apis === undefined ? {} : { apis }),
      ...(account === undefined ? {} : { account }),
      ...(rateLimit === undefined ? {} : { rateLimit }),
      expiresAt: Math.min(now + LIFE_MS, given.expiresAt ?? Number.POSITIVE_INFINITY),
    };
    await this.#documents.write([{ kind: KIND, id: kept.sha256, revision: 0, body: JSON.stringify(kept), now }]);
    await this.look();
    return { session, expiresAt: kept.expiresAt, lifeMs: kept.expiresAt - now };
  }

  /** Signs out. What is no session is left alone. */
  async end(session: string): Promise<void> {
    await this.#drop([tokenHash(session)]);
    await this.look();
  }

  /** Takes over what others have begun and ended, and forgets what is over. */
  async look(): Promise<void> {
    const now = this.#clock.now();
    const byParent = Map.groupBy(
      (await allOf(this.#documents, KIND)).map(({ parsed }) => parsed as Kept),
      ({ parent }) => parent,
    );
    const live: Kept[] = [];
    const over: string[] = [];
    for (const sessions of byParent.values()) {
      // They are listed in the order in which they began.
      const newestFirst = sessions.filter(({ expiresAt }) => expiresAt > now).reverse();
      live.push(...newestFirst.slice(0, MOST_OF_ONE));
      over.push(...newestFirst.slice(MOST_OF_ONE).map(({ sha256 }) => sha256));
      over.push(...sessions.filter(({ expiresAt }) => expiresAt <= now).map(({ sha256 }) => sha256));
    }
    this.#authenticator.replace("sessions", live);
    await this.#drop(over);
  }

  async #drop(ids: readonly string[]): Promise<void> {
    if (ids.length === 0) return;
    const found = await this.#documents.read(ids.map((id) => ({ kind: KIND, id })));
    const now = this.#clock.now();
    const writes = found.flatMap((one) => (one === undefined ? [] : [{ kind: KIND, id: one.id, revision: one.revision, body: null, now }]));
    if (writes.length > 0) await this.#documents.write(writes);
  }
}
