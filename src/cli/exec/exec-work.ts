import type { Verdict } from "../../core/verdict.ts";
import { SUCCESS } from "../../core/verdict.ts";
import { isHoldfastError, TimeoutError } from "../../core/errors.ts";
import type { AttemptContext, Outcome, Work } from "../../engine/call.ts";
import type { Clock } from "../../ports/clock.ts";
import type { AttemptRecord } from "../../ports/dead-letter-store.ts";
import type { ExecPlan } from "./plan.ts";
import { ProcessGroup, type CommandEnd } from "./process-group.ts";

/** One run on its way. */
export interface ExecCall {
  readonly command: readonly string[];
  readonly plan: ExecPlan;
  /** The attempt under way, or the last one. */
  group: ProcessGroup | undefined;
  /** Resolves when nothing is left of the attempts so far. */
  gone: Promise<void>;
  /** Told when an attempt has begun, before it is waited for. */
  readonly onStarted: (attempt: number, group: ProcessGroup) => Promise<void>;
}

/** A command as work of the engine: an attempt is a process group, a verdict comes from its exit code. */
export class ExecWork implements Work<CommandEnd, ExecCall> {
  readonly #clock: Clock;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /**
   * The attempt lasts until nothing is left of its group. Its timeout is kept here and not by the engine, which goes on as soon as a
   * timeout is over: the next attempt would then begin, and its own time run, while this one is still dying.
   */
  async perform({ attempt, signal, operation }: AttemptContext, call: ExecCall): Promise<CommandEnd> {
    const { graceMs, name, timeoutsMs } = call.plan;
    const timeoutMs = timeoutsMs[Math.min(attempt, timeoutsMs.length) - 1] as number;
    const env = { ...process.env, HOLDFAST_RUN: operation, HOLDFAST_NAME: name, HOLDFAST_ATTEMPT: String(attempt) };
    const group = new ProcessGroup(call.command, this.#clock, env);
    call.group = group;
    const gone = Promise.withResolvers<void>();
    call.gone = gone.promise;
    signal.addEventListener("abort", () => void group.stop(graceMs), { once: true });
    let isLate = false;
    const timer = this.#clock.setTimer(() => {
      isLate = true;
      void group.stop(graceMs);
    }, timeoutMs);
    try {
      await call.onStarted(attempt, group);
      const end = await group.ended;
      // What it has started and left behind is ended with it: nothing of an attempt may run into the next.
      await group.stop(graceMs);
      if (isLate) throw new TimeoutError(timeoutMs);
      return end;
    } finally {
      this.#clock.clearTimer(timer);
      await group.stop(graceMs);
      gone.resolve();
    }
  }

  judge({ code, signal }: CommandEnd, _attempt: number, { plan }: ExecCall): Verdict {
    if (code === 0) return SUCCESS;
    if (code === null) {
      const because = `it was ended by ${signal}`;
      return { kind: "transient", effect: "unknown", rule: `signal:${signal}`, because, code: String(signal) };
    }
    const kind = plan.classify(code);
    return { kind, effect: "unknown", rule: `exit:${code}`, because: `it exited with ${code}`, code: `exit ${code}` };
  }

  judgeError(error: unknown): Verdict {
    const because = error instanceof Error ? error.message : String(error);
    if (isHoldfastError(error, "timeout")) return { kind: "transient", effect: "unknown", rule: "timeout", because, code: "timeout" };
    const code = (error as NodeJS.ErrnoException | undefined)?.code ?? "spawn";
    return { kind: "permanent", effect: "none", rule: "spawn", because: `it cannot be started: ${because}`, code };
  }

  excerpt(_outcome: Outcome<CommandEnd>, { group }: ExecCall): Pick<AttemptRecord, "bodyExcerpt"> {
    const text = group?.output.text ?? "";
    return text === "" ? {} : { bodyExcerpt: text };
  }
}
