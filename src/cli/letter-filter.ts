import { InvalidArgumentError, type Command } from "commander";
import type { DeadReason } from "../core/decision.ts";
import { durationMs, type Duration } from "../core/duration.ts";
import { ConfigError } from "../core/errors.ts";
import type { DeadLetterFilter, DeadLetterState } from "../ports/dead-letter-store.ts";
import { systemClock } from "../adapters/clock/system.ts";
import { readLabel } from "./store-command.ts";

/** What the options of {@link withFilter} and {@link withState} say. */
export interface FilterFlags {
  readonly state?: DeadLetterState | "any";
  readonly api?: string;
  readonly group?: string;
  readonly reason?: DeadReason;
  readonly label?: Readonly<Record<string, string>>;
  readonly since?: number;
  readonly until?: number;
}

const STATES: readonly (DeadLetterState | "any")[] = ["open", "replaying", "resolved", "discarded", "any"];
const REASONS: readonly DeadReason[] = [
  "exhausted",
  "permanent",
  "outcome-unknown",
  "expired",
  "budget",
  "poison",
  "cancelled-by-operator",
];

/** A command with the options that say which letters it is about. */
export function withFilter(command: Command): Command {
  return withConditions(command).option("--reason <reason>", REASONS.join(", "), (text) => oneOf(REASONS, text));
}

function withConditions(command: Command): Command {
  return command
    .option("--api <name>", "of one API")
    .option("--label <key=value>", "with this label; may be given again", readLabel)
    .option("--since <when>", "died since then: an instant (2026-11-22T06:00Z), or so long ago (2h)", readInstant)
    .option("--until <when>", "died before then", readInstant);
}

/** And with the state they are in. */
export function withState(command: Command, state: DeadLetterState | "any"): Command {
  return command.option("--state <state>", STATES.join(", "), (text) => oneOf(STATES, text), state);
}

function filterOf({ state = "any", api, group, reason, label, since, until }: FilterFlags): DeadLetterFilter {
  return {
    ...(state === "any" ? {} : { state }),
    ...(api === undefined ? {} : { api }),
    ...(group === undefined ? {} : { fingerprint: group }),
    ...(reason === undefined ? {} : { reason }),
    ...(label === undefined ? {} : { labels: label }),
    ...(since === undefined ? {} : { since }),
    ...(until === undefined ? {} : { until }),
  };
}

/** The same as the gateway's API takes it in a query. */
export function queryOf({ state = "any", group, label = {}, ...rest }: FilterFlags): Readonly<Record<string, string | number | undefined>> {
  const { api, reason, since, until } = rest;
  return {
    ...{ api, reason, since, until, fingerprint: group, state: state === "any" ? undefined : state },
    ...Object.fromEntries(Object.entries(label).map(([name, value]) => [`label.${name}`, value])),
  };
}

/** What the options of {@link withWhich} say. */
export interface WhichFlags extends Omit<FilterFlags, "state" | "reason"> {
  readonly all?: true;
}

/** A command that does something about open letters, with the ways of saying which. Its `--reason`, if it has one, is its own. */
export function withWhich(command: Command): Command {
  return withConditions(
    command
      .argument("[id...]", "these letters")
      .option("--group <fingerprint>", "all open letters of a group")
      .option("--all", "all open letters"),
  );
}

/** Which letters, as the gateway's API takes it in a body. */
export interface Which {
  readonly ids?: readonly string[];
  readonly filter?: DeadLetterFilter;
}

/** Exactly one way of saying which: ids, or a group, or conditions, or all of them. Conditions narrow a group too. */
export function whichOf(ids: readonly string[], flags: WhichFlags, path: string): Which {
  const { all, ...conditions } = flags;
  const filter = filterOf(conditions);
  const filters = Object.keys(filter).length > 0;
  const ways = [ids.length > 0, filters, all === true].filter(Boolean).length;
  if (ways === 1) return ids.length > 0 ? { ids } : { filter };
  const message =
    ways === 0
      ? "say which letters: their ids, --group, conditions such as --label, or --all"
      : "say which letters in one way: their ids, or --group and conditions such as --label, or --all";
  throw new ConfigError({ path, message });
}

export function oneOf<Word extends string>(words: readonly Word[], text: string): Word {
  const word = words.find((known) => known === text);
  if (word === undefined) throw new InvalidArgumentError(`Give one of ${words.join(", ")}.`);
  return word;
}

/** ISO 8601, or a duration before now. */
function readInstant(text: string): number {
  if (/^\d+(?:\.\d+)?(?:ms|s|m|h|d)$/.test(text)) return systemClock.now() - durationMs(text as Duration, "when");
  const instant = /^\d{4}-\d{2}-\d{2}/.test(text) ? Date.parse(text) : Number.NaN;
  if (Number.isNaN(instant)) throw new InvalidArgumentError("Give an instant such as 2026-11-22T06:00Z, or how long ago, such as 2h.");
  return instant;
}
