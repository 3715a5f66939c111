import { existsSync, readFileSync, statSync } from "node:fs";
import { extname, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import type { HoldfastConfig } from "../client/define-config.ts";
import { ConfigError } from "../core/errors.ts";

/** Names looked for where none is given, in this order. */
const NAMES = ["holdfast.config.ts", "holdfast.config.js", "holdfast.config.json"];

/** A config and where it came from. */
export interface LoadedConfig {
  readonly file: string;
  readonly config: HoldfastConfig;
}

/** Reads the config that was named, or the one in this folder; `fresh`: as it stands now. Answers undefined where none was named and none is there. */
export async function loadConfig(
  named: string | undefined,
  { fresh = false }: { readonly fresh?: boolean } = {},
): Promise<LoadedConfig | undefined> {
  const file = named ?? NAMES.find((name) => existsSync(name));
  if (file === undefined) return undefined;
  if (!existsSync(file))
    throw new ConfigError({ path: "--config", message: `--config ${file} does not exist; name a file such as ${NAMES.join(" or ")}` });
  const { defineConfig } = await import("../client/define-config.ts");
  const config = extname(file) === ".json" ? parseJson(file) : await importDefault(file, fresh);
  return { file, config: defineConfig(config as HoldfastConfig) };
}

function parseJson(file: string): unknown {
  try {
    return JSON.parse(readFileSync(file, "utf8"));
  } catch (cause) {
    throw new ConfigError({ path: file, message: `${file} is not JSON: ${cause instanceof Error ? cause.message : String(cause)}`, cause });
  }
}

/** Modules are remembered by their address; one that is to be read anew gets another. */
async function importDefault(file: string, fresh: boolean): Promise<unknown> {
  let module: { readonly default?: unknown };
  try {
    const url = pathToFileURL(resolve(file));
    if (fresh) url.searchParams.set("read", String(statSync(file).mtimeMs));
    module = (await import(url.href)) as { readonly default?: unknown };
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
