import type { Command } from "commander";
import type { Holdfast } from "../../client/holdfast.ts";
import type { DeadLetterGroup, DeadLetterGroupState } from "../../ports/dead-letter-store.ts";
import { filterOf, oneOf, withFilter, type FilterFlags } from "../letter-filter.ts";
import { withHoldfast, type StoreOptions } from "../open-store.ts";
import { oneLine, table } from "../output/text.ts";
import { storeCommand } from "../store-command.ts";

const STATES: readonly DeadLetterGroupState[] = ["open", "acknowledged", "resolved", "ignored"];

interface GroupsOptions extends StoreOptions, Omit<FilterFlags, "state"> {
  readonly state?: DeadLetterGroupState;
  readonly json?: true;
}

export function groupsCommand(): Command {
  return withFilter(storeCommand("groups"))
    .description("dead letters by what went wrong; the latest first")
    .option("--state <state>", `groups that are ${STATES.join(", ")}`, (text) => oneOf(STATES, text))
    .option("--json", "print JSON, one group a line")
    .addHelpText("after", "\nExample:\n  $ holdfast dlq groups --store holdfast.db --state open --label campaign=q4")
    .action(runGroups);
}

async function runGroups(options: GroupsOptions): Promise<void> {
  const groups = await withHoldfast(options, "store", (hf) => groupsOf(hf, options));
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

async function groupsOf(hf: Holdfast, { state, ...flags }: GroupsOptions): Promise<readonly DeadLetterGroup[]> {
  const groups: DeadLetterGroup[] = [];
  for await (const group of hf.deadLetters.groups(filterOf(flags))) if (state === undefined || group.state === state) groups.push(group);
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
