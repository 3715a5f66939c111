import { Command } from "commander";
import type { LaneBacklog } from "../../ports/operation-store.ts";
import { withHoldfast, type StoreOptions } from "../open-store.ts";
import { grouped, oneLine, table } from "../output/text.ts";
import { storeCommand } from "../store-command.ts";

/** `holdfast lanes`: what stands in each lane of the queue, and stopping and restarting one. */
export function lanesCommand(): Command {
  return new Command("lanes")
    .description("lanes of the durable queue")
    .addHelpText("after", '\nExample:\n  $ holdfast lanes list\n  $ holdfast lanes pause crm "POST /contacts"')
    .addCommand(listCommand())
    .addCommand(holdCommand("pause", "claim nothing more of a lane, in every process; what is under way goes on"))
    .addCommand(holdCommand("resume", "go on with a paused lane"));
}

function listCommand(): Command {
  return storeCommand("list")
    .description("lanes with work that has not ended, and paused ones")
    .option("--json", "print JSON, one lane a line")
    .addHelpText("after", "\nExample:\n  $ holdfast lanes list --store holdfast.db")
    .action(runList);
}

function holdCommand(verb: "pause" | "resume", description: string): Command {
  return storeCommand(verb)
    .description(description)
    .argument("<api>", "the API's name")
    .argument("<endpoint>", 'the endpoint, such as "POST /contacts"')
    .option("--partition <name>", "of one partition", "")
    .addHelpText("after", `\nExample:\n  $ holdfast lanes ${verb} crm "POST /contacts" --store holdfast.db`)
    .action(async (api: string, endpoint: string, options: StoreOptions & { readonly partition: string }) => {
      const { partition } = options;
      await withHoldfast(options, "store", (hf) => hf.operations[verb]({ api, endpoint, partition }));
      console.log(`${verb === "pause" ? "paused" : "resumed"}: ${nameOf({ api, endpoint, partition })}`);
    });
}

async function runList(options: StoreOptions & { readonly json?: true }): Promise<void> {
  const lanes = await withHoldfast(options, "store", (hf) => hf.operations.backlog());
  if (options.json === true) {
    for (const lane of lanes) console.log(JSON.stringify(lane));
    return;
  }
  if (lanes.length === 0) {
    console.log("nothing is waiting");
    return;
  }
  const right = "right" as const;
  const columns = [
    { name: "lane" },
    { name: "due", align: right },
    { name: "under way", align: right },
    { name: "parked", align: right },
    { name: "oldest due" },
    { name: "next due" },
    { name: "" },
  ];
  process.stdout.write(table(columns, lanes.map(rowOf)));
}

function rowOf({ due, leased, parked, oldestDueAt, nextDueAt, paused, ...key }: LaneBacklog): string[] {
  return [nameOf(key), grouped(due), grouped(leased), grouped(parked), instant(oldestDueAt), instant(nextDueAt), paused ? "paused" : ""];
}

function instant(at: number | undefined): string {
  return at === undefined ? "" : new Date(at).toISOString();
}

function nameOf({ api, endpoint, partition }: Pick<LaneBacklog, "api" | "endpoint" | "partition">): string {
  return oneLine([api, endpoint, ...(partition === "" ? [] : [`(${partition})`])].join(" "), 80);
}
