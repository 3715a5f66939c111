import { valueAt } from "../../core/json-path.ts";

/**
 * The units that an answer says were used: the sum of what stands at the dotted `paths` of its JSON. Undefined where it does not say,
 * or what it says is no number of units.
 */
export function unitsUsed(answer: string, paths: readonly string[]): number | undefined {
  let json: unknown;
  try {
    json = JSON.parse(answer);
  } catch {
    return undefined;
  }
  let sum: number | undefined;
  for (const path of paths) {
    const units = valueAt(json, path.split("."));
    if (typeof units === "number" && units >= 0 && Number.isFinite(units)) sum = (sum ?? 0) + units;
  }
  return sum;
}
