import type { Command } from "commander";
import { explainBecause } from "../../core/decision.ts";
import { formatMs } from "../../core/duration.ts";
import type { DeadLetter } from "../../ports/dead-letter-store.ts";
import { withDesk, type DeskOptions } from "../desk/desk.ts";
import { letterOf, type WholeLetter } from "../desk/answers.ts";
import { attemptLines, requestLines } from "../output/history.ts";
import { oneLine } from "../output/text.ts";
import { deskCommand } from "../store-command.ts";

export function showCommand(): Command {
  return deskCommand("show")
    .description("one dead letter: the request, and every attempt with its reason")
    .argument("<id>", "the letter's id")
    .option("--json", "print JSON; a body is its text, or base64 where it is none")
    .addHelpText("after", "\nExample:\n  $ holdfast dlq show 01a200db-36fe-7000-b96a-c372203bda52")
    .action(runShow);
}

async function runShow(id: string, options: DeskOptions & { readonly json?: true }): Promise<void> {
  const told = await withDesk(options, "store", (desk) => desk.ask<WholeLetter>("GET", `/v1/dead-letters/${encodeURIComponent(id)}`));
  console.log(options.json === true ? JSON.stringify(told, undefined, 2) : describe(letterOf(told), told.doubt));
}

function describe(letter: DeadLetter, doubt: string | undefined): string {
  const labels = Object.entries(letter.labels).map(([key, value]) => `${key}=${value}`);
  const { api, endpoint, partition } = letter;
  const lines = [
    oneLine(letter.title),
    "",
    `  id       ${letter.id}`,
    `  state    ${letter.state}${letter.note === undefined ? "" : ` (${oneLine(letter.note)})`}`,
    `  reason   ${letter.reason}: ${oneLine(explainBecause(letter.because))}`,
    ...(doubt === undefined ? [] : [`  doubt    ${oneLine(doubt)}: not sent again without a look-up or --confirm`]),
    `  group    ${letter.fingerprint}`,
    `  call     ${oneLine([api, endpoint, ...(partition === "" ? [] : [`(${partition})`])].join(" "))}`,
    `  died     ${new Date(letter.diedAt).toISOString()}, ${formatMs(letter.diedAt - letter.firstAttemptAt)} after its first attempt`,
    ...(letter.replays === 0 ? [] : [`  replays  ${letter.replays}, the last change at ${new Date(letter.changedAt).toISOString()}`]),
    ...(letter.idempotencyKey === undefined ? [] : [`  key      ${oneLine(letter.idempotencyKey)}`]),
    ...(labels.length === 0 ? [] : [`  labels   ${oneLine(labels.join(", "))}`]),
    "",
    ...(letter.request === undefined
      ? [`  a call of the function ${oneLine(letter.operation ?? "")}: only the program that made it can do it again`]
      : requestLines(letter.request)),
    "",
    ...attemptLines(letter.attempts, letter.firstAttemptAt),
  ];
  return lines.join("\n");
}
