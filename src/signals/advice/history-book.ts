import type { DocumentStore } from "../../ports/document-store.ts";
import { collect } from "../documents.ts";
import { EndpointTally, type EndpointHistory } from "./history.ts";

const KIND = "advice";
const DAY_MS = 86_400_000;
/** What is older says nothing of how it is now. */
const DAYS = 7;
/** Writers of one document that come between; then it is left for the next time. */
const TRIES = 5;

/**
 * The history of every endpoint in the store, one document for a day: processes add to it by compare-and-set, and what is older than a week
 * goes.
 */
export class HistoryBook {
  readonly #documents: DocumentStore;

  constructor(documents: DocumentStore) {
    this.#documents = documents;
  }

  /** Adds what was counted. Answers what could not be added, since too many did so at once. */
  async add(tallies: readonly EndpointTally[], now: number): Promise<readonly EndpointTally[]> {
    let left = tallies;
    for (let tries = 0; tries < TRIES && left.length > 0; tries += 1) left = await this.#add(left, now);
    if (tallies.length > 0) await this.#tidy(now);
    return left;
  }

  /** The days that count still. */
  async read(now: number): Promise<readonly EndpointHistory[]> {
    const all = await collect(this.#documents, KIND);
    return all.filter(({ id }) => !isOver(id, now)).map(({ body }) => JSON.parse(body) as EndpointHistory);
  }

  async #add(tallies: readonly EndpointTally[], now: number): Promise<readonly EndpointTally[]> {
    const refs = tallies.map((tally) => ({ kind: KIND, id: idOf(tally, now) }));
    const known = await this.#documents.read(refs);
    const results = await this.#documents.write(
      tallies.map((tally, index) => {
        const before = known[index];
        const merged = new EndpointTally(tally.api, tally.endpoint, tally.since);
        if (before !== undefined) merged.take(JSON.parse(before.body) as EndpointHistory);
        merged.take(tally.toJSON());
        return { ...(refs[index] as (typeof refs)[number]), revision: before?.revision ?? 0, body: JSON.stringify(merged), now };
      }),
    );
    return tallies.filter((_, index) => results[index] !== "applied");
  }

  async #tidy(now: number): Promise<void> {
    const old = (await collect(this.#documents, KIND)).filter(({ id }) => isOver(id, now));
    if (old.length > 0) await this.#documents.write(old.map(({ id, revision }) => ({ kind: KIND, id, revision, body: null, now })));
  }
}

function idOf({ api, endpoint }: EndpointTally, now: number): string {
  return `${Math.floor(now / DAY_MS)} ${api} ${endpoint}`;
}

function isOver(id: string, now: number): boolean {
  return Number(id.split(" ", 1)[0]) <= Math.floor(now / DAY_MS) - DAYS;
}
