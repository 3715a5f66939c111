import { explainBecause } from "../../core/decision.ts";
import { ConfigError } from "../../core/errors.ts";
import { refuseUnknown } from "../../core/options.ts";
import { shown } from "../../core/shown.ts";
import type { Clock } from "../../ports/clock.ts";
import { EVENTS, type EventMap, type EventName, type LaneRef } from "../../ports/events.ts";
import { systemClock } from "../clock/system.ts";
import { together, type EventSource } from "./source.ts";

/** As pino numbers them. */
const LEVELS = { trace: 10, debug: 20, info: 30, warn: 40, error: 50 } as const;
export type LogLevel = keyof typeof LEVELS;

export interface LogOptions {
  /** Takes one line of JSON, without its end. @default standard output */
  readonly write?: (line: string) => void;
  /** Nothing below it is written. @default "info" */
  readonly level?: LogLevel;
  /** Stands in every line. @default "holdfast" */
  readonly name?: string;
  /** @default the machine's */
  readonly clock?: Pick<Clock, "now">;
}

interface Line {
  readonly level: LogLevel;
  readonly msg: string;
}

/**
 * What is said of each event, and how loudly. What solves itself (a retry, a 429 that the first backoff ends, a breaker that closes
 * again) is `info` at the most; what somebody should look at is `warn`, what does not go on by itself `error`.
 */
const LINES: { readonly [Name in EventName]: (event: EventMap[Name]) => Line } = {
  "attempt:started": ({ lane, attempt }) => ({ level: "trace", msg: `${at(lane)}attempt ${attempt} starts` }),
  "attempt:settled": ({ lane, attempt, durationMs, verdict }) => ({
    level: "debug",
    msg: `${at(lane)}attempt ${attempt}: ${verdict.kind}, ${verdict.because} (${Math.round(durationMs)} ms)`,
  }),
  "retry:scheduled": ({ lane, attempt, delayMs, because }) => ({
    level: "info",
    msg: `${at(lane)}attempt ${attempt} is repeated in ${Math.round(delayMs)} ms: ${explainBecause(because)}`,
  }),
  "call:settled": ({ lane, outcome, attempts, because }) => ({
    level: outcome === "failed" || outcome === "refused" ? "warn" : attempts > 1 ? "info" : "debug",
    msg: `${at(lane)}${outcome} after ${attempts} attempts: ${explainBecause(because)}`,
  }),
  "breaker:changed": ({ lane, from, to, because }) => ({
    level: to === "open" ? "warn" : "info",
    msg: `${at(lane)}breaker ${from} → ${to}: ${because}`,
  }),
  "lane:waited": ({ lane, waitMs }) => ({ level: "debug", msg: `${at(lane)}waited ${Math.round(waitMs)} ms to be admitted` }),
  "limiter:paused": ({ lane, pauseMs, because }) => ({
    level: "info",
    msg: `${at(lane)}paused for ${Math.round(pauseMs)} ms: ${because}`,
  }),
  "dead-letter:added": ({ id, title }) => ({ level: "warn", msg: `dead letter ${id}: ${title}` }),
  "operation:settled": ({ id, lane, state }) => ({ level: "debug", msg: `${at(lane)}operation ${id} is ${state}` }),
  "run:opened": ({ pipeline, subject, steps }) => ({
    level: "debug",
    msg: `pipeline ${pipeline}: ${subject} ${steps > 0 ? "goes on" : "begins"}`,
  }),
  "step:settled": ({ pipeline, run, step, state }) => ({
    level: state === "parked" ? "warn" : "debug",
    msg: `pipeline ${pipeline}: step ${step} of ${run} is ${state}`,
  }),
  "run:settled": ({ pipeline, subject, state }) => ({
    level: state === "failed" || state === "parked" ? "warn" : "info",
    msg: `pipeline ${pipeline}: ${subject} ${state}`,
  }),
  "store:failed": ({ error }) => ({ level: "error", msg: `the store did not answer: ${messageOf(error)}` }),
  "credential:refreshed": ({ api }) => ({ level: "info", msg: `${api}: the credential was got anew` }),
  "idempotency:replayed": ({ api, key }) => ({ level: "info", msg: `${api}: answered with what is kept under ${key}` }),
  "nesting:detected": ({ where }) => ({ level: "warn", msg: `a retry loop stands inside another: ${where}` }),
  "lanes:overflow": ({ api, endpoint, limit }) => ({
    level: "warn",
    msg: `${api}: more than ${limit} endpoints; ${endpoint} shares a lane with the rest`,
  }),
  "sync:ended": ({ sync, outcome, done, failed, parked }) => ({
    level: outcome === "complete" ? "info" : outcome === "partial" ? "warn" : "error",
    msg: `sync ${sync}: ${outcome}; ${done} done, ${failed} failed, ${parked} parked`,
  }),
  "sync:held": ({ sync, level, heldMs }) => ({
    level: level === "critical" ? "error" : "warn",
    msg: `sync ${sync}: its watermark has not moved for ${Math.round(heldMs / 1_000)} s`,
  }),
  "sync:reset": ({ sync, by, reason }) => ({ level: "warn", msg: `sync ${sync}: set by ${by}: ${reason}` }),
  "inbox:taken": ({ source, id }) => ({ level: "debug", msg: `inbox ${source}: ${id} taken` }),
  "inbox:duplicate": ({ source, id }) => ({ level: "debug", msg: `inbox ${source}: ${id} came again` }),
  "inbox:conflict": ({ source, id }) => ({ level: "warn", msg: `inbox ${source}: ${id} came again with another body` }),
  "inbox:refused": ({ source, because }) => ({ level: "warn", msg: `inbox ${source}: refused: ${because}` }),
  "limits:overridden": ({ api, endpoint, by, reason }) => ({
    level: "warn",
    msg: `${api} ${endpoint}: its limits were set by ${by}: ${reason}`,
  }),
  "limits:restored": ({ api, endpoint, how }) => ({ level: "info", msg: `${api} ${endpoint}: its own limits hold again (${how})` }),
  "apis:replaced": ({ added, changed, removed }) => ({
    level: "info",
    msg: `APIs: ${added.length} added, ${changed.length} changed, ${removed.length} removed`,
  }),
  "listener:failed": ({ event, error }) => ({ level: "error", msg: `a listener to ${event} threw: ${messageOf(error)}` }),
};

