import { ConfigError } from "../core/errors.ts";
import { refuseUnknown } from "../core/options.ts";
import { shown } from "../core/shown.ts";

/** Where a secret stands, in a config that may be read by anybody. */
export type SecretReference =
  /** An environment variable, by its name. */
  | { readonly env: string }
  /** A file that holds nothing else, by its absolute path, as secret managers and orchestrators mount it. */
  | { readonly file: string };

/** Where a secret comes from: named, not written down, so that configs, dead letters and logs hold none. */
export type SecretSource = string | SecretReference | (() => string | Promise<string>);

/**
 * A secret from the environment, read when it is sent; so a rotated one is found without a restart.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { bearer, env } from "holdfast";
 *
 * assert.deepEqual(bearer(env("CRM_TOKEN")), { type: "bearer", token: { env: "CRM_TOKEN" } });
 * ```
 */
export function env(name: string): { readonly env: string } {
  return { env: name };
}

/** That there is a source; what it gives is looked at when it is sent. A secret is never shown, not even a wrong one. */
export function checkSecret(source: unknown, path: string): asserts source is SecretSource {
  if (typeof source === "function" || (typeof source === "string" && source !== "")) return;
  if (typeof source === "object" && source !== null && !Array.isArray(source)) return checkReference(source, path);
  const what = source === "" ? "empty" : source === undefined ? "missing" : Array.isArray(source) ? "a list" : `a ${typeof source}`;
  throw new ConfigError({
    path,
    message: `${path} is ${what}; name an environment variable, { env: "NAME" }, or a file, { file: "/run/secrets/name" }, or give a function that gets the secret`,
  });
}

/** That it names where a secret stands, in exactly one way. */
export function checkReference(source: object, path: string): asserts source is SecretReference {
  refuseUnknown(source, ["env", "file"], path);
  const { env: name, file } = source as { readonly env?: unknown; readonly file?: unknown };
  if (file === undefined) {
    if (typeof name === "string" && name !== "") return;
    const what = name === undefined ? "missing" : name === "" ? "empty" : `a ${typeof name}`;
    throw new ConfigError({ path: `${path}.env`, message: `${path}.env is ${what}; give the name of an environment variable` });
  }
  if (name !== undefined) {
    throw new ConfigError({ path, message: `${path} names both a variable and a file, of which only one can be read; remove one` });
  }
  if (!isAbsolute(file)) {
    throw new ConfigError({
      path: `${path}.file`,
      message: `${path}.file is ${shown(file)}; give an absolute path, such as "/run/secrets/crm-token": what it is relative to would depend on who reads it`,
    });
  }
}

/** A path from the root, on POSIX or Windows. */
export function isAbsolute(path: unknown): path is string {
  return typeof path === "string" && /^(?:\/|[A-Za-z]:[\\/]|\\\\)./.test(path);
}

/**
 * The secret as it stands now. Throws a {@link ConfigError} where it is not there: nothing can be sent without it.
 * A function's answer comes as a promise if it gives one.
 */
export function readSecret(source: SecretSource, path: string): string | Promise<string> {
  if (typeof source === "function") {
    const given: unknown = source();
    return given instanceof Promise ? given.then((value) => fromFunction(value, path)) : fromFunction(given, path);
  }
  return typeof source === "string" ? withoutLineEnd(source) : readReference(source, path);
}

/** The secret that a config refers to, as it stands now. @throws ConfigError */
export function readReference(source: SecretReference, path: string): string {
  return "file" in source ? fromFile(source.file, path) : fromEnvironment(source.env, path);
}

/** Where it comes from, for people; never what it is. */
export function sourceOf(source: SecretSource): string {
  if (typeof source === "string") return "written in the config";
  if (typeof source === "function") return "from a function";
  return "file" in source ? `from the file ${source.file}` : `from $${source.env}`;
}

function fromFunction(value: unknown, path: string): string {
  if (typeof value === "string" && value !== "") return withoutLineEnd(value);
  throw new ConfigError({
    path,
    message: `${path} is a function that gave ${value === "" ? "an empty text" : typeof value}; it must give the secret as a text`,
  });
}

/** What this asks of Node, where it is there. */
interface Host {
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly getBuiltinModule?: (name: "node:fs") => FileSystem | undefined;
}

interface FileSystem {
  statSync(path: string): { readonly mtimeMs: number; readonly ino: number; readonly size: number };
  readFileSync(path: string, encoding: "utf8"): string;
}

function host(): Host | undefined {
  return (globalThis as { process?: Host }).process;
}

function fromEnvironment(name: string, path: string): string {
  const value = host()?.env?.[name];
  if (value === undefined || value === "") {
    throw new ConfigError({
      path,
      message: `${path} refers to the environment variable ${name}, which is not set here; set it before the process starts`,
    });
  }
  return withoutLineEnd(value);
}

/** What was read last of each file, and of which version of it: a look costs a microsecond or two, reading twenty. */
const files = new Map<string, { readonly version: string; readonly value: string }>();

/** A file is looked at each time, so that a rotated secret is sent from the moment on that it is there. */
function fromFile(file: string, path: string): string {
  const fs = host()?.getBuiltinModule?.("node:fs");
  if (fs === undefined) {
    throw new ConfigError({ path: `${path}.file`, message: `${path}.file names a file, and there are none here; give a function instead` });
  }
  let value: string;
  try {
    const { mtimeMs, ino, size } = fs.statSync(file);
    const version = `${mtimeMs} ${ino} ${size}`;
    const known = files.get(file);
    if (known?.version === version) return known.value;
    value = withoutLineEnd(fs.readFileSync(file, "utf8"));
    if (value !== "") files.set(file, { version, value });
  } catch (cause) {
    files.delete(file);
    const why = (cause as { readonly code?: string }).code ?? "it cannot be read";
    throw new ConfigError({ path, message: `${path} refers to the file ${file}, which cannot be read (${why})`, cause });
  }
  if (value === "") throw new ConfigError({ path, message: `${path} refers to the file ${file}, which is empty` });
  return value;
}

/** Secrets come out of files, and files end with a line end. */
function withoutLineEnd(value: string): string {
  return value.replace(/[\r\n]+$/, "");
}
