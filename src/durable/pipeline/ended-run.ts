import type { RunView } from "../../ports/step-store.ts";
import type { PipelineEnd } from "./pipeline.ts";
import type { ParkedStep } from "./pipeline-run.ts";
import type { PipelinePlan } from "./plan.ts";

/** What a run that has ended gave. */
export function endedBefore(
  { id, state, steps }: RunView,
  plan: PipelinePlan,
  onStep: ((step: string) => void) | undefined,
): PipelineEnd<Readonly<Record<string, unknown>>> {
  const results: Record<string, unknown> = {};
  const parked: ParkedStep[] = [];
  for (const { step, state: how, result, operation, because } of steps) {
    if (how === "done") {
      results[step] = result === undefined ? undefined : JSON.parse(result);
      onStep?.(step);
    } else if (operation !== undefined) {
      parked.push({ step, because, deadLetter: operation, waiting: plan.step.get(step)?.waiting ?? [] });
    }
  }
  return { state: state === "succeeded" ? "succeeded" : "failed", run: id, results, parked };
}

/** The plan with everything taken for done but one step. */
export function onlyStep(plan: PipelinePlan, name: string): PipelinePlan {
  const steps = plan.steps.filter((step) => step.name === name).map((step) => ({ ...step, after: [] }));
  return { ...plan, steps };
}
