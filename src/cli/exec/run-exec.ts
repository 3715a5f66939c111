import { systemClock } from "../../adapters/clock/system.ts";
import { systemRandom } from "../../adapters/clock/random.ts";
import { withFingerprint } from "../../client/engine.ts";
import { explainBecause, type Because } from "../../core/decision.ts";
import { explain } from "../../core/explain.ts";
import type { Verdict } from "../../core/verdict.ts";
import { Call } from "../../engine/call.ts";
import { run as runCall } from "../../engine/lifecycle.ts";
import { createRuntime, type Runtime } from "../../engine/runtime.ts";
import { uuidv7 } from "../../engine/uuid.ts";
import type { RunView } from "../../ports/step-store.ts";
import type { Store } from "../../ports/store.ts";
import { ExecBook, noteOf } from "./book.ts";
import { ExecWork, type ExecCall } from "./exec-work.ts";
import type { ExecPlan } from "./plan.ts";
import { isStillAtWork, type CommandEnd } from "./process-group.ts";

/** What stands for an API in dead letters of commands. */
export const EXEC_API = "exec";

export interface ExecEnd {
  /** `busy`: another run of this name is at work, and nothing was started. `interrupted`: holdfast itself was told to stop. */
  readonly state: "succeeded" | "failed" | "busy" | "interrupted";
  readonly run: string;
  readonly attempts: number;
  readonly because: string;
  /** Id of the dead letter that keeps the failure. */
  readonly deadLetter?: string;
  readonly signal?: NodeJS.Signals;
  readonly durationMs: number;
}

export interface ExecParts {
  readonly store: Store;
  readonly plan: ExecPlan;
  readonly command: readonly string[];
  readonly say: (line: string) => void;
  /** Hears of what the engine tells. */
  readonly listen?: (runtime: Runtime) => void;
}

const SIGNALS = ["SIGTERM", "SIGINT", "SIGHUP"] as const;

/** Runs a command to its end: through the engine's lifecycle, one attempt after the other, as its plan says. */
export async function runExec({ store, plan, command, say, listen }: ExecParts): Promise<ExecEnd> {
  const runtime = createRuntime(systemClock, systemRandom);
  listen?.(runtime);
  const { clock } = runtime;
  const run = uuidv7(clock.now(), runtime.random);
  const startedAt = clock.monotonic();
  const book = new ExecBook(store, plan.name, run, clock);
  const busy = (because: string): ExecEnd => ({ state: "busy", run, attempts: 0, because, durationMs: clock.monotonic() - startedAt });
  if (!(await book.take())) return busy(`a run of ${plan.name} is at work; nothing was started`);
  try {
    for (const left of await book.vanished()) {
      const group = left.steps.map((step) => noteOf(step)?.group).findLast((one) => one !== undefined);
      if (group !== undefined && isStillAtWork(group)) {
        return busy(
          `the holdfast of an earlier run of ${plan.name} is gone, and its command is still at work (process group ${group.group}); nothing was started`,
        );
      }
      await buryVanished(store, book, left, { plan, runtime, say });
    }
    await book.begin(command);
    const end = await attempts({ store, plan, command, say, runtime, book, run });
    await book.end(end.state === "succeeded" ? "succeeded" : "failed");
    return { ...end, durationMs: clock.monotonic() - startedAt };
  } finally {
    await book.release();
  }
}

interface AttemptParts extends Omit<ExecParts, "listen"> {
  readonly runtime: Runtime;
  readonly book: ExecBook;
  readonly run: string;
}

