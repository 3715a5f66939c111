import { ConfigError } from "../../core/errors.ts";
import { shown } from "../../core/shown.ts";
import type { PipelineSpec } from "./definition.ts";

/** Labels that every step carries, so that its dead letter says where it stands and what waits for it. */
export const STEP_LABELS = ["pipeline", "run", "step", "waiting"] as const;

/** The subject's labels, checked. */
export function subjectLabels({ name, labels }: PipelineSpec, input: unknown): Readonly<Record<string, string>> {
  const path = `pipelines.${name}.labels`;
  const given: unknown = labels(input);
  if (typeof given !== "object" || given === null || Array.isArray(given)) {
    throw new ConfigError({ path, message: `${path} gives ${shown(given)}; give texts by name, such as { lead: "42" }` });
  }
  for (const [label, value] of Object.entries(given)) {
    const at = `${path}.${label}`;
    if (typeof value !== "string") throw new ConfigError({ path: at, message: `${at} is ${shown(value)}; a label is a text` });
    if ((STEP_LABELS as readonly string[]).includes(label)) {
      throw new ConfigError({ path: at, message: `${at} is a label that every step has already; give yours another name` });
    }
  }
  return given as Readonly<Record<string, string>>;
}
