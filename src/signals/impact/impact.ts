import type { ConcernedLetter } from "../../ports/dead-letter-store.ts";
import type { WaitingOperation } from "../../ports/operation-store.ts";
import { inWords } from "./words.ts";

/** What is asked: whom, by which label, and what is counted. */
export interface ImpactQuestion {
  /** The label whose values are told apart, such as `campaign`. */
  readonly label: string;
  /** The label whose values are counted, such as `lead`. Left out: operations. */
  readonly of: string | undefined;
}

/** What waits at one API. */
export interface WaitingAt {
  readonly api: string;
  readonly count: number;
  /** Since when the first of them has waited: when it was accepted. Wall-clock ms. */
  readonly since: number;
  /** Why most of them do, by the code of what parked them; `due` for what could go. */
  readonly because: string;
}

/** What is dead at one API. */
export interface DeadAt {
  readonly api: string;
  readonly count: number;
  /** Of these it is not known whether they happened. */
  readonly unknown: number;
  /** When the first and the last of them died; wall-clock ms. */
  readonly firstAt: number;
  readonly lastAt: number;
}

/** Whom it concerns, of one value of the label. */
export interface Impact {
  /** Null: operations without the label. */
  readonly value: string | null;
  readonly waiting: { readonly count: number; readonly apis: readonly WaitingAt[] };
  /** Open dead letters: somebody has to look. */
  readonly needsPerson: { readonly count: number; readonly unknown: number; readonly apis: readonly DeadAt[] };
  /** The same in a sentence. */
  readonly text: string;
}

/** What was found, and whether that is all. */
export interface Concerned {
  readonly waiting: readonly WaitingOperation[];
  readonly letters: readonly ConcernedLetter[];
  /** Not all could be looked at: there are at least so many. */
  readonly atLeast: boolean;
}

interface Sum {
  readonly waiting: Map<string, WaitingOperation[]>;
  readonly letters: Map<string, ConcernedLetter[]>;
}

/** Counts by the label's values, those whom most hangs on first. */
export function impactOf(question: ImpactQuestion, { waiting, letters, atLeast }: Concerned): readonly Impact[] {
  const byValue = new Map<string | null, Sum>();
  const sumOf = (labels: Readonly<Record<string, string>>): Sum => {
    const value = Object.hasOwn(labels, question.label) ? (labels[question.label] as string) : null;
    let sum = byValue.get(value);
    if (sum === undefined) byValue.set(value, (sum = { waiting: new Map(), letters: new Map() }));
    return sum;
  };
  for (const one of waiting) push(sumOf(one.labels).waiting, one.api, one);
  for (const one of letters) push(sumOf(one.labels).letters, one.api, one);
  return [...byValue]
    .map(([value, sum]) => toImpact(question, value, sum, atLeast))
    .sort((a, b) => b.needsPerson.count + b.waiting.count - a.needsPerson.count - a.waiting.count);
}

function toImpact(question: ImpactQuestion, value: string | null, sum: Sum, atLeast: boolean): Impact {
  const countOf = (all: readonly Labelled[]): number => counted(question.of, all);
  const waits = [...sum.waiting].map(([api, all]): WaitingAt => ({
    api,
    count: countOf(all),
    since: Math.min(...all.map(({ acceptedAt }) => acceptedAt)),
    because: commonest(all.map(({ because, state }) => because?.code ?? (state === "parked" ? "not-due" : "due"))),
  }));
  const deaths = [...sum.letters].map(([api, all]): DeadAt => {
    const instants = all.map(({ diedAt }) => diedAt);
    const unknown = countOf(all.filter(({ reason }) => reason === "outcome-unknown"));
    return { api, count: countOf(all), unknown, firstAt: Math.min(...instants), lastAt: Math.max(...instants) };
  });
  const letters = [...sum.letters.values()].flat();
  const found = {
    value,
    waiting: { count: countOf([...sum.waiting.values()].flat()), apis: waits.sort((a, b) => b.count - a.count) },
    needsPerson: {
      count: countOf(letters),
      unknown: countOf(letters.filter(({ reason }) => reason === "outcome-unknown")),
      apis: deaths.sort((a, b) => b.count - a.count),
    },
  };
  return { ...found, text: inWords(question, found, atLeast) };
}

interface Labelled {
  readonly labels: Readonly<Record<string, string>>;
}

/** A lead of which three operations wait is one lead. What does not have the label counts by itself. */
function counted(of: string | undefined, all: readonly Labelled[]): number {
  if (of === undefined) return all.length;
  const values = new Set<string>();
  let without = 0;
  for (const { labels } of all) {
    if (Object.hasOwn(labels, of)) values.add(labels[of] as string);
    else without += 1;
  }
  return values.size + without;
}

function commonest(words: readonly string[]): string {
  const counts = new Map<string, number>();
  for (const word of words) counts.set(word, (counts.get(word) ?? 0) + 1);
  return [...counts].reduce((most, one) => (one[1] > most[1] ? one : most))[0];
}

function push<Item>(into: Map<string, Item[]>, key: string, item: Item): void {
  const list = into.get(key);
  if (list === undefined) into.set(key, [item]);
  else list.push(item);
}
