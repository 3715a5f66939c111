import type { Verdict } from "../../core/verdict.ts";
import { SUCCESS } from "../../core/verdict.ts";
import { isHoldfastError } from "../../core/errors.ts";
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

  async perform({ attempt, signal, operation }: AttemptContext, call: ExecCall): Promise<CommandEnd> {
    // The attempt before was given up when its time was over; it may take its grace to end.
    await call.gone;
    signal.throwIfAborted();
    const { graceMs, name } = call.plan;
    const env = { ...process.env, HOLDFAST_RUN: operation, HOLDFAST_NAME: name, HOLDFAST_ATTEMPT: String(attempt) };
    const group = new ProcessGroup(call.command, this.#clock, env);
    call.group = group;
    let left = (): void => undefined;
    call.gone = new Promise((resolve) => (left = resolve));
    signal.addEventListener("abort", () => void group.stop(graceMs), { once: true });
    try {
      await call.onStarted(attempt, group);
      const end = await group.ended;
      // What it has started and left behind is ended with it: nothing of an attempt may run into the next.
      await group.stop(graceMs);
      return end;
    } finally {
      void group.stop(graceMs).then(left);
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
