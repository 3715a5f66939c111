import { Command } from "commander";
import type { LaneLine } from "../desk/answers.ts";
import { withDesk, type Desk, type DeskOptions } from "../desk/desk.ts";
import { ConfigError } from "../../core/errors.ts";
import { grouped, oneLine, table } from "../output/text.ts";
import { deskCommand } from "../store-command.ts";

const VERBS = {
  pause: { about: "claim nothing more of a lane, in every process; what is under way goes on", done: "paused" },
  resume: { about: "go on with a paused lane", done: "resumed" },
  open: { about: "hold the breaker of a lane open: nothing goes; of a gateway (--url)", done: "held open" },
  close: { about: "hold the breaker of a lane closed: everything goes; of a gateway (--url)", done: "held closed" },
  auto: { about: "give the breaker of a lane back to its own judgement; of a gateway (--url)", done: "by its own judgement" },
} as const;
type Verb = keyof typeof VERBS;

/** `holdfast lanes`: what stands in each lane, stopping and restarting one, and its breaker. */
export function lanesCommand(): Command {
  const lanes = new Command("lanes")
    .description("lanes: one for each endpoint of each API and partition")
    .addHelpText("after", '\nExample:\n  $ holdfast lanes list\n  $ holdfast lanes pause crm "POST /contacts"')
    .addCommand(listCommand());
  for (const verb of Object.keys(VERBS) as Verb[]) lanes.addCommand(verbCommand(verb));
  return lanes;
}

interface ListOptions extends DeskOptions {
  readonly all?: true;
  readonly json?: true;
}

function listCommand(): Command {
  return deskCommand("list")
    .description("lanes with work that has not ended, and such as are paused, held or open")
    .option("--all", "also those in which nothing is to be seen")
    .option("--json", "print JSON, one lane a line")
    .addHelpText("after", "\nExample:\n  $ holdfast lanes list --store holdfast.db")
    .action(runList);
}

interface VerbOptions extends DeskOptions {
  readonly partition: string;
  readonly for?: string;
  readonly reason?: string;
  readonly json?: true;
}

function verbCommand(verb: Verb): Command {
  const command = deskCommand(verb)
    .description(VERBS[verb].about)
    .argument("<api>", "the API's name")
    .argument("<endpoint>", 'the endpoint, such as "POST /contacts"')
    .option("--partition <name>", "of one partition", "")
    .option("--reason <text>", "why; for the audit log")
    .option("--json", "print the lane as JSON");
  if (verb !== "resume" && verb !== "auto")
    command.option("--for <duration>", "for so long, such as 30m; with --url (default: until it is ended)");
  const gateway = verb === "pause" || verb === "resume" ? "--store holdfast.db" : "--url http://127.0.0.1:4180";
  return command
    .addHelpText("after", `\nExample:\n  $ holdfast lanes ${verb} crm "POST /contacts" ${gateway}`)
    .action(async (api: string, endpoint: string, options: VerbOptions) =>
      runVerb(verb, { api, endpoint, partition: options.partition }, options),
    );
}

async function runVerb(verb: Verb, lane: Lane, { reason, for: span, json, ...options }: VerbOptions): Promise<void> {
  const after = await withDesk(options, "store", async (desk) => {
    if (!desk.remote) refuseLocal(verb, span);
    return await desk.ask<LaneLine>("POST", `/v1/lanes/${encodeURIComponent(idOf(lane))}/${verb}`, { body: { reason, for: span } });
  });
  console.log(json === true ? JSON.stringify(after) : `${VERBS[verb].done}: ${nameOf(lane)}${span === undefined ? "" : `, for ${span}`}`);
}

/** A store has no breakers, and nobody in it who would end a pause in time. */
function refuseLocal(verb: Verb, span: string | undefined): void {
  if (verb !== "pause" && verb !== "resume") {
    throw new ConfigError({
      path: "--url",
      message: `breakers live in the processes that call; name the gateway whose breaker is meant with --url`,
    });
  }
  if (span !== undefined)
    throw new ConfigError({
      path: "--for",
      message: "--for takes a gateway that ends the pause in time; name it with --url, or leave --for out",
    });
}

type Lane = Pick<LaneLine, "api" | "endpoint" | "partition">;

function idOf({ api, endpoint, partition }: Lane): string {
  return `${encodeURIComponent(api)}:${endpoint}${partition === "" ? "" : `#${partition}`}`;
}

/** Lanes with something in them that somebody may want to know of. */
export async function lanesWithWork(desk: Desk): Promise<readonly LaneLine[]> {
  const { items } = await desk.ask<{ items: readonly LaneLine[] }>("GET", "/v1/lanes");
  return items.filter(({ breaker, inFlight, waiting, holds, queue: { due, leased, parked, paused } }) => {
    return inFlight + waiting + due + leased + parked + holds.length > 0 || paused || breaker === "open" || breaker === "half-open";
  });
}

async function runList({ all, json, ...options }: ListOptions): Promise<void> {
  const lanes = await withDesk(options, "store", async (desk) =>
    all === true ? (await desk.ask<{ items: readonly LaneLine[] }>("GET", "/v1/lanes")).items : await lanesWithWork(desk),
  );
  if (json === true) {
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
    { name: "breaker" },
    { name: "due", align: right },
    { name: "under way", align: right },
    { name: "parked", align: right },
    { name: "oldest due" },
    { name: "next due" },
    { name: "" },
  ];
  process.stdout.write(table(columns, lanes.map(rowOf)));
}

function rowOf({ breaker, inFlight, queue, holds, ...lane }: LaneLine): string[] {
  const { due, leased, parked, oldestDueAt, nextDueAt, paused } = queue;
  const held = holds.map(({ what, by, until }) => `${what} by ${by}${until === undefined ? "" : ` until ${instant(until)}`}`);
  return [
    nameOf(lane),
    breaker === "unknown" ? "" : breaker,
    grouped(due),
    grouped(Math.max(leased, inFlight)),
    grouped(parked),
    instant(oldestDueAt),
    instant(nextDueAt),
    oneLine([...(paused ? ["paused"] : []), ...held.filter((text) => !text.startsWith("paused"))].join(", ")),
  ];
}

function instant(at: number | undefined): string {
  return at === undefined ? "" : new Date(at).toISOString();
}

function nameOf({ api, endpoint, partition }: Lane): string {
  return oneLine([api, endpoint, ...(partition === "" ? [] : [`(${partition})`])].join(" "), 80);
}
