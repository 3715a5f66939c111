import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import type { Command } from "commander";
import { ConfigError, NotFoundError } from "../../core/errors.ts";
import { isSync, type SyncDefinition } from "../../durable/sync/definition.ts";
import { loadConfig } from "../config-file.ts";
import { exitCodes } from "../exit-codes.ts";
import { withHoldfast, type StoreOptions } from "../open-store.ts";
import { oneLine } from "../output/text.ts";
import { storeCommand } from "../store-command.ts";

interface RunOptions extends StoreOptions {
  readonly module?: string;
  readonly json?: true;
}

export function syncsRunCommand(): Command {
  return storeCommand("run")
    .description("runs a sync once, until it has caught up")
    .argument("<sync>", "its name")
    .option("--module <file>", "the module that exports the syncs, as `export const syncs = [ … ]` (default: the config)")
    .option("--json", "print the report as JSON")
    .addHelpText("after", "\nExample:\n  $ holdfast syncs run orders --config holdfast.config.ts")
    .action(runSync);
}

async function runSync(name: string, { module, json, ...where }: RunOptions): Promise<void> {
  const definition = await find(name, module ?? (await loadConfig(where.config))?.file);
  const stop = new AbortController();
  const onSignal = (): void => stop.abort(new Error("stopped by a signal"));
  process.once("SIGINT", onSignal).once("SIGTERM", onSignal);
  const { cause: _cause, ...result } = {
    cause: undefined,
    ...(await withHoldfast(where, "apis", (hf) => hf.sync(definition).run({ signal: stop.signal }), { fresh: true })),
  };
  if (json === true) console.log(JSON.stringify(result));
  else if (result.outcome === "running")
    console.log(`${name} is running already (${result.run}); it has the sync until ${new Date(result.leaseUntil).toISOString()}`);
  else {
    const { outcome, read, done, known, failed, parked, watermark, error } = result;
    console.log(`${name}: ${outcome}. ${read} read, ${done} done, ${known} known, ${failed} failed, ${parked} parked`);
    console.log(`watermark: ${watermark.before ?? "none"} → ${watermark.after ?? "none"}`);
    if (watermark.blockedBy.length > 0) console.log(`held by: ${oneLine(watermark.blockedBy.join(", "), 200)}`);
    if (error !== undefined) console.error(`holdfast: ${oneLine(error.message, 300)}`);
  }
  if (result.outcome !== "complete") process.exitCode = exitCodes[result.outcome === "running" ? "busy" : "failed"].code;
}

async function find(name: string, file: string | undefined): Promise<SyncDefinition> {
  if (file === undefined) {
    throw new ConfigError({
      path: "--config",
      message: "no syncs are known here; name the config that exports them with --config, or their module with --module",
    });
  }
  const loaded = file.endsWith(".json") ? {} : ((await import(pathToFileURL(resolve(file)).href)) as Readonly<Record<string, unknown>>);
  const { syncs } = loaded;
  if (!Array.isArray(syncs) || !syncs.every(isSync)) {
    throw new ConfigError({ path: "syncs", message: `${file} exports no syncs; add: export const syncs = [defineSync({ … })]` });
  }
  const found = syncs.find((sync) => sync.name === name);
  if (found === undefined) {
    throw new NotFoundError(
      `${file} has no sync named ${JSON.stringify(name)}; it has ${syncs.map((sync) => sync.name).join(", ") || "none"}`,
    );
  }
  return found;
}
