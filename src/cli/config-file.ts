import { existsSync, readFileSync } from "node:fs";
import { dirname, extname, isAbsolute, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { defineConfig, type HoldfastConfig } from "../api/define-config.ts";
import { ConfigError, NotFoundError } from "../core/errors.ts";
import { sqlite } from "../adapters/store/sqlite/index.ts";
import { memory } from "../adapters/store/memory/index.ts";
import type { StoreFactory } from "../ports/store.ts";

/** Names looked for where none is given, in this order. */
const NAMES = ["holdfast.config.ts", "holdfast.config.js", "holdfast.config.json"];

/** A config and where it came from. */
export interface LoadedConfig {
  readonly file: string;
  readonly config: HoldfastConfig;
}

/** Reads the config that was named, or the one in this folder. Answers undefined where none was named and none is there. */
export async function loadConfig(named: string | undefined): Promise<LoadedConfig | undefined> {
  const file = named ?? NAMES.find((name) => existsSync(name));
  if (file === undefined) return undefined;
  if (!existsSync(file))
    throw new ConfigError({ path: "--config", message: `--config ${file} does not exist; name a file such as ${NAMES.join(" or ")}` });
  const config = extname(file) === ".json" ? parseJson(file) : await importDefault(file);
  return { file, config: defineConfig(config as HoldfastConfig) };
}

function parseJson(file: string): unknown {
  try {
    return JSON.parse(readFileSync(file, "utf8"));
  } catch (cause) {
    throw new ConfigError({ path: file, message: `${file} is not JSON: ${cause instanceof Error ? cause.message : String(cause)}`, cause });
  }
}

async function importDefault(file: string): Promise<unknown> {
  let module: { readonly default?: unknown };
  try {
    module = (await import(pathToFileURL(resolve(file)).href)) as { readonly default?: unknown };
  } catch (cause) {
    throw new ConfigError({
      path: file,
      message: `${file} cannot be loaded: ${cause instanceof Error ? cause.message : String(cause)}`,
      cause,
    });
  }
  if (module.default === undefined)
    throw new ConfigError({ path: file, message: `${file} has no default export; end it with: export default defineConfig({ … })` });
  return module.default;
}

/** The store of a config, by its URL-like text; a path in it is relative to the config's own folder. */
export function storeOf({ file, config }: LoadedConfig): StoreFactory {
  const text = config.store ?? "memory:";
  if (text === "memory:") return memory();
  const path = text.startsWith("sqlite:") ? text.slice("sqlite:".length) : undefined;
  if (path === undefined || path === "") {
    throw new ConfigError({ path: "store", message: `store is ${JSON.stringify(text)}; give "sqlite:PATH" or "memory:"` });
  }
  return sqlite(isAbsolute(path) ? path : resolve(dirname(file), path));
}

/** A store's file that must be there: a typo must not make an empty one that says all is well. */
export function existingStore(path: string): StoreFactory {
  if (!existsSync(path))
    throw new NotFoundError(`there is no store at ${path}; name its file with --store, or the config that names it with --config`);
  return sqlite(path);
}
