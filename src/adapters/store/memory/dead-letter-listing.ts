import type {
  ConcernedLetter,
  DeadLetter,
  DeadLetterFilter,
  DeadLetterGroup,
  DeadLetterStore,
  LetterSpan,
  OpenLetters,
  Page,
  PageRequest,
} from "../../../ports/dead-letter-store.ts";
import { decodeCursor, encodeCursor, PAGE_BYTES, pageLimit } from "../paging.ts";
import type { Sync } from "../sync.ts";
import { copyLetter, firstAfter, type Entry, type Group } from "./dead-letter-entry.ts";

/** The listings over entries that are sorted by (diedAt, seq), oldest first. */
export function listing(
  sorted: readonly Entry[],
  groupsOf: ReadonlyMap<string, Group>,
): Pick<Sync<DeadLetterStore>, "list" | "groups" | "openLetters" | "spread" | "concerned"> {
  const list = (filter: DeadLetterFilter, page: PageRequest): Page<DeadLetter> => {
    const limit = pageLimit(page);
    const after = decodeCursor<[number, number]>("dead-letters", page, 2);
    const accepts = matcher(filter);
    const items: DeadLetter[] = [];
    let bytes = 0;
    let last: Entry | undefined;
    for (let index = (after ? firstAfter(sorted, after[0], after[1] - 1) : sorted.length) - 1; index >= 0; index -= 1) {
      const entry = sorted[index] as Entry;
      if (!accepts(entry.letter)) continue;
      const weight = entry.letter.request?.body?.byteLength ?? 0;
      if (last && (items.length === limit || bytes + weight > PAGE_BYTES)) {
        return { items, next: encodeCursor("dead-letters", [last.letter.diedAt, last.seq]) };
      }
      items.push(copyLetter(entry.letter));
      bytes += weight;
      last = entry;
    }
    return { items, next: null };
  };

  const groups = (filter: DeadLetterFilter, page: PageRequest): Page<DeadLetterGroup> => {
    const limit = pageLimit(page);
    const after = decodeCursor<[number, number, number]>("dead-letter-groups", page, 3);
    const [mark, lastAt, lastGroup] = after ?? [lastSeq(sorted), Infinity, Infinity];
    const accepts = matcher(filter);
    const found = new Map<string, { open: number; total: number; firstAt: number; lastAt: number }>();
    for (const { seq, letter } of sorted) {
      if (seq > mark || !accepts(letter)) continue;
      const count = found.get(letter.fingerprint) ?? { open: 0, total: 0, firstAt: letter.diedAt, lastAt: letter.diedAt };
      count.total += 1;
      if (letter.state === "open") count.open += 1;
      count.lastAt = letter.diedAt;
      found.set(letter.fingerprint, count);
    }
    const rows = [...found]
      .map(([fingerprint, count]) => ({ group: groupsOf.get(fingerprint) as Group, count }))
      .filter(({ group, count }) => count.lastAt < lastAt || (count.lastAt === lastAt && group.seq < lastGroup))
      .sort((a, b) => b.count.lastAt - a.count.lastAt || b.group.seq - a.group.seq);
    const shown = rows.slice(0, limit);
    const end = shown.at(-1);
    return {
      items: shown.map(({ group, count }) => ({ ...group.first, state: group.state, regressed: group.regressed, ...count })),
      next: end && rows.length > limit ? encodeCursor("dead-letter-groups", [mark, end.count.lastAt, end.group.seq]) : null,
    };
  };

  const openLetters = (): readonly OpenLetters[] => {
    const found = new Map<string, OpenLetters>();
    for (const { letter } of sorted) {
      if (letter.state !== "open") continue;
      const { api, endpoint, diedAt } = letter;
      const key = JSON.stringify([api, endpoint]);
      const { open, oldestAt } = found.get(key) ?? { open: 0, oldestAt: diedAt };
      found.set(key, { api, endpoint, open: open + 1, oldestAt });
    }
    return [...found.values()].sort(byName);
  };

  const spread = (fingerprints: readonly string[], { from, stepMs, steps }: LetterSpan): number[][] => {
    const counts = new Map(fingerprints.map((fingerprint) => [fingerprint, Array.from({ length: steps }, () => 0)]));
    for (const { letter } of sorted) {
      const own = counts.get(letter.fingerprint);
      const step = Math.floor((letter.diedAt - from) / stepMs);
      if (own !== undefined && step >= 0 && step < steps) own[step] = (own[step] as number) + 1;
    }
    return fingerprints.map((fingerprint) => [...(counts.get(fingerprint) as number[])]);
  };

  const concerned = (since: number, limit: number): readonly ConcernedLetter[] =>
    sorted
      .filter(({ letter }) => letter.state === "open" && letter.diedAt >= since)
      .reverse()
      .slice(0, limit)
      .map(({ letter: { api, endpoint, partition, reason, labels, diedAt } }) => ({
        ...{ api, endpoint, partition, reason, diedAt },
        labels: { ...labels },
      }));

  return { list, groups, openLetters, spread, concerned };
}

function byName(a: OpenLetters, b: OpenLetters): number {
  if (a.api !== b.api) return a.api < b.api ? -1 : 1;
  return a.endpoint < b.endpoint ? -1 : Number(a.endpoint > b.endpoint);
}

/** Later pages of groups count only letters up to the mark, so that a group that grows meanwhile stays in its place. */
function lastSeq(sorted: readonly Entry[]): number {
  return sorted.reduce((last, { seq }) => Math.max(last, seq), 0);
}

function matcher(filter: DeadLetterFilter): (letter: DeadLetter) => boolean {
  const ids = filter.ids && new Set(filter.ids);
  const labels = Object.entries(filter.labels ?? {});
  return (letter) =>
    (!ids || ids.has(letter.id)) &&
    (filter.api === undefined || letter.api === filter.api) &&
    (filter.fingerprint === undefined || letter.fingerprint === filter.fingerprint) &&
    (filter.state === undefined || letter.state === filter.state) &&
    (filter.reason === undefined || letter.reason === filter.reason) &&
    (filter.since === undefined || letter.diedAt >= filter.since) &&
    (filter.until === undefined || letter.diedAt < filter.until) &&
    labels.every(([name, value]) => Object.hasOwn(letter.labels, name) && letter.labels[name] === value);
}
