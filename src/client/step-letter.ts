import type { Because, DeadReason } from "../core/decision.ts";
import type { Verdict } from "../core/verdict.ts";
import type { StepEnd, StepTask } from "../durable/pipeline/step-task.ts";
import type { Clock } from "../ports/clock.ts";
import type { AttemptRecord } from "../ports/dead-letter-store.ts";
import type { LaneRef } from "../ports/events.ts";
import type { StepWork } from "./step-work.ts";

/** What stands for an API in the dead letter of a step that has none. */
const LOCAL = "pipeline";

/** Why a step died, and what was tried. */
export interface Death {
  readonly reason: DeadReason;
  readonly because: Because;
  readonly verdict: Verdict;
  readonly attempts: readonly AttemptRecord[];
}

/** The dead letter of a step, under the id of its operation. */
export async function deadLetter(task: StepTask, work: StepWork, death: Death, clock: Clock): Promise<StepEnd> {
  return letterOf(task, death, {
    ref: work.call.laneRef,
    request: await work.request(),
    key: work.call.details.idempotencyKey,
    now: clock.now(),
  });
}

/** The dead letter of a step whose own functions threw before anything was tried. */
export function faultyLetter(task: StepTask, error: unknown, what: string, clock: Clock): StepEnd {
  const detail = `${what}: ${error instanceof Error ? error.message : String(error)}`;
  const because: Because = { code: "callback-failed", detail };
  const verdict: Verdict = { kind: "permanent", effect: "none", rule: "request-failed", because: detail };
  return letterOf(task, { reason: "permanent", because, verdict, attempts: [] }, { now: clock.now() });
}

interface Facts {
  readonly ref?: LaneRef | undefined;
  readonly request?: Awaited<ReturnType<StepWork["request"]>>;
  readonly key?: string | undefined;
  readonly now: number;
}

function letterOf(task: StepTask, { verdict, attempts, reason, because }: Death, { ref, request, key, now }: Facts): StepEnd {
  const { operation, labels, step, pipeline } = task;
  const { api, endpoint, partition } = ref ?? {
    api: step.options.api ?? LOCAL,
    endpoint: `${pipeline.name}/${step.name}`,
    partition: "",
  };
  const letter = {
    id: operation,
    api,
    endpoint,
    partition,
    reason,
    because,
    ...(request === undefined ? {} : { request }),
    operation: step.name,
    ...(key === undefined ? {} : { idempotencyKey: key }),
    labels,
    attempts,
    firstAttemptAt: attempts[0]?.startedAt ?? now,
    diedAt: now,
  };
  return { state: "dead", letter: { letter, verdict } };
}
