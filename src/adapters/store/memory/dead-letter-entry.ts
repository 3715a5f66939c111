import type { DeadLetter, DeadLetterGroup, DeadLetterGroupState, NewDeadLetter } from "../../../ports/dead-letter-store.ts";

/** A letter and its place: `seq` counts additions, so that (diedAt, seq) orders any two. */
export interface Entry {
  readonly seq: number;
  letter: DeadLetter;
}

/** What somebody decided about a fingerprint, and its first member's words. */
export interface Group {
  readonly seq: number;
  readonly first: Pick<DeadLetterGroup, "fingerprint" | "title" | "api" | "endpoint" | "reason">;
  state: DeadLetterGroupState;
  regressed: boolean;
}

/** Index of the first entry that stands after (diedAt, seq). */
export function firstAfter(sorted: readonly Entry[], diedAt: number, seq: number): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const entry = sorted[middle] as Entry;
    if (entry.letter.diedAt < diedAt || (entry.letter.diedAt === diedAt && entry.seq <= seq)) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** A letter of its own: neither who stored it nor who reads it can change what is kept. */
export function copyLetter<Letter extends NewDeadLetter>(letter: Letter): Letter {
  const { request, ...rest } = letter;
  if (!request) return structuredClone(letter);
  const { body, ...head } = request;
  return { ...structuredClone(rest), request: { ...structuredClone(head), ...(body && { body: new Uint8Array(body) }) } } as Letter;
}
