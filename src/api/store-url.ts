import { ConfigError } from "../core/errors.ts";
import { shown } from "../core/shown.ts";
import { checkReference, readReference, type SecretReference } from "./secret.ts";

/**
 * Where what must outlive a call is kept: `sqlite:` and a path (relative to the config's folder); `postgres://…`, with `?schema=`
 * for another schema than `holdfast`; or `memory:`, which forgets.
 */
export type StoreUrl = `sqlite:${string}` | `postgres://${string}` | `postgresql://${string}` | "memory:";

/** A store, as a config says it. */
export type StoreTarget =
  | { readonly kind: "memory" }
  | { readonly kind: "sqlite"; readonly path: string }
  /** `shown` is the URL without its password. */
  | { readonly kind: "postgres"; readonly url: string; readonly schema: string | undefined; readonly shown: string };

/** What stands there where nobody says otherwise. */
export const DEFAULT_STORE: StoreUrl = "sqlite:holdfast.db";

const HELP = 'give "sqlite:" and a path, such as "sqlite:holdfast.db", "postgres://user@host/database", or "memory:"';

/** That it is a store's URL, or a reference to a secret that holds one. A password in it is not shown. */
export function checkStore(store: unknown, path: string): void {
  if (typeof store === "object" && store !== null && !Array.isArray(store)) checkReference(store, path);
  else if (typeof store === "string") targetOf(store, path);
  else throw new ConfigError({ path, message: `${path} is ${Array.isArray(store) ? "a list" : `a ${typeof store}`}; ${HELP}` });
}

/** The store of a config, with its secret read. @throws ConfigError */
export function storeTarget(store: StoreUrl | SecretReference = DEFAULT_STORE, path = "store"): StoreTarget {
  return targetOf(typeof store === "string" ? store : readReference(store, path), path);
}

function targetOf(url: string, path: string): StoreTarget {
  if (url === "memory:") return { kind: "memory" };
  if (url.startsWith("sqlite:")) {
    const file = url.slice("sqlite:".length);
    if (file === "" || file.startsWith("//"))
      throw new ConfigError({ path, message: `${path} is ${shown(url)}, which names no file; ${HELP}` });
    return { kind: "sqlite", path: file };
  }
  if (/^postgres(?:ql)?:/.test(url)) return postgresTarget(url, path);
  // What is no store's URL may be anything: a password in the wrong place, for one.
  const scheme = /^[a-z][a-z0-9+.-]*:/i.exec(url)?.[0];
  throw new ConfigError({ path, message: `${path} is ${scheme === undefined ? "no URL" : shown(`${scheme}…`)}; ${HELP}` });
}

function postgresTarget(text: string, path: string): StoreTarget {
  if (!URL.canParse(text)) throw new ConfigError({ path, message: `${path} begins as a PostgreSQL URL and is none; ${HELP}` });
  const url = new URL(text);
  const schema = url.searchParams.get("schema") ?? undefined;
  if (schema !== undefined && !/^[a-z_][a-z0-9_]{0,47}$/.test(schema)) {
    throw new ConfigError({ path, message: `${path} names the schema ${shown(schema)}; give lower-case letters, digits and underscores` });
  }
  // The driver would take it for a setting of the server's.
  url.searchParams.delete("schema");
  const { href } = url;
  for (const [name] of [...url.searchParams]) if (/passw|secret|key/i.test(name)) url.searchParams.set(name, "…");
  if (url.password !== "") url.password = "…";
  return { kind: "postgres", url: href, schema, shown: `${decodeURI(url.href)}${schema === undefined ? "" : ` schema ${schema}`}` };
}
