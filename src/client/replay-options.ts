import { ConfigError } from "../core/errors.ts";
import { refuseUnknown } from "../core/options.ts";
import { shown } from "../core/shown.ts";
import type { DeadLetter, DeadLetterFilter } from "../ports/dead-letter-store.ts";
import { checkFunction, checkLabels, checkSignal } from "./options.ts";

/** Which dead letters to replay, and how carefully. One of `ids`, `group` and `filter` must be given; `filter: {}` means all. */
export interface ReplayOptions {
  readonly ids?: readonly string[];
  /** All open members of one group, by fingerprint. */
  readonly group?: string;
  readonly filter?: DeadLetterFilter;
  /** Replay this many first, and go on only if every one of them succeeds. @default 0 */
  readonly canary?: number;
  /** So many a second after the canary, several at once if need be, from a slow start on. @default one after the other */
  readonly rate?: number;
  /**
   * Changes each JSON body before it is sent: a merge patch (RFC 7396), or a function of the body. The key stays the same; the
   * letter keeps what was sent at first.
   */
  readonly patch?: object | ((body: unknown, letter: DeadLetter) => unknown);
  /**
   * Looks at an answer that was accepted. One for which it says `false`, or throws, has failed again, though its effect may stand.
   * @default every accepted answer passes
   */
  readonly verify?: (response: Response, letter: DeadLetter) => boolean | Promise<boolean>;
  /** Also sends what may have happened already and nobody can tell. Look it up at the other side first. @default false */
  readonly confirm?: boolean;
  /** Leaves alone what was replayed so often and is still open, unless its id is given: it will not mend by itself. @default 10 */
  readonly maxReplays?: number;
  /** Ends the run after the letters under way. */
  readonly signal?: AbortSignal;
  /** Told after each letter. */
  readonly onEntry?: (entry: ReplayEntry) => void;
}

export interface ReplayEntry {
  readonly id: string;
  /**
   * `skipped`: nothing was sent. It is not open any more, another operator was first, its request is not kept, it is in doubt and
   * nobody confirmed it, or its group has just failed again.
   */
  readonly result: "resolved" | "failed-again" | "skipped";
  readonly because: string;
}

export interface ReplayReport {
  readonly resolved: number;
  readonly failedAgain: number;
  readonly skipped: number;
  /** Why the run ended before its last letter, if it did. */
  readonly stopped?: string;
  readonly entries: readonly ReplayEntry[];
}

const FILTER = ["ids", "api", "fingerprint", "state", "reason", "labels", "since", "until"] satisfies (keyof DeadLetterFilter)[];
const OPTIONS = [
  "ids",
  "group",
  "filter",
  "canary",
  "rate",
  "patch",
  "verify",
  "confirm",
  "maxReplays",
  "signal",
  "onEntry",
] satisfies (keyof ReplayOptions)[];

/** A filter with a name misspelt, or a value of the wrong kind, would let everything through or nothing. */
export function checkFilter(filter: DeadLetterFilter, path: string): void {
  refuseUnknown(filter, FILTER, path);
  const refuse = (name: keyof DeadLetterFilter, problem: string): never => {
    throw new ConfigError({ path: `${path}.${name}`, message: `${path}.${name} is ${shown(filter[name])}; ${problem}` });
  };
  const { ids, labels } = filter;
  if (ids !== undefined && !(Array.isArray(ids) && ids.every((id) => typeof id === "string"))) refuse("ids", "give a list of ids");
  for (const name of ["api", "fingerprint", "state", "reason"] as const) {
    if (filter[name] !== undefined && typeof filter[name] !== "string") refuse(name, "give a text");
  }
  for (const name of ["since", "until"] as const) {
    if (filter[name] !== undefined && !Number.isFinite(filter[name])) refuse(name, "give an instant, in milliseconds since 1970");
  }
  if (labels !== undefined) checkLabels(labels, `${path}.labels`);
}

/** A filter of letters that something is to be done about. */
export function checkOpenFilter(filter: DeadLetterFilter, path: string): void {
  checkFilter(filter, path);
  if (filter.state !== undefined && filter.state !== "open") {
    throw new ConfigError({ path: `${path}.state`, message: `${path}.state is ${shown(filter.state)}; only open letters can be acted on` });
  }
}

/** @throws ConfigError for options that make no sense */
export function checkReplay(options: ReplayOptions): void {
  refuseUnknown(options, OPTIONS, "replay");
  const { ids, group, filter, canary, rate, patch, verify, confirm, maxReplays, signal, onEntry } = options;
  const refuse = (name: keyof ReplayOptions, problem: string): never => {
    throw new ConfigError({ path: `replay.${name}`, message: `replay.${name} ${problem}` });
  };
  if (ids === undefined && group === undefined && filter === undefined) {
    throw new ConfigError({
      path: "replay",
      message: "replay says nothing about which letters; give ids, a group or a filter ({} for all)",
    });
  }
  checkFilter({ ...(ids === undefined ? {} : { ids }) }, "replay");
  if (group !== undefined && typeof group !== "string") refuse("group", `is ${shown(group)}; give a group's fingerprint`);
  if (filter !== undefined) checkOpenFilter(filter, "replay.filter");
  if (canary !== undefined && !isCount(canary)) refuse("canary", `is ${shown(canary)}; give how many go first, a whole number`);
  if (rate !== undefined && !(typeof rate === "number" && rate > 0 && Number.isFinite(rate))) {
    refuse("rate", `is ${shown(rate)}; give letters a second, above 0`);
  }
  if (patch !== undefined && !isPatch(patch)) {
    refuse("patch", `is ${shown(patch)}; give a JSON merge patch (an object), or a function of the body`);
  }
  if (verify !== undefined) checkFunction(verify, "replay.verify", "a function that looks at the answer");
  if (confirm !== undefined && typeof confirm !== "boolean") refuse("confirm", `is ${shown(confirm)}; give true or false`);
  if (maxReplays !== undefined && !(isCount(maxReplays) && maxReplays > 0)) {
    refuse("maxReplays", `is ${shown(maxReplays)}; give a whole number above 0`);
  }
  if (signal !== undefined) checkSignal(signal, "replay.signal");
  if (onEntry !== undefined) checkFunction(onEntry, "replay.onEntry", "a function");
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function isPatch(value: unknown): boolean {
  return typeof value === "function" || (typeof value === "object" && value !== null && !Array.isArray(value));
}
