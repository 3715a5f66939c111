import { ConfigError } from "../../core/errors.ts";
import { shown } from "../../core/shown.ts";

/** Where a record stands in its source, as its owner says it: a number, a time, or a text that is ordered by its UTF-16 units. */
export type CursorValue = number | string | Date;

/** What the values of one source are. They never mix. */
export type CursorKind = "number" | "time" | "text";

/** A cursor value that can be compared and kept: milliseconds for a time. */
export type Position = number | string;

export interface Cursor {
  readonly kind: CursorKind;
  readonly position: Position;
}

/** Reads a value. `kind` says that numbers are times. @throws ConfigError for what cannot be compared */
export function cursorOf(value: CursorValue, path: string, kind?: CursorKind): Cursor {
  if (value instanceof Date && Number.isFinite(value.getTime())) return { kind: "time", position: value.getTime() };
  if (typeof value === "number" && Number.isFinite(value)) return { kind: kind === "time" ? "time" : "number", position: value };
  if (typeof value === "string" && value !== "") return { kind: "text", position: value };
  throw new ConfigError({
    path,
    message: `${path} gave ${value instanceof Date ? "a Date that is none" : shown(value)}; a cursor is a finite number, a Date or a text that is not empty`,
  });
}

/** As its owner gave it. */
export function valueOf({ kind, position }: Cursor): CursorValue {
  return kind === "time" ? new Date(position) : position;
}

/** For people and JSON: a time as ISO 8601. */
export function shownCursor({ kind, position }: Cursor): number | string {
  return kind === "time" ? new Date(position).toISOString() : position;
}

/** Orders positions of one kind. */
export function compare(a: Position, b: Position): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
