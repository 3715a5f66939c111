import type { Command } from "commander";
import type { DeadLetterGroup, DeadLetterGroupState } from "../../ports/dead-letter-store.ts";
import { oneOf, queryOf, withFilter, type FilterFlags } from "../letter-filter.ts";
import { withDesk, type DeskOptions } from "../desk/desk.ts";
import { oneLine, table } from "../output/text.ts";
import { deskCommand } from "../store-command.ts";

const STATES: readonly DeadLetterGroupState[] = ["open", "acknowledged", "resolved", "ignored"];

interface GroupsOptions extends DeskOptions, Omit<FilterFlags, "state"> {
  readonly state?: DeadLetterGroupState;
  readonly json?: true;
}

export function groupsCommand(): Command {
  return withFilter(deskCommand("groups"))
    .description("dead letters by what went wrong; the latest first")
    .option("--state <state>", `groups that are ${STATES.join(", ")}`, (text) => oneOf(STATES, text))
    .option("--json", "print JSON, one group a line")
    .addHelpText("after", "\nExample:\n  $ holdfast dlq groups --store holdfast.db --state open --label campaign=q4")
    .action(runGroups);
}

async function runGroups(options: GroupsOptions): Promise<void> {
  const { state, ...flags } = options;
  const { items } = await withDesk(options, "store", (desk) =>
    desk.ask<{ items: readonly DeadLetterGroup[] }>("GET", "/v1/dead-letters/groups", { query: queryOf(flags) }),
  );
  const groups = items.filter((group) => state === undefined || group.state === state);
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
