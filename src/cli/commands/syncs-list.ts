import type { Command } from "commander";
import type { SyncStatus } from "../../client/syncs.ts";
import { withDesk, type DeskOptions } from "../desk/desk.ts";
import { oneLine, table } from "../output/text.ts";
import { readCount, deskCommand } from "../store-command.ts";

interface ListOptions extends DeskOptions {
  readonly limit: number;
  readonly json?: true;
}

export function syncsListCommand(): Command {
  return deskCommand("list")
    .description("every sync that has run, with its watermark")
    .option("--limit <count>", "at most so many", readCount, 50)
    .option("--json", "print JSON, one sync a line")
    .addHelpText("after", "\nExample:\n  $ holdfast syncs list --store holdfast.db")
    .action(runList);
}

async function runList({ limit, json, ...where }: ListOptions): Promise<void> {
  const { items, more } = await withDesk(where, "store", (desk) => desk.list<SyncStatus>("/v1/syncs", {}, limit));
  if (json === true) {
    for (const status of items) console.log(JSON.stringify(status));
    return;
  }
  if (items.length === 0) {
    console.log("no syncs");
    return;
  }
  const columns = [{ name: "sync" }, { name: "watermark" }, { name: "moved" }, { name: "last run" }, { name: "state" }];
  process.stdout.write(table(columns, items.map(rowOf)));
  if (more) console.log(`… more; raise --limit (now ${limit})`);
}

function rowOf({ sync, watermark, advancedAt, lastRun, running, heldSince }: SyncStatus): string[] {
  return [
    oneLine(sync, 40),
    watermark === null ? "none" : oneLine(String(watermark), 40),
    advancedAt === null ? "" : new Date(advancedAt).toISOString(),
    lastRun === null ? "" : lastRun.outcome,
    running !== null
      ? `running since ${new Date(running.since).toISOString()}`
      : heldSince === null
        ? ""
        : `held since ${new Date(heldSince).toISOString()}`,
  ];
}
