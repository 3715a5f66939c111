/**
 * JavaScript values as texts that PostgreSQL reads, and texts that it cannot hold.
 *
 * PostgreSQL text has no NUL and no halves of surrogate pairs, and strings of JavaScript have both. They are packed as a mark
 * (a noncharacter of Unicode) and four hex digits, and so is the mark.
 */
const MARK = "\uFDD0";
const UNWRITABLE = /[\0\uFDD0\p{Surrogate}]/gu;

export function packText(text: string): string {
  return text.replace(UNWRITABLE, (unit) => MARK + unit.charCodeAt(0).toString(16).padStart(4, "0"));
}

export function unpackText(text: string): string {
  if (!text.includes(MARK)) return text;
  return text.replace(/\uFDD0([0-9a-f]{4})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 16)));
}

/** Printable ASCII but quotes and backslashes: what stands in quotes as it is. Most texts are. */
const PLAIN = /^[ !#-[\]-~]*$/;

/** A literal of `text[]`, or of any type whose literals need no more than quotes. */
export function textArray(values: readonly (string | null | undefined)[]): string {
  let literal = "{";
  for (const value of values) {
    if (literal.length > 1) literal += ",";
    if (value === null || value === undefined) literal += "NULL";
    else literal += PLAIN.test(value) ? `"${value}"` : `"${packText(value).replace(/["\\]/g, "\\$&")}"`;
  }
  return `${literal}}`;
}

/**
 * JSON texts as `string_to_array($1::text, chr(30), '')` reads them: a separator that JSON cannot hold unescaped, and nothing for a
 * null. A literal of `text[]` would have every quote escaped, which costs more than making the JSON.
 */
export function jsonTexts(values: readonly (string | undefined)[]): string {
  return values.map((value) => value ?? "").join("\u001E");
}

/** A literal of `float8[]`, `int4[]` or `bool[]`. */
export function plainArray(values: readonly (number | boolean | null | undefined)[]): string {
  let literal = "{";
  for (const value of values) {
    if (literal.length > 1) literal += ",";
    literal += value === null || value === undefined ? "NULL" : String(value);
  }
  return `${literal}}`;
}

/** A literal of `bytea[]`. */
export function bytesArray(values: readonly (Uint8Array | null | undefined)[]): string {
  return `{${values.map((value) => (value === null || value === undefined ? "NULL" : `"\\\\x${hex(value)}"`)).join(",")}}`;
}

export function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("hex");
}
