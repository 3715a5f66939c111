import { systemClock } from "../../adapters/clock/system.ts";
import type { Clock } from "../../ports/clock.ts";
import { optional, readNumber, readObject, readText } from "../reading.ts";
import { readScale, readSeed } from "./resolved-script.ts";

/** What a script does not say: where the server stands and what it remembers. */
export interface FlakyApiOptions {
  /** 0 takes a free one. @default 0 */
  readonly port?: number;
  /** @default "127.0.0.1" */
  readonly host?: string;
  /** Wins over the script's. */
  readonly seed?: number;
  /** Wins over the script's. */
  readonly scale?: number;
  /** Keeps the ledger in this file too, so that it and the memory of keys outlive the process. */
  readonly ledgerFile?: string;
  /** How many of the newest requests `ledger.requests()` can show; counts are exact whatever it is. @default 100000 */
  readonly requestLog?: number;
  /** Time of all windows, delays and buckets; give a manual clock to move them by hand. @default the machine's */
  readonly clock?: Clock;
}

export interface ResolvedFlakyApiOptions {
  readonly port: number;
  readonly host: string;
  readonly seed: number | undefined;
  readonly scale: number | undefined;
  readonly ledgerFile: string | undefined;
  readonly requestLog: number;
  readonly clock: Clock;
}

const KEYS = ["port", "host", "seed", "scale", "ledgerFile", "requestLog", "clock"];

export function resolveFlakyApiOptions(options: FlakyApiOptions): ResolvedFlakyApiOptions {
  readObject(options, "options", KEYS);
  return {
    port: optional(options.port, "options.port", (port, at) => readNumber(port, at, { min: 0, max: 65_535, integer: true })) ?? 0,
    host: optional(options.host, "options.host", readText) ?? "127.0.0.1",
    seed: optional(options.seed, "options.seed", readSeed),
    scale: optional(options.scale, "options.scale", readScale),
    ledgerFile: optional(options.ledgerFile, "options.ledgerFile", readText),
    requestLog:
      optional(options.requestLog, "options.requestLog", (size, at) => readNumber(size, at, { min: 1, integer: true })) ?? 100_000,
    clock: options.clock ?? systemClock,
  };
}
