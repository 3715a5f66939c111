import { Command } from "commander";
import type { StoreCheck } from "../../ports/store.ts";
import { loadConfig } from "../config-file.ts";
import { exitCodes } from "../exit-codes.ts";
import type { StoreOptions } from "../open-store.ts";
import { chosenStore } from "../store-factory.ts";
import { storeCommand } from "../store-command.ts";

/** `holdfast store`: the store's own health. */
export function storeHealthCommand(): Command {
  return new Command("store")
    .description("the store itself")
    .addHelpText("after", "\nExample:\n  $ holdfast store check --store holdfast.db")
    .addCommand(
      storeCommand("check")
        .description("look for damage, and tell settings and sizes")
        .option("--json", "print JSON")
        .addHelpText("after", "\nExample:\n  $ holdfast store check --store holdfast.db\n\nEnds with 1 if a fault was found.")
        .action(runCheck),
    );
}

async function runCheck(options: StoreOptions & { readonly json?: true }): Promise<void> {
  const loaded = options.store === undefined ? await loadConfig(options.config) : undefined;
  const store = await (await chosenStore(options.store, loaded))();
  let found: StoreCheck;
  try {
    found = await store.check();
  } finally {
    await store.close();
  }
  if (options.json === true) console.log(JSON.stringify(found, null, 2));
  else {
    for (const [name, value] of Object.entries(found.facts)) console.log(`${name}: ${String(value)}`);
    for (const fault of found.faults) console.log(`FAULT ${fault}`);
    console.log(found.ok ? "no faults" : `${found.faults.length} faults`);
  }
  if (!found.ok) process.exitCode = exitCodes.failed.code;
}
