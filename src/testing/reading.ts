import { ConfigError } from "../core/errors.ts";
import { shown } from "../core/shown.ts";

/**
 * Reads unknown data piece by piece. Each function takes a value and the path at which it stands, and either answers the
 * value with its type or throws a {@link ConfigError} that names the path. Data becomes typed here, and nowhere else.
 */

/** Refuses a value; `expected` says what may stand there instead. */
export function refuse(path: string, value: unknown, expected: string): never {
  throw new ConfigError({ path, message: `${path} is ${value === undefined ? "missing" : shown(value)}; ${expected}` });
}

export function readObject(value: unknown, path: string, known: readonly string[]): Readonly<Record<string, unknown>> {
  const fields = readRecord(value, path);
  for (const key of Object.keys(fields)) {
    if (known.includes(key)) continue;
    throw new ConfigError({
      path: join(path, key),
      message: `${join(path, key)} is not an option; known ${path === "" ? "" : `in ${path} `}are ${known.join(", ")}`,
    });
  }
  return fields;
}

/** An object whose keys are the user's own. */
export function readRecord(value: unknown, path: string): Readonly<Record<string, unknown>> {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  return refuse(path === "" ? "the script" : path, value, "it must be an object");
}

export function readList(value: unknown, path: string): readonly unknown[] {
  return Array.isArray(value) ? value : refuse(path, value, "it must be a list");
}

export function readText(value: unknown, path: string): string {
  return typeof value === "string" && value !== "" ? value : refuse(path, value, "it must be a text that is not empty");
}

/** One text or a list of them. */
export function readTexts(value: unknown, path: string): readonly string[] {
  return Array.isArray(value) ? value.map((item, index) => readText(item, `${path}[${index}]`)) : [readText(value, path)];
}

export function readBoolean(value: unknown, path: string): boolean {
  return typeof value === "boolean" ? value : refuse(path, value, "it must be true or false");
}

/** A switch that can only be put on; leaving it out is how to have it off. */
export function readTrue(value: unknown, path: string): true {
  return value === true ? value : refuse(path, value, "it can only be true; leave it out otherwise");
}

export interface NumberRange {
  readonly min: number;
  readonly max?: number;
  readonly integer?: boolean;
}

export function readNumber(value: unknown, path: string, range: NumberRange): number {
  const { min, max = Infinity, integer = false } = range;
  if (typeof value === "number" && value >= min && value <= max && Number.isFinite(value) && (!integer || Number.isInteger(value))) {
    return value;
  }
  const upper = max === Infinity ? `${min} or more` : `from ${min} to ${max}`;
  return refuse(path, value, `it must be a ${integer ? "whole number" : "number"}, ${upper}`);
}

export function readOneOf<Choice extends string>(value: unknown, path: string, choices: readonly Choice[]): Choice {
  const found = choices.find((choice) => choice === value);
  return found ?? refuse(path, value, `it must be one of ${choices.map((choice) => JSON.stringify(choice)).join(", ")}`);
}

/** Reads what is there; leaves out what is not. */
export function optional<Value>(value: unknown, path: string, read: (value: unknown, path: string) => Value): Value | undefined {
  return value === undefined ? undefined : read(value, path);
}

/** The path of a field: `rules[0].then`, or `endpoints["POST /contacts"]` where the key is not a plain name. */
export function join(path: string, key: string): string {
  if (!/^[\w-]+$/.test(key)) return `${path}[${JSON.stringify(key)}]`;
  return path === "" ? key : `${path}.${key}`;
}
