import { existsSync, readFileSync, statSync } from "node:fs";
import { dirname, extname, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import type { HoldfastConfig } from "../api/define-config.ts";
import { ConfigError, NotFoundError } from "../core/errors.ts";
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
  const { defineConfig } = await import("../api/define-config.ts");
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

/** The file of a config's store, absolute; a path in the config is relative to the config's own folder. Undefined for one that forgets. */
export function storeFileOf({ file, config: { store = "sqlite:holdfast.db" } }: LoadedConfig): string | undefined {
  return store === "memory:" ? undefined : resolve(dirname(file), store.slice("sqlite:".length));
}

/** The store that a command is to work on: the one that was named, else the config's, else `holdfast.db`. */
export async function chosenStore(named: string | undefined, loaded: LoadedConfig | undefined): Promise<StoreFactory> {
  if (named !== undefined || loaded === undefined) return await existingStore(named ?? "holdfast.db");
  const file = storeFileOf(loaded);
  if (file === undefined) {
    throw new ConfigError({
      path: "store",
      message: `the store of ${loaded.file} is "memory:", which ends with the process that fills it; name a file with --store`,
    });
  }
  return await existingStore(file);
}

/** A store's file that must be there: a typo must not make an empty one that says all is well. */
async function existingStore(path: string): Promise<StoreFactory> {
  const stat = statSync(path, { throwIfNoEntry: false });
  if (stat?.isFile() !== true || stat.size === 0) {
    const what =
      stat === undefined
        ? "there is no store at"
        : stat.isFile()
          ? "there is only an empty file at"
          : "there is no file but something else at";
    throw new NotFoundError(`${what} ${path}; name the store's file with --store, or the config that names it with --config`);
  }
  const { sqlite } = await import("../adapters/store/sqlite/index.ts");
  return sqlite(path);
}