/** Of events that are never louder than this. */
const LOUDEST: Readonly<Partial<Record<EventName, LogLevel>>> = {
  "attempt:started": "trace",
  "attempt:settled": "debug",
  "lane:waited": "debug",
  "operation:settled": "debug",
  "run:opened": "debug",
  "inbox:taken": "debug",
  "inbox:duplicate": "debug",
  "retry:scheduled": "info",
};

const OPTIONS = ["write", "level", "name", "clock"] satisfies (keyof LogOptions)[];

/**
 * Writes events as lines of JSON in the form of pino: `level` (10 to 50), `time`, `name`, `msg`, `event`, and the event's own fields;
 * `operation` is the operation's id and `requestId` what was sent as `X-Request-Id`. Until the returned function is called.
 *
 * @throws ConfigError
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { createHoldfast } from "holdfast";
 * import { logLines } from "holdfast/signals";
 *
 * const lines: string[] = [];
 * const hf = await createHoldfast({ apis: { crm: {} }, transport: async () => Response.json({}, { status: 404 }) });
 * logLines(hf, { write: (line) => lines.push(line), level: "warn" });
 * await hf.fetch("crm")("https://api.example.com/contacts/7");
 * const { level, event, api, endpoint } = JSON.parse(lines[0] ?? "");
 * assert.deepEqual([level, event, api, endpoint], [40, "call:settled", "crm", "GET /contacts/{id}"]);
 * await hf.close();
 * ```
 */
export function logLines(source: EventSource, options: LogOptions = {}): () => void {
  refuseUnknown(options, OPTIONS, "log");
  const { write = toStandardOutput, level = "info", name = "holdfast", clock = systemClock } = options;
  if (!Object.hasOwn(LEVELS, level)) {
    throw new ConfigError({ path: "log.level", message: `log.level is ${shown(level)}; give one of ${Object.keys(LEVELS).join(", ")}` });
  }
  if (typeof write !== "function") throw new ConfigError({ path: "log.write", message: `log.write is ${shown(write)}; give a function` });
  const least = LEVELS[level];
  const listen = (event: EventName): (() => void) =>
    source.on(event, (told) => {
      const line = (LINES[event] as (told: object) => Line)(told);
      if (LEVELS[line.level] < least) return;
      const head = { level: LEVELS[line.level], time: clock.now(), name, event };
      // Some events have a `level` or an `event` of their own, which msg tells; ours stand.
      write(JSON.stringify({ ...head, ...fieldsOf(told), ...head, msg: line.msg }));
    });
  // Who does not want to read of every attempt pays for none.
  const loud = (Object.keys(EVENTS) as EventName[]).filter((event) => LEVELS[LOUDEST[event] ?? "error"] >= least);
  return together(loud.map((event) => listen(event)));
}

/** Its own fields, flat: the lane by its parts, an error as pino has it. */
function fieldsOf(event: object): object {
  const { lane, error, ...rest } = event as { readonly lane?: LaneRef; readonly error?: unknown; readonly operation?: string };
  const partition = lane?.partition;
  return {
    ...rest,
    ...(rest.operation === undefined ? {} : { requestId: rest.operation }),
    ...(lane === undefined ? {} : { api: lane.api, endpoint: lane.endpoint, ...(partition === "" ? {} : { partition }) }),
    ...(error === undefined ? {} : { err: errorOf(error) }),
  };
}

function errorOf(error: unknown): object {
  if (!(error instanceof Error)) return { type: typeof error, message: String(error) };
  return { type: error.name, message: error.message, stack: error.stack };
}

function at(lane: LaneRef | undefined): string {
  return lane === undefined ? "" : `${lane.api} ${lane.endpoint}: `;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function toStandardOutput(line: string): void {
  process.stdout.write(`${line}\n`);
}
