import { writeFileSync } from "node:fs";
import { Command } from "commander";
import { ConfigError } from "../../core/errors.ts";
import { sourceOf } from "../../api/secret.ts";
import { loadConfig, type LoadedConfig } from "../config-file.ts";
import type { Section } from "../in-force/index.ts";
import { missingSecrets } from "../missing-secrets.ts";
import { oneLine, table } from "../output/text.ts";
import { describeTarget, targetOf } from "../store-factory.ts";

/** `holdfast config`: what a config says. */
export function configCommand(): Command {
  return new Command("config")
    .description("the config")
    .addHelpText("after", "\nExample:\n  $ holdfast config check")
    .addCommand(
      new Command("check")
        .description("read the config, refuse what is wrong, and tell what is in force for each API and who said so")
        .option("--config <file>", "the config (default: holdfast.config.ts, .js or .json)")
        .option("--json", "print JSON")
        .addHelpText("after", "\nExample:\n  $ holdfast config check --config holdfast.config.json")
        .action(runCheck),
    )
    .addCommand(
      new Command("schema")
        .description("print the JSON Schema of the config, for editors and for checks before it is deployed")
        .addHelpText(
          "after",
          '\nExample:\n  $ holdfast config schema > holdfast.schema.json\n\nThen in holdfast.config.json: "$schema": "./holdfast.schema.json".',
        )
        .action(runSchema),
    )
    .addCommand(
      new Command("init")
        .description("write a config to begin with, with comments; an existing file is left alone")
        .argument("[file]", "where", "holdfast.config.ts")
        .addHelpText("after", "\nExample:\n  $ holdfast config init")
        .action(runInit),
    );
}

async function runCheck(options: { readonly config?: string; readonly json?: true }): Promise<void> {
  const loaded = await loadConfig(options.config);
  if (loaded === undefined)
    throw new ConfigError({ path: "--config", message: "there is no holdfast.config.ts, .js or .json here; name one with --config" });
  const { inForce } = await import("../in-force/index.ts");
  const sections = inForce(loaded.config);
  const warnings = missingSecrets(loaded.config);
  const store = storeOf(loaded);
  if (options.json === true) {
    console.log(JSON.stringify({ file: loaded.file, store, sections: sections.map(asJson), warnings }, null, 2));
    return;
  }
  console.log(`${loaded.file} is good; store ${store}`);
  for (const { name, inForce: lines } of sections) {
    const columns = [{ name }, { name: "in force" }, { name: "from" }];
    const rows = lines.map(({ option, value, from }) => [option, oneLine(value), from]);
    process.stdout.write(`\n${table(columns, rows)}`);
  }
  for (const warning of warnings) console.error(`holdfast: ${warning}`);
}

/** A store that only a secret tells of may be unknown here, and its config right all the same. */
function storeOf(loaded: LoadedConfig): string {
  const { store } = loaded.config;
  if (typeof store !== "object" || missingSecrets({ store, apis: {} }).length === 0) return describeTarget(targetOf(loaded));
  return sourceOf(store);
}

function asJson({ name, inForce }: Section): object {
  return { name, inForce: Object.fromEntries(inForce.map(({ option, value, from }) => [option, { value, from }])) };
}

async function runSchema(): Promise<void> {
  const { configSchema } = await import("../config-schema/index.ts");
  console.log(JSON.stringify(configSchema(), null, 2));
}

async function runInit(file: string): Promise<void> {
  if (!/\.[cm]?[tj]s$/.test(file))
    throw new ConfigError({ path: "file", message: `${file} is no module; name one such as holdfast.config.ts` });
  const { CONFIG_START } = await import("../config-start.ts");
  try {
    writeFileSync(file, CONFIG_START, { flag: "wx" });
  } catch (cause) {
    const there = (cause as { readonly code?: string }).code === "EEXIST";
    throw new ConfigError({
      path: "file",
      message: there ? `${file} is there already; it was left alone` : `${file} cannot be written`,
      cause,
    });
  }
  console.log(`${file} written; look at it with: holdfast config check --config ${file}`);
}
