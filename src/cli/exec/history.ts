import type { Page } from "../../ports/page.ts";
import type { RunView, StepStore } from "../../ports/step-store.ts";
import { noteOf, pipelineOf, type AttemptNote } from "./book.ts";

/** A run of a command, as it is shown. */
export interface ExecRun {
  readonly name: string;
  readonly run: string;
  readonly command: readonly string[];
  /** `cut short`: its holdfast vanished, or is still at work where `state` is `running`. */
  readonly state: "succeeded" | "failed" | "cut short" | "running";
  readonly startedAt: string;
  readonly durationMs?: number;
  readonly attempts: readonly (AttemptNote & { readonly attempt: number; readonly state: string })[];
}

const PAGE = 200;

/** The last runs, newest first; of one name, or of all. */
export async function historyOf(steps: StepStore, name: string | undefined, limit: number): Promise<readonly ExecRun[]> {
  const runs: ExecRun[] = [];
  for (let after: string | null | undefined; after !== null && runs.length < limit;) {
    const page: Page<RunView> = await steps.list(name === undefined ? {} : { pipeline: pipelineOf(name) }, {
      limit: PAGE,
      ...(after === undefined ? {} : { after }),
    });
    runs.push(...page.items.filter(({ pipeline }) => pipeline.startsWith(pipelineOf(""))).map(shownRun));
    after = page.next;
  }
  return runs.slice(0, limit);
}

function shownRun({ id, subject, input, state, openedAt, endedAt, steps }: RunView): ExecRun {
  const vanished = steps.some(({ step }) => step === "vanished");
  const attempts = steps.flatMap((view) => {
    const note = noteOf(view);
    if (note === undefined) return [];
    const under = view.state === "parked" ? (state === "open" ? "running" : "cut short") : view.state === "done" ? "succeeded" : "failed";
    return [{ attempt: Number(view.step.replace("attempt ", "")), state: under, ...note }];
  });
  return {
    name: subject,
    run: id,
    command: (JSON.parse(input) as { readonly command: readonly string[] }).command,
    state: vanished ? "cut short" : state === "open" ? "running" : state,
    startedAt: new Date(openedAt).toISOString(),
    ...(endedAt === undefined || vanished ? {} : { durationMs: Math.round(endedAt - openedAt) }),
    attempts,
  };
}
