import { StoreError } from "../../../core/errors.ts";
import type { ChangeResult, DeadLetter, DeadLetterChange, DeadLetterStore, NewDeadLetter } from "../../../ports/dead-letter-store.ts";
import type { Sync } from "../sync.ts";
import { copyLetter, firstAfter, type Entry, type Group } from "./dead-letter-entry.ts";
import { listing } from "./dead-letter-listing.ts";

/**
 * Dead letters in a Map, and in an array that is kept sorted, oldest first. They are never dropped to make room: at
 * `maxDeadLetters` the store refuses more, since losing one silently is the one thing it must not do.
 */
export function deadLetters(maxDeadLetters: number): Sync<DeadLetterStore> {
  const byId = new Map<string, Entry>();
  const groups = new Map<string, Group>();
  const sorted: Entry[] = [];
  let lastSeq = 0;

  /** Makes the letter's group where it is new; a letter that is open re-opens it where it was resolved. */
  const joinGroup = ({ fingerprint, title, api, endpoint, reason, state }: DeadLetter): void => {
    const group = groups.get(fingerprint);
    if (!group) {
      groups.set(fingerprint, { seq: groups.size, first: { fingerprint, title, api, endpoint, reason }, state: "open", regressed: false });
    } else if (group.state === "resolved" && state === "open") {
      group.state = "open";
      group.regressed = true;
    }
  };

  const add = (letters: readonly NewDeadLetter[]): void => {
    const fresh = new Map<string, NewDeadLetter>();
    for (const letter of letters) if (!byId.has(letter.id) && !fresh.has(letter.id)) fresh.set(letter.id, letter);
    if (byId.size + fresh.size > maxDeadLetters) {
      throw new StoreError(
        `the memory store holds ${byId.size} dead letters and takes at most ${maxDeadLetters} (option maxDeadLetters); ` +
          "replay or discard some and sweep them, or use a store that keeps them on disk, such as sqlite()",
      );
    }
    for (const letter of fresh.values()) {
      const entry: Entry = {
        seq: (lastSeq += 1),
        letter: { ...copyLetter(letter), state: "open", revision: 1, replays: 0, changedAt: letter.diedAt },
      };
      byId.set(letter.id, entry);
      sorted.splice(firstAfter(sorted, letter.diedAt, entry.seq), 0, entry);
      joinGroup(entry.letter);
    }
  };

  const change = (wanted: DeadLetterChange): ChangeResult => {
    const entry = byId.get(wanted.id);
    if (!entry) return "missing";
    const old = entry.letter;
    if (old.revision !== wanted.revision) return "stale";
    entry.letter = {
      ...old,
      ...wanted.group,
      state: wanted.state,
      reason: wanted.reason ?? old.reason,
      because: structuredClone(wanted.because ?? old.because),
      attempts: [...old.attempts, ...structuredClone(wanted.attempts ?? [])],
      revision: old.revision + 1,
      replays: old.replays + (wanted.replayed === true ? 1 : 0),
      changedAt: wanted.now,
      ...(wanted.note !== undefined && { note: wanted.note }),
    };
    const moved = entry.letter.fingerprint !== old.fingerprint;
    if (moved || (wanted.state === "open" && old.state !== "open")) joinGroup(entry.letter);
    return "applied";
  };

  return {
    add,
    get: (id) => {
      const entry = byId.get(id);
      return entry && copyLetter(entry.letter);
    },
    ...listing(sorted, groups),
    change: (changes) => changes.map(change),
    setGroupState: (fingerprint, state) => {
      const group = groups.get(fingerprint);
      if (!group) return false;
      group.state = state;
      group.regressed = false;
      return true;
    },
    sweep: (before, limit) => {
      const gone = sorted
        .filter(({ letter }) => (letter.state === "resolved" || letter.state === "discarded") && letter.changedAt <= before)
        .sort((a, b) => a.letter.changedAt - b.letter.changedAt || a.seq - b.seq)
        .slice(0, limit);
      for (const { letter } of gone) byId.delete(letter.id);
      let kept = 0;
      for (const entry of sorted) if (byId.has(entry.letter.id)) sorted[kept++] = entry;
      sorted.length = kept;
      return gone.length;
    },
  };
}
