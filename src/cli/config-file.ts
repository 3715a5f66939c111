import { existsSync, readFileSync } from "node:fs";
import { extname, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import type { HoldfastConfig } from "../api/define-config.ts";
import { ConfigError } from "../core/errors.ts";

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
