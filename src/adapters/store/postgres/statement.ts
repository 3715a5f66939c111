import { createHash } from "node:crypto";

/**
 * A query whose text never changes. Its name is made from the text, so that whoever prepares a statement of that name on a
 * connection prepares the same thing, also where a pooler hands one connection to many.
 *
 * Parameters are texts, cast in the query (`($1::text)::uuid[]`), because clients differ in how they write every other type and
 * agree on this one. Results are arrays of columns of text, float8, int4, bool and bytea, which they agree on too.
 */
export interface Statement<Row extends readonly unknown[]> {
  readonly name: string;
  readonly text: string;
  /** Only for the compiler. */
  readonly row?: Row;
}

export type Parameter = string | null;

export function statement<Row extends readonly unknown[]>(text: string): Statement<Row> {
  return { name: `holdfast_${createHash("sha256").update(text).digest("hex").slice(0, 24)}`, text };
}
