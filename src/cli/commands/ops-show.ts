import type { Command } from "commander";
import { explainBecause } from "../../core/decision.ts";
import type { OperationView } from "../../ports/operation-store.ts";
import { withHoldfast, type StoreOptions } from "../open-store.ts";
import { attemptLines, bytesAsBase64, requestLines } from "../output/history.ts";
import { oneLine } from "../output/text.ts";
import { storeCommand } from "../store-command.ts";

const ANSWER_CHARACTERS = 2_000;

export function opsShowCommand(): Command {
  return storeCommand("show")
    .description("one operation: where it stands, the request, and every attempt with its reason")
    .argument("<id>", "the operation's id")
    .option("--json", "print JSON; bodies are base64")
    .addHelpText("after", "\nExample:\n  $ holdfast ops show 01a200db-36fe-7000-b96a-c372203bda52")
    .action(runShow);
}

async function runShow(id: string, options: StoreOptions & { readonly json?: true }): Promise<void> {
  const view = await withHoldfast(options, "store", (hf) => hf.operations.get(id));
  console.log(options.json === true ? JSON.stringify(view, bytesAsBase64, 2) : describe(view));
}

function describe(view: OperationView): string {
  const { operation, attempts, because, answer } = view;
  const { id, api, endpoint, partition, flow, priority, labels, idempotencyKey, acceptedAt, dueAt, expiresAt } = operation;
  const named = Object.entries(labels).map(([key, value]) => `${key}=${value}`);
  return [
    oneLine([api, endpoint, ...(partition === "" ? [] : [`(${partition})`])].join(" ")),
    "",
    `  id        ${id}`,
    `  state     ${standing(view)}`,
    ...(because === undefined ? [] : [`  because   ${oneLine(explainBecause(because))}`]),
    `  accepted  ${instant(acceptedAt)}${dueAt > acceptedAt ? `, due ${instant(dueAt)}` : ""}${expiresAt === undefined ? "" : `, expires ${instant(expiresAt)}`}`,
    ...(flow === "" && priority === 0 ? [] : [`  order     priority ${priority}${flow === "" ? "" : `, flow ${oneLine(flow)}`}`]),
    ...(idempotencyKey === undefined ? [] : [`  key       ${oneLine(idempotencyKey)}`]),
    ...(named.length === 0 ? [] : [`  labels    ${oneLine(named.join(", "))}`]),
    "",
    ...requestLines(operation.request),
    "",
    ...attemptLines(attempts, attempts[0]?.startedAt ?? acceptedAt),
    ...(answer === undefined ? [] : ["", ...answerLines(answer)]),
  ].join("\n");
}

function standing({ state, since, parkedUntil, worker, leaseUntil }: OperationView): string {
  const more = [
    `since ${instant(since)}`,
    ...(parkedUntil === undefined ? [] : [`until ${instant(parkedUntil)}`]),
    ...(worker === undefined ? [] : [`by worker ${oneLine(worker)}`]),
    ...(leaseUntil === undefined ? [] : [`lease until ${instant(leaseUntil)}`]),
  ];
  return `${state}, ${more.join(", ")}`;
}

function answerLines({ status, headers = [], body }: NonNullable<OperationView["answer"]>): string[] {
  const text = new TextDecoder().decode(body);
  return [
    `  ${status ?? ""} answered`,
    ...headers.map(([name, value]) => `  ${name}: ${oneLine(value)}`),
    ...(text === "" ? [] : ["", `  ${oneLine(text, ANSWER_CHARACTERS)}`]),
  ];
}

function instant(at: number): string {
  return new Date(at).toISOString();
}
