import type { Command } from "commander";
import { systemClock } from "../../adapters/clock/system.ts";
import { formatMs } from "../../core/duration.ts";
import { withDesk, type DeskOptions } from "../desk/desk.ts";
import { isWell, standingOf, type ApiStanding, type Standing } from "../desk/standing.ts";
import { exitCodes } from "../exit-codes.ts";
import { grouped, oneLine, table } from "../output/text.ts";
import { deskCommand } from "../store-command.ts";

/** `holdfast status`: how things stand, and what needs a person. */
export function statusCommand(): Command {
  return deskCommand("status")
    .description("how things stand: APIs, breakers, queue, dead letters; and what needs a person")
    .option("--json", "print JSON")
    .addHelpText(
      "after",
      "\nExample:\n  $ holdfast status --url http://127.0.0.1:4180\n\nEnds with 1 if something needs a person, so that a script may ask.",
    )
    .action(runStatus);
}

async function runStatus(options: DeskOptions & { readonly json?: true }): Promise<void> {
  const standing = await withDesk(options, "store", async (desk) => await standingOf(desk, systemClock.now()));
  console.log(options.json === true ? JSON.stringify(standing, undefined, 2) : describe(standing));
  if (!isWell(standing)) process.exitCode = exitCodes.failed.code;
}

function describe(standing: Standing): string {
  const { where, ready, windowMs, apis, queue, openLetters, needs } = standing;
  const parts = Object.entries(queue ?? {}).flatMap(([state, count]) => (count === 0 ? [] : [`${grouped(count)} ${state}`]));
  return [
    `${where}: ${ready ? "takes work" : "takes no new work"}`,
    `queue         ${parts.join(", ") || "empty"}`,
    `dead letters  ${openLetters === 0 ? "none open" : `${grouped(openLetters)} open`}`,
    ...(apis.length === 0 ? [] : ["", tableOf(apis, windowMs).trimEnd()]),
    "",
    ...(needs.length === 0 ? ["nothing needs a person"] : ["needs a person:"]),
    ...needs.flatMap(({ what, about, detail, command }) => [
      `  ${what.replaceAll("-", " ").padEnd(12)}  ${oneLine(about, 90)}`,
      `                ${oneLine(detail, 160)}`,
      ...(command === undefined ? [] : [`                $ ${oneLine(command)}`]),
    ]),
  ].join("\n");
}

function tableOf(apis: readonly ApiStanding[], windowMs: number): string {
  const right = "right" as const;
  const columns = [
    { name: "api" },
    { name: "state" },
    { name: `calls in ${formatMs(windowMs)}`, align: right },
    { name: "failed", align: right },
    { name: "retries", align: right },
    { name: "due", align: right },
    { name: "under way", align: right },
    { name: "parked", align: right },
    { name: "dead", align: right },
    { name: "breakers" },
  ];
  const rows = apis.map(({ api, state, calls, failed, retries, due, underWay, parked, openLetters, breakers }) => [
    oneLine(api, 40),
    state,
    ...[calls, failed, retries, due, underWay, parked, openLetters].map(grouped),
    oneLine(breakers.join(", "), 80),
  ]);
  return table(columns, rows);
}