async function attempts({ store, plan, command, say, runtime, book, run }: AttemptParts): Promise<Omit<ExecEnd, "durationMs">> {
  const { clock } = runtime;
  const abort = new AbortController();
  let told: NodeJS.Signals | undefined;
  const begun = new Map<number, { readonly at: number; readonly wall: number; readonly group: NonNullable<ExecCall["group"]> }>();
  const payload: ExecCall = {
    command,
    plan,
    group: undefined,
    gone: Promise.resolve(),
    onStarted: async (attempt, group) => {
      begun.set(attempt, { at: clock.monotonic(), wall: clock.now(), group });
      // On disk while it is under way, so that whoever comes after a kill -9 knows of it.
      await book.attempt(attempt, "parked", { startedAt: clock.now(), group: group.ref });
    },
  };
  const notes: Promise<void>[] = [];
  const note = (attempt: number, verdict: Verdict): void => {
    const started = begun.get(attempt);
    const text = started?.group.output.text ?? "";
    const durationMs = started === undefined ? 0 : Math.round(clock.monotonic() - started.at);
    const state = verdict.kind === "success" ? "done" : "failed";
    const because = verdict.kind === "success" ? "it exited with 0" : verdict.because;
    notes.push(book.attempt(attempt, state, { startedAt: started?.wall ?? clock.now(), durationMs, because, output: text }));
    if (state === "failed") say(`${plan.name}: attempt ${attempt} of ${plan.policy.maxAttempts} failed: ${because}`);
  };
  runtime.events.on("attempt:settled", ({ attempt, verdict }) => note(attempt, verdict));
  runtime.events.on("retry:scheduled", ({ delayMs }) => say(`${plan.name}: the next attempt comes in ${Math.round(delayMs / 1_000)} s`));
  const pass = SIGNALS.map((signal) => {
    const onSignal = (): void => {
      told ??= signal;
      void payload.group?.stop(plan.graceMs, signal);
      abort.abort(new Error(`holdfast was told to stop (${signal})`));
    };
    process.on(signal, onSignal);
    return () => process.off(signal, onSignal);
  });
  let deadLetter: string | undefined;
  const call = new Call<CommandEnd, ExecCall>(runtime, plan.policy, new ExecWork(clock), payload, {
    id: run,
    signal: abort.signal,
    // That it may be run again is what a schedule says.
    repeatable: true,
    operationName: plan.name,
    labels: { exec: plan.name },
    async keep(letter, verdict) {
      const own = { ...letter, api: EXEC_API, endpoint: plan.name };
      const complete = withFingerprint(own, verdict);
      await store.deadLetters.add([complete]);
      deadLetter = complete.id;
      const { id, api, endpoint, reason, fingerprint, title } = complete;
      runtime.events.emit("dead-letter:added", { id, api, endpoint, reason, fingerprint, title });
    },
  });
  let state: ExecEnd["state"] = "succeeded";
  let because: Because | undefined;
  try {
    const value = await runCall(call);
    if (value.code !== 0) state = "failed";
    because = explain(value)?.because;
  } catch (error) {
    state = "failed";
    because = explain(error)?.because ?? { code: "permanent", detail: error instanceof Error ? error.message : String(error) };
  }
  await payload.gone;
  for (const off of pass) off();
  await Promise.all(notes);
  if (told !== undefined && state === "failed") state = "interrupted";
  const why = state === "succeeded" ? "it exited with 0" : because === undefined ? state : explainBecause(because);
  return {
    state,
    run,
    attempts: call.attempt,
    because: why,
    ...(deadLetter === undefined ? {} : { deadLetter }),
    ...(told === undefined ? {} : { signal: told }),
  };
}

/** A run whose holdfast was killed is a dead letter, told of by the next start. */
async function buryVanished(
  store: Store,
  book: ExecBook,
  left: RunView,
  { plan, runtime, say }: { readonly plan: ExecPlan; readonly runtime: Runtime; readonly say: (line: string) => void },
): Promise<void> {
  const now = runtime.clock.now();
  const detail = "its holdfast vanished in mid-run, by a kill -9 or a crash of the machine";
  const because: Because = { code: "outcome-unknown", detail };
  const verdict: Verdict = { kind: "transient", effect: "unknown", rule: "holder-vanished", because: detail };
  const letter = {
    id: left.id,
    api: EXEC_API,
    endpoint: plan.name,
    partition: "",
    reason: "outcome-unknown",
    because,
    operation: plan.name,
    labels: { exec: plan.name },
    attempts: [],
    firstAttemptAt: left.openedAt,
    diedAt: now,
  } as const;
  const complete = withFingerprint(letter, verdict);
  await store.deadLetters.add([complete]);
  const { id, api, endpoint, reason, fingerprint, title } = complete;
  runtime.events.emit("dead-letter:added", { id, api, endpoint, reason, fingerprint, title });
  await book.close(left, because, left.id);
  say(`${plan.name}: the run of ${new Date(left.openedAt).toISOString()} was cut short: ${detail}`);
}
