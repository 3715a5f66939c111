import { writeFileSync } from "node:fs";
import { Command } from "commander";
import { ConfigError } from "../../core/errors.ts";
import { loadConfig } from "../config-file.ts";
import type { InForce } from "../describe-api.ts";
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
  const { describeApi, missingSecret, missingSecrets } = await import("../describe-api.ts");
  const definitions = Object.entries(loaded.config.apis);
  const apis = definitions.map(([name, definition]) => ({ name, inForce: describeApi(name, definition) }));
  const warnings = [
    ...definitions.flatMap(([name, { auth }]) => missingSecrets(`apis.${name}.auth`, auth)),
    ...Object.entries(loaded.config.inboxes ?? {}).flatMap(([source, { verify }]) =>
      [verify.secret]
        .flat()
        .flatMap((secret) => (typeof secret === "object" ? missingSecret(secret, `inboxes.${source}.verify.secret`) : [])),
    ),
  ];
  const store = describeTarget(targetOf(loaded));
  if (options.json === true) {
    console.log(JSON.stringify({ file: loaded.file, store, apis: apis.map(asJson), warnings }, null, 2));
    return;
  }
  console.log(`${loaded.file} is good; store ${store}`);
  for (const { name, inForce } of apis) {
    const columns = [{ name }, { name: "in force" }, { name: "from" }];
    const rows = inForce.map(({ option, value, from }) => [option, oneLine(value), from]);
    process.stdout.write(`\n${table(columns, rows)}`);
  }
  for (const warning of warnings) console.error(`holdfast: ${warning}`);
}

function asJson({ name, inForce }: { readonly name: string; readonly inForce: readonly InForce[] }): object {
  return { name, inForce: Object.fromEntries(inForce.map(({ option, value, from }) => [option, { value, from }])) };
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
