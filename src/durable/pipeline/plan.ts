import { ConfigError } from "../../core/errors.ts";
import { specOf, type AnyPipelineDefinition, type PipelineSpec, type StepSpec } from "./definition.ts";

/** A step with its place among the others. */
export interface PlannedStep extends StepSpec {
  readonly index: number;
  /** Indexes of the steps that must be done before. */
  readonly after: readonly number[];
  /** Names of the steps that wait for it, however far behind it they stand. */
  readonly waiting: readonly string[];
  readonly optional: boolean;
}

/** A definition, checked as a whole. */
export interface PipelinePlan {
  readonly spec: PipelineSpec;
  readonly steps: readonly PlannedStep[];
  readonly step: ReadonlyMap<string, PlannedStep>;
  /** By version, this one included. */
  readonly versions: ReadonlyMap<string, PipelinePlan>;
}

/** Checks what can only be seen of the whole: that there are steps, that what they wait for exists, and comes to an end. */
export function planOf(definition: AnyPipelineDefinition, path: string): PipelinePlan {
  const spec = specOf(definition, path);
  const at = `pipelines.${spec.name}.steps`;
  if (spec.steps.length === 0) throw new ConfigError({ path: at, message: `${at} is empty; add a step with .step()` });
  const indexes = new Map(spec.steps.map(({ name }, index) => [name, index]));
  const after = spec.steps.map(({ name, options }, index) =>
    (options.after ?? (index === 0 ? [] : [spec.steps[index - 1]?.name as string])).map((before, place) => {
      const found = indexes.get(before);
      if (found !== undefined) return found;
      const where = `${at}.${name}.after[${place}]`;
      throw new ConfigError({
        path: where,
        message: `${where} is ${JSON.stringify(before)}, and there is no such step; known are ${[...indexes.keys()].join(", ")}`,
      });
    }),
  );
  refuseCycles(spec, after);
  const steps = spec.steps.map((step, index): PlannedStep => {
    const waiting = new Set<number>();
    const add = (of: number): void => {
      for (const [later, before] of after.entries()) {
        if (!before.includes(of) || waiting.has(later)) continue;
        waiting.add(later);
        add(later);
      }
    };
    const optional = step.options.optional === true;
    // Behind an optional step everything goes on without it.
    if (!optional) add(index);
    const names = [...waiting].sort((a, b) => a - b).map((later) => spec.steps[later]?.name as string);
    return { ...step, index, after: after[index] as number[], waiting: names, optional };
  });
  const earlier = spec.earlier.map((one, index) => planOf(one, `pipelines.${spec.name}.earlier[${index}]`));
  const versions = new Map<string, PipelinePlan>(earlier.flatMap((plan) => [...plan.versions]));
  const plan: PipelinePlan = { spec, steps, step: new Map(steps.map((step) => [step.name, step])), versions };
  versions.set(spec.version, plan);
  return plan;
}

function refuseCycles(spec: PipelineSpec, after: readonly (readonly number[])[]): void {
  const done = new Set<number>();
  const walk = (index: number, way: readonly number[]): void => {
    const seen = way.indexOf(index);
    if (seen >= 0) {
      const names = [...way.slice(seen), index].map((one) => spec.steps[one]?.name as string);
      const path = `pipelines.${spec.name}.steps.${names[0]}.after`;
      throw new ConfigError({
        path,
        message: `${path} leads back to the step itself (${names.join(" waits for ")}); none of them could ever start`,
      });
    }
    if (done.has(index)) return;
    for (const before of after[index] as readonly number[]) walk(before, [...way, index]);
    done.add(index);
  };
  for (const index of spec.steps.keys()) walk(index, []);
}
