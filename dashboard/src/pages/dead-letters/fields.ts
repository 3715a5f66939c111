import type { Bytes } from "../attempts/request-view.tsx";

/** One value of a JSON document, by where it stands. */
export interface Field {
  readonly path: readonly string[];
  /** As JSON. */
  readonly value: string;
  /** Whether a merge patch can reach it: it replaces lists as a whole. */
  readonly patchable: boolean;
}

const MOST = 200;

/** Every value of a document, in its order. Of a big one the first ones. */
export function fieldsOf(document: unknown): readonly Field[] {
  const fields: Field[] = [];
  const walk = (value: unknown, path: readonly string[], patchable: boolean): void => {
    if (fields.length >= MOST) return;
    const inside = typeof value === "object" && value !== null ? Object.entries(value) : [];
    if (inside.length === 0) fields.push({ path, value: JSON.stringify(value) ?? "undefined", patchable });
    else for (const [name, one] of inside) walk(one, [...path, name], patchable && !Array.isArray(value));
  };
  walk(document, [], true);
  return fields;
}

/** The same field of several documents. */
export interface Compared {
  readonly path: readonly string[];
  /** One for each document; undefined where it has none. */
  readonly values: readonly (string | undefined)[];
  /** Whether all have the same. */
  readonly same: boolean;
  readonly patchable: boolean;
}

/** Documents side by side, field by field: what differs is what to look at. */
export function compared(documents: readonly unknown[]): readonly Compared[] {
  const rows = new Map<string, { path: readonly string[]; patchable: boolean; values: (string | undefined)[] }>();
  for (const [index, document] of documents.entries()) {
    for (const { path, value, patchable } of fieldsOf(document)) {
      const key = JSON.stringify(path);
      const row = rows.get(key) ?? { path, patchable, values: documents.map(() => undefined) };
      row.values[index] = value;
      rows.set(key, row);
    }
  }
  return [...rows.values()].map((row) => ({ ...row, same: row.values.every((value) => value === row.values[0]) }));
}

/** The document in a body; undefined where it is no JSON. */
export function documentIn(body: Bytes | undefined): unknown {
  if (body === undefined || !("text" in body)) return undefined;
  try {
    return JSON.parse(body.text) as unknown;
  } catch {
    return undefined;
  }
}

/** A merge patch with one more member, where `path` leads. */
export function withMember(
  patch: Readonly<Record<string, unknown>>,
  path: readonly string[],
  value: unknown,
): Readonly<Record<string, unknown>> {
  const [name, ...rest] = path;
  if (name === undefined) return patch;
  const before = patch[name];
  const inside =
    typeof before === "object" && before !== null && !Array.isArray(before) ? (before as Readonly<Record<string, unknown>>) : {};
  return { ...patch, [name]: rest.length === 0 ? value : withMember(inside, rest, value) };
}
