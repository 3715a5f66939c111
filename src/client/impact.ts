import { durationMs, type Duration } from "../core/duration.ts";
import { ConfigError } from "../core/errors.ts";
import { refuseUnknown } from "../core/options.ts";
import { shown } from "../core/shown.ts";
import { impactOf, type Impact } from "../signals/impact/impact.ts";
import type { Engine } from "./engine.ts";

/** Whom failures and waits concern. */
export interface ImpactOptions {
  /** The label whose values are told apart, such as `campaign`. */
  readonly label: string;
  /** The label whose values are counted, such as `lead`. @default operations are counted */
  readonly of?: string;
  /** Dead letters of this long. What waits now counts whenever it was accepted. @default "24h" */
  readonly window?: Duration;
  /** Only what this lets through. @default everything */
  readonly where?: (of: { readonly api: string; readonly partition: string }) => boolean;
}

/** Counts by label, as they stand. */
export interface ImpactReport {
  readonly label: string;
  readonly of: string | null;
  readonly windowMs: number;
  /** Wall-clock ms. */
  readonly at: number;
  /** There was more than is looked at: the newest of each kind were, and there are at least so many. */
  readonly atLeast: boolean;
  /** Those whom most hangs on first; at most a hundred values. */
  readonly items: readonly Impact[];
}

/** Dead letters, and operations of each state, that are looked at. */
const LOOKED_AT = 3_000;
const MOST_VALUES = 100;

/** Counts whom it concerns, by the values of a label. @throws ConfigError */
export async function impact({ runtime, store }: Engine, options: ImpactOptions): Promise<ImpactReport> {
  refuseUnknown(options, ["label", "of", "window", "where"], "impact");
  const { label, of, where = () => true } = options;
  for (const [name, given] of Object.entries({ label, of })) {
    if (typeof given === "string" ? given !== "" : name === "of" && given === undefined) continue;
    throw new ConfigError({
      path: `impact.${name}`,
      message: `impact.${name} is ${shown(given)}; give a label's name, such as "campaign"`,
    });
  }
  const windowMs = durationMs(options.window ?? "24h", "impact.window");
  const now = runtime.clock.now();
  const [waiting, letters] = await Promise.all([
    store.operations?.waiting(LOOKED_AT) ?? [],
    store.deadLetters.concerned(now - windowMs, LOOKED_AT + 1),
  ]);
  const states = new Map<string, number>();
  for (const { state } of waiting) states.set(state, (states.get(state) ?? 0) + 1);
  const atLeast = letters.length > LOOKED_AT || [...states.values()].some((count) => count >= LOOKED_AT);
  const found = { waiting: waiting.filter(where), letters: letters.slice(0, LOOKED_AT).filter(where), atLeast };
  return {
    ...{ label, of: of ?? null, windowMs, at: now, atLeast },
    items: impactOf({ label, of }, found).slice(0, MOST_VALUES),
  };
}
