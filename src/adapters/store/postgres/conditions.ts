import type { Parameter } from "./statement.ts";

/** Clauses of a filter that must all hold, and their values. */
export function conditions(): {
  /** `clause` is given the texts that stand for the values, each of type text. */
  readonly add: (clause: (...parameters: string[]) => string, ...values: Parameter[]) => void;
  readonly where: () => string;
  readonly values: readonly Parameter[];
} {
  const clauses: string[] = [];
  const values: Parameter[] = [];
  return {
    add: (clause, ...given) => {
      clauses.push(clause(...given.map((value) => `$${values.push(value)}::text`)));
    },
    where: () => (clauses.length === 0 ? "" : `WHERE ${clauses.join(" AND ")}`),
    values,
  };
}
