import type { Command } from "commander";
import { explainBecause } from "../../core/decision.ts";
import { formatMs } from "../../core/duration.ts";
import type { DeadLetter } from "../../ports/dead-letter-store.ts";
import { withHoldfast, type StoreOptions } from "../open-store.ts";
import { attemptLines, bytesAsBase64, requestLines } from "../output/history.ts";
import { oneLine } from "../output/text.ts";
import { storeCommand } from "../store-command.ts";

export function showCommand(): Command {
  return storeCommand("show")
    .description("one dead letter: the request, and every attempt with its reason")
    .argument("<id>", "the letter's id")
    .option("--json", "print JSON; bodies are base64")
    .addHelpText("after", "\nExample:\n  $ holdfast dlq show 01a200db-36fe-7000-b96a-c372203bda52")
    .action(runShow);
}

async function runShow(id: string, options: StoreOptions & { readonly json?: true }): Promise<void> {
  const { letter, doubt } = await withHoldfast(options, "store", async ({ deadLetters }) => {
    const letter = await deadLetters.get(id);
    return { letter, doubt: deadLetters.doubtOf(letter) };
  });
  if (options.json === true) console.log(JSON.stringify({ ...letter, ...(doubt === undefined ? {} : { doubt }) }, bytesAsBase64, 2));
  else console.log(describe(letter, doubt));
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
