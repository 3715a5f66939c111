import type { Command } from "commander";
import type { Holdfast } from "../../client/holdfast.ts";
import type { DeadLetterGroup } from "../../ports/dead-letter-store.ts";
import { withHoldfast, type StoreOptions } from "../open-store.ts";
import { oneLine, table } from "../output/text.ts";
import { storeCommand } from "../store-command.ts";

export function groupsCommand(): Command {
  return storeCommand("groups")
    .description("dead letters by what went wrong; the latest first")
    .option("--json", "print JSON, one group a line")
    .addHelpText("after", "\nExample:\n  $ holdfast dlq groups --store holdfast.db")
    .action(runGroups);
}

async function runGroups(options: StoreOptions & { readonly json?: true }): Promise<void> {
  const groups = await withHoldfast(options, "store", allGroups);
  if (options.json === true) {
    for (const group of groups) console.log(JSON.stringify(group));
    return;
  }
  if (groups.length === 0) {
    console.log("no dead letters");
    return;
  }
  const right = "right" as const;
  const columns = [
    { name: "group" },
    { name: "open", align: right },
    { name: "all", align: right },
    { name: "state" },
    { name: "last" },
    { name: "what" },
  ];
  process.stdout.write(table(columns, groups.map(rowOf)));
}

async function allGroups(hf: Holdfast): Promise<readonly DeadLetterGroup[]> {
  const groups: DeadLetterGroup[] = [];
  for await (const group of hf.deadLetters.groups()) groups.push(group);
  return groups;
}

function rowOf(group: DeadLetterGroup): string[] {
  const state = group.regressed ? `${group.state} (regressed)` : group.state;
  return [
    group.fingerprint,
    String(group.open),
    String(group.total),
    state,
    new Date(group.lastAt).toISOString(),
    oneLine(group.title, 90),
  ];
}
