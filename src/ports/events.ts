import type { Because, DeadReason } from "../core/decision.ts";
import type { Verdict } from "../core/verdict.ts";
import type { TraceOrigin } from "./tracer.ts";

/** Where something happened. */
export interface LaneRef {
  readonly api: string;
  readonly endpoint: string;
  readonly partition: string;
}

/** Everything that the engine tells, by name. Instants are wall-clock ms, durations ms. */
export interface EventMap {
  "attempt:started": {
    readonly operation: string;
    readonly lane: LaneRef | undefined;
    readonly attempt: number;
    /** The trace that it belongs to, where that is another's than what is active here. */
    readonly trace?: TraceOrigin;
  };
  "attempt:settled": {
    readonly operation: string;
    readonly lane: LaneRef | undefined;
    readonly attempt: number;
    readonly durationMs: number;
    readonly verdict: Verdict;
  };
  "retry:scheduled": {
    readonly operation: string;
    readonly lane: LaneRef | undefined;
    readonly attempt: number;
    readonly delayMs: number;
    readonly because: Because;
  };
  "call:settled": {
    readonly operation: string;
    readonly lane: LaneRef | undefined;
    readonly attempts: number;
    readonly outcome: "succeeded" | "replayed" | "failed" | "refused";
    readonly because: Because;
    readonly durationMs: number;
  };
  "breaker:changed": {
    readonly lane: LaneRef;
    readonly from: string;
    readonly to: string;
    readonly because: string;
    readonly retryAfterMs: number;
  };
  /** A call waited to be admitted by its lane, and was. */
  "lane:waited": { readonly operation: string; readonly lane: LaneRef; readonly waitMs: number };
  "limiter:paused": { readonly lane: LaneRef; readonly pauseMs: number; readonly because: string };
  "dead-letter:added": {
    readonly id: string;
    readonly api: string;
    readonly endpoint: string;
    readonly reason: DeadReason;
    readonly fingerprint: string;
    readonly title: string;
  };
  /** A queued operation was settled; `applied` is false where another holder had taken it over. */
  "operation:settled": {
    readonly id: string;
    readonly lane: LaneRef;
    readonly state: string;
    readonly applied: boolean;
    /** Since it was accepted. */
    readonly ageMs: number;
  };
  /** A run of a pipeline was opened, or taken up again. */
  "run:opened": {
    readonly pipeline: string;
    readonly run: string;
    readonly subject: string;
    /** Steps of it that were done before; 0 for a new one. */
    readonly steps: number;
    readonly labels: Readonly<Record<string, string>>;
  };
  /** A step of a run is done, or is a dead letter (`parked`) whose id is `operation`. */
  "step:settled": {
    readonly pipeline: string;
    readonly run: string;
    readonly step: string;
    /** Where it called an API; undefined for one that called none. */
    readonly lane: LaneRef | undefined;
    readonly state: "done" | "parked";
    readonly durationMs: number;
    readonly operation: string;
    readonly labels: Readonly<Record<string, string>>;
  };
  /** A run went as far as it could; `lost` and `stopped` ones go on elsewhere or later. */
  "run:settled": {
    readonly pipeline: string;
    readonly run: string;
    readonly subject: string;
    readonly state: "succeeded" | "parked" | "failed" | "lost" | "stopped";
    readonly durationMs: number;
    readonly labels: Readonly<Record<string, string>>;
  };
  /** The store did not answer the worker, which goes on trying. */
  "store:failed": { readonly error: unknown };
  "credential:refreshed": { readonly api: string; readonly partition: string };
  "idempotency:replayed": { readonly operation: string; readonly api: string; readonly key: string };
  /** A retry loop was found inside another, a call's or an SDK's; `where` says which. */
  "nesting:detected": {
    readonly operation: string;
    readonly lane: LaneRef | undefined;
    readonly by: "call" | "sdk";
    readonly where: string;
  };
  /** An API has more endpoints than lanes are kept apart; the rest share one. */
  "lanes:overflow": { readonly api: string; readonly endpoint: string; readonly limit: number };
  /** A run of a sync came to its end, whichever. */
  "sync:ended": {
    readonly sync: string;
    readonly run: string;
    readonly outcome: "complete" | "partial" | "failed";
    readonly read: number;
    readonly done: number;
    readonly failed: number;
    readonly parked: number;
    readonly watermark: number | string | null;
  };
  /** A watermark has not moved for longer than the sync's `alertAfter`; `critical` from four times as long on. */
  "sync:held": {
    readonly sync: string;
    readonly run: string;
    readonly level: "warning" | "critical";
    readonly heldSince: number;
    readonly heldMs: number;
    readonly blockedBy: readonly string[];
  };
  /** An operator has set a watermark. */
  "sync:reset": { readonly sync: string; readonly by: string; readonly reason: string };
  /** A webhook was taken, with the operations that were accepted for it. */
  "inbox:taken": { readonly source: string; readonly id: string; readonly operations: readonly string[] };
  "inbox:duplicate": { readonly source: string; readonly id: string; readonly takenAt: number };
  /** An event came under the id of another one: a fault of the sender's, or worse. */
  "inbox:conflict": { readonly source: string; readonly id: string; readonly takenAt: number };
  /** A delivery was not taken for what it is: its signature, its timestamp, its id. */
  "inbox:refused": { readonly source: string; readonly refusal: string; readonly because: string };
  /** An operator has set limits over those of a definition, for a while. Instants are wall-clock ms; `endpoint` is `*` for all. */
  "limits:overridden": {
    readonly api: string;
    readonly endpoint: string;
    readonly limits: object;
    readonly by: string;
    readonly reason: string;
    readonly since: number;
    readonly until: number;
  };
  /** Limits are again as the definition has them. */
  "limits:restored": {
    readonly api: string;
    readonly endpoint: string;
    readonly how: "expired" | "ended" | "removed";
    readonly by?: string;
  };
  /** Other definitions of APIs hold from now on. */
  "apis:replaced": { readonly added: readonly string[]; readonly changed: readonly string[]; readonly removed: readonly string[] };
  /** A listener threw; the call it listened to went on. */
  "listener:failed": { readonly event: string; readonly error: unknown };
}

export type EventName = keyof EventMap;
export type EventListener<Name extends EventName> = (event: EventMap[Name]) => void;

/** Every event, so that listening to one that does not exist is an error and not silence. The compiler holds it to the map. */
export const EVENTS: Readonly<Record<EventName, true>> = {
  "attempt:started": true,
  "attempt:settled": true,
  "retry:scheduled": true,
  "call:settled": true,
  "breaker:changed": true,
  "lane:waited": true,
  "limiter:paused": true,
  "dead-letter:added": true,
  "operation:settled": true,
  "run:opened": true,
  "step:settled": true,
  "run:settled": true,
  "store:failed": true,
  "credential:refreshed": true,
  "idempotency:replayed": true,
  "nesting:detected": true,
  "lanes:overflow": true,
  "sync:ended": true,
  "sync:held": true,
  "sync:reset": true,
  "inbox:taken": true,
  "inbox:duplicate": true,
  "inbox:conflict": true,
  "inbox:refused": true,
  "limits:overridden": true,
  "limits:restored": true,
  "apis:replaced": true,
  "listener:failed": true,
};
