import { lastBegun } from "../../core/explain.ts";
import { ConfigError, TimeoutError } from "../../core/errors.ts";
import type { Because } from "../../core/decision.ts";
import type { Verdict } from "../../core/verdict.ts";
import type { Runtime } from "../../engine/runtime.ts";
import { sleep } from "../../ports/clock.ts";
import type { AttemptRecord } from "../../ports/dead-letter-store.ts";
import type { ResolvedSync } from "./definition.ts";
import { judgeBatch, judgeThrown, type Judged, type SinkContext, type SyncItem } from "./sink.ts";

/** What became of a record in this run. */
export interface Written {
  readonly item: SyncItem;
  /** The last one. */
  readonly verdict: Verdict;
  /** Only those of records that are not done. */
  readonly attempts: readonly AttemptRecord[];
}

/** What a batch is written with. */
export interface WriteBatchPorts {
  readonly sync: ResolvedSync;
  readonly runtime: Runtime;
  /** Everything of a sink's context but the signal. */
  readonly context: Omit<SinkContext, "signal">;
  /** Aborts when the run has lost its hold on the sync: writes end too. */
  readonly signal: AbortSignal;
  /** Aborts when the run is to end: nothing is tried again. */
  readonly ending: AbortSignal;
}

interface Open {
  readonly item: SyncItem;
  readonly attempts: AttemptRecord[];
}

/**
 * Writes a batch, as often as its records need: what was done is done, what may be tried again is tried again with those that share
 * its fate, after a backoff. Never throws for what a sink does, but for a sink that answers in no known form.
 */
export async function writeBatch(batch: readonly SyncItem[], ports: WriteBatchPorts): Promise<readonly Written[]> {
  const { sync, runtime, ending } = ports;
  const written: Written[] = [];
  let open: readonly Open[] = batch.map((item) => ({ item, attempts: [] }));
  for (let attempt = 1, delayMs = 0; open.length > 0; attempt += 1) {
    const startedAt = runtime.clock.now();
    const began = runtime.clock.monotonic();
    const judged = await callSink(
      open.map(({ item }) => item),
      attempt,
      ports,
    );
    const durationMs = runtime.clock.monotonic() - began;
    const again: Open[] = [];
    let hintMs = 0;
    for (const [index, one] of open.entries()) {
      const { verdict, final } = judged[index] as Judged;
      if (isDone(verdict)) {
        written.push({ item: one.item, verdict, attempts: [] });
        continue;
      }
      const because = decide(verdict, final, attempt, sync.maxAttempts);
      one.attempts.push({ attempt, startedAt, durationMs, verdict, because });
      if (because.code !== "backoff" || ending.aborted) {
        written.push(gaveUp(one));
        continue;
      }
      hintMs = Math.max(hintMs, verdict.hint?.delayMs ?? 0);
      again.push(one);
    }
    open = again;
    if (open.length === 0) break;
    delayMs = Math.max(sync.backoff(attempt - 1, delayMs, runtime.random), hintMs);
    await sleep(runtime.clock, delayMs, ending).catch(() => undefined);
    if (ending.aborted) return [...written, ...open.map(gaveUp)];
  }
  return written;
}

function gaveUp({ item, attempts }: Open): Written {
  return { item, attempts, verdict: (attempts.at(-1) as AttemptRecord).verdict };
}

function isDone({ kind, conflict }: Verdict): boolean {
  return kind === "success" || (kind === "conflict" && conflict === "duplicate");
}

/**
 * A sink bears repetition, so an unknown outcome may be sent again; what was refused may not, nor what a retry loop further down
 * has given up on.
 */
function decide(verdict: Verdict, final: boolean, attempt: number, maxAttempts: number): Because {
  const { kind, conflict, quota, rule, because: detail } = verdict;
  const retryable =
    kind === "transient" || (kind === "throttled" && (quota ?? "burst") === "burst") || (kind === "conflict" && conflict === "concurrent");
  const told = { rule, detail, attempt, maxAttempts };
  if (final) return { code: "exhausted-below", ...told };
  if (!retryable) return { code: "permanent", ...told };
  return attempt >= maxAttempts ? { code: "attempts-exhausted", ...told } : { code: "backoff", ...told };
}

async function callSink(batch: readonly SyncItem[], attempt: number, ports: WriteBatchPorts): Promise<readonly Judged[]> {
  const { sync, runtime, context, signal } = ports;
  const { clock } = runtime;
  const since = lastBegun();
  const over = new AbortController();
  const outOfTime = Promise.withResolvers<never>();
  outOfTime.promise.catch(() => undefined);
  const timer = clock.setTimer(() => {
    const error = new TimeoutError(sync.timeoutMs);
    over.abort(error);
    outOfTime.reject(error);
  }, sync.timeoutMs);
  try {
    const own: SinkContext = { ...context, signal: AbortSignal.any([signal, over.signal]) };
    const answer: unknown = await Promise.race([Promise.resolve(sync.sink(batch, own)), outOfTime.promise]);
    return judgeBatch(batch, answer, clock.now());
  } catch (error) {
    if (error instanceof ConfigError) throw error;
    const judged = judgeThrown(error, attempt, since, clock.now());
    return batch.map(() => judged);
  } finally {
    clock.clearTimer(timer);
  }
}
