import type { z } from "zod";
import { ProblemError, type Problem } from "./problem.ts";

/** Faults that are told at most: a body with a million wrong members does not make an answer of a million lines. */
const MOST_FAULTS = 20;
const LONGEST_MESSAGE = 300;

/** What a schema makes of a value. @throws ProblemError that names what is wrong by its path. */
export function validated(schema: z.ZodType, value: unknown, where: "query" | "body"): unknown {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const errors = result.error.issues.slice(0, MOST_FAULTS).flatMap((issue) => faultsOf(issue, where));
  const first = errors[0];
  throw new ProblemError("invalid-request", first === undefined ? `the ${where} is wrong` : `${first.path}: ${first.message}`, { errors });
}

type Faults = NonNullable<Problem["errors"]>;

function faultsOf(issue: z.core.$ZodIssue, where: string): Faults {
  const path = [where, ...issue.path.map(String)].join(".");
  if (issue.code === "unrecognized_keys") {
    return issue.keys.slice(0, MOST_FAULTS).map((key) => ({ path: `${path}.${key.slice(0, 100)}`, message: "is not known here" }));
  }
  return [{ path, message: issue.message.slice(0, LONGEST_MESSAGE) }];
}

/**
 * The query as an object for its schema: `label.lead=42` becomes a member of `label`, all others are texts by name. A parameter
 * given twice is refused, because one of the two would have no effect. `plainLabel`: the route has a parameter `label` of its own.
 */
export function queryOf(search: URLSearchParams, plainLabel = false): Readonly<Record<string, unknown>> {
  // Without a prototype, so that `__proto__` is a name like any other.
  const query = Object.create(null) as Record<string, unknown>;
  const labels = Object.create(null) as Record<string, string>;
  let labelled = false;
  for (const [name, value] of search) {
    const label = name.startsWith("label.") && !plainLabel ? name.slice("label.".length) : undefined;
    const into = label === undefined ? query : labels;
    const key = label ?? name;
    const isStray = name === "label" && !plainLabel;
    if (Object.hasOwn(into, key) || isStray) {
      const message = isStray ? "is not known here; filter by label.NAME=VALUE" : "is given twice; give it once";
      throw new ProblemError("invalid-request", `query.${name.slice(0, 100)}: ${message}`, {
        errors: [{ path: `query.${name.slice(0, 100)}`, message }],
      });
    }
    into[key] = value;
    labelled ||= label !== undefined;
  }
  if (labelled) query["label"] = labels;
  return query;
}
