import { DisplayString, parseDictionary, Token, type BareItem } from "structured-headers";
import { ProblemError } from "./problem.ts";

/**
 * Reads `Holdfast-Labels`: a dictionary of RFC 9651, such as `lead=42, campaign="Q4 launch"`. Labels are texts, whatever the item.
 *
 * @throws ProblemError
 */
export function readLabels(header: string): Readonly<Record<string, string>> {
  let members: ReturnType<typeof parseDictionary>;
  try {
    members = parseDictionary(header);
  } catch (error) {
    return refuse(
      `is not a dictionary of RFC 9651 (${error instanceof Error ? error.message : String(error)}); write lead=42, campaign="q4"`,
    );
  }
  const labels: Record<string, string> = {};
  for (const [name, [item, parameters]] of members) {
    if (Array.isArray(item)) return refuse(`has a list at ${name}; a label is one value`);
    if (parameters.size > 0) return refuse(`has parameters (;) at ${name}; a label is one value`);
    labels[name] = textOf(item, name);
  }
  return labels;
}

function textOf(item: BareItem, name: string): string {
  if (typeof item === "string") return item;
  if (typeof item === "number" || typeof item === "boolean") return String(item);
  if (item instanceof Token || item instanceof DisplayString) return item.toString();
  if (item instanceof Date) return item.toISOString();
  return refuse(`has bytes at ${name}; a label is a text`);
}

function refuse(problem: string): never {
  throw new ProblemError("invalid-request", `the header Holdfast-Labels ${problem}`);
}
