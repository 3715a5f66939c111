import type { Command } from "commander";
import { explainBecause } from "../../core/decision.ts";
import { formatMs } from "../../core/duration.ts";
import type { AttemptRecord, DeadLetter, StoredRequest } from "../../ports/dead-letter-store.ts";
import { withHoldfast, type StoreOptions } from "../open-store.ts";
import { oneLine } from "../output/text.ts";
import { storeCommand } from "../store-command.ts";

const BODY_CHARACTERS = 2_000;

export function showCommand(): Command {
  return storeCommand("show")
    .description("one dead letter: the request, and every attempt with its reason")
    .argument("<id>", "the letter's id")
    .option("--json", "print JSON; bodies are base64")
    .addHelpText("after", "\nExample:\n  $ holdfast dlq show 01a200db-36fe-7000-b96a-c372203bda52")
    .action(runShow);
}

async function runShow(id: string, options: StoreOptions & { readonly json?: true }): Promise<void> {
  const letter = await withHoldfast(options, "store", (hf) => hf.deadLetters.get(id));
  console.log(options.json === true ? JSON.stringify(letter, bodiesAsBase64, 2) : describe(letter));
}

function bodiesAsBase64(_key: string, value: unknown): unknown {
  return value instanceof Uint8Array ? Buffer.from(value).toString("base64") : value;
}

function describe(letter: DeadLetter): string {
  const labels = Object.entries(letter.labels).map(([key, value]) => `${key}=${value}`);
  const { api, endpoint, partition } = letter;
  const lines = [
    oneLine(letter.title),
    "",
    `  id       ${letter.id}`,
    `  state    ${letter.state}${letter.note === undefined ? "" : ` (${oneLine(letter.note)})`}`,
    `  reason   ${letter.reason}: ${oneLine(explainBecause(letter.because))}`,
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
    ...attemptLines(letter),
  ];
  return lines.join("\n");
}

function requestLines({ method, url, headers, body }: StoredRequest): string[] {
  const text = body === undefined ? "" : new TextDecoder().decode(body);
  return [
    `  ${method} ${oneLine(url)}`,
    ...headers.map(([name, value]) => `  ${name}: ${oneLine(value)}`),
    ...(text === "" ? [] : ["", `  ${oneLine(text, BODY_CHARACTERS)}`]),
  ];
}

/** The attempts as a timeline: when, how long, what came back, and what was decided. */
function attemptLines({ attempts, firstAttemptAt }: DeadLetter): string[] {
  if (attempts.length === 0) return ["  no attempt is on record"];
  return attempts.flatMap((attempt) => attemptOf(attempt, firstAttemptAt));
}

function attemptOf({ attempt, startedAt, durationMs, verdict, because, ...answer }: AttemptRecord, firstAttemptAt: number): string[] {
  const { kind, status, code, effect, rule } = verdict;
  const what = [kind, status, code].filter((part) => part !== undefined).join(" ");
  return [
    `  #${attempt}  ${new Date(startedAt).toISOString()}  +${formatMs(startedAt - firstAttemptAt)}, took ${formatMs(durationMs)}`,
    `      ${oneLine(`${what}, effect ${effect}: ${verdict.because} (rule ${rule})`, 200)}`,
    ...Object.entries(answer.headers ?? {}).map(([name, value]) => `      < ${name}: ${oneLine(value, 200)}`),
    ...(answer.bodyExcerpt === undefined ? [] : [`      < ${oneLine(answer.bodyExcerpt, 200)}`]),
    ...(answer.upstreamRequestId === undefined ? [] : [`      their request id: ${oneLine(answer.upstreamRequestId)}`]),
    `      → ${oneLine(explainBecause(because), 200)}`,
  ];
}
