import type { Command } from "commander";
import { explainBecause } from "../../core/decision.ts";
import { bytesOf, requestOf, type WholeOperation } from "../desk/answers.ts";
import { withDesk, type DeskOptions } from "../desk/desk.ts";
import { attemptLines, requestLines } from "../output/history.ts";
import { oneLine } from "../output/text.ts";
import { deskCommand } from "../store-command.ts";

const ANSWER_CHARACTERS = 2_000;

export function opsShowCommand(): Command {
  return deskCommand("show")
    .description("one operation: where it stands, the request, and every attempt with its reason")
    .argument("<id>", "the operation's id")
    .option("--json", "print JSON; a body is its text, or base64 where it is none")
    .addHelpText("after", "\nExample:\n  $ holdfast ops show 01a200db-36fe-7000-b96a-c372203bda52")
    .action(runShow);
}

async function runShow(id: string, options: DeskOptions & { readonly json?: true }): Promise<void> {
  const told = await withDesk(options, "store", (desk) => desk.ask<WholeOperation>("GET", `/v1/operations/${encodeURIComponent(id)}`));
  console.log(options.json === true ? JSON.stringify(told, undefined, 2) : describe(told));
}

function describe(told: WholeOperation): string {
  const { attempts, because, answer, request } = told;
  const { id, api, endpoint, partition, flow, priority, labels, key: idempotencyKey, acceptedAt, dueAt, expiresAt } = told;
  const named = Object.entries(labels).map(([key, value]) => `${key}=${value}`);
  return [
    oneLine([api, endpoint, ...(partition === "" ? [] : [`(${partition})`])].join(" ")),
    "",
    `  id        ${id}`,
    `  state     ${standing(told)}`,
    ...(because === undefined ? [] : [`  because   ${oneLine(explainBecause(because))}`]),
    `  accepted  ${instant(acceptedAt)}${dueAt > acceptedAt ? `, due ${instant(dueAt)}` : ""}${expiresAt === undefined ? "" : `, expires ${instant(expiresAt)}`}`,
    ...(flow === "" && priority === 0 ? [] : [`  order     priority ${priority}${flow === "" ? "" : `, flow ${oneLine(flow)}`}`]),
    ...(idempotencyKey === undefined ? [] : [`  key       ${oneLine(idempotencyKey)}`]),
    ...(named.length === 0 ? [] : [`  labels    ${oneLine(named.join(", "))}`]),
    "",
    ...requestLines(requestOf(request)),
    "",
    ...attemptLines(attempts, attempts[0]?.startedAt ?? acceptedAt),
    ...(answer === undefined ? [] : ["", ...answerLines(answer)]),
  ].join("\n");
}

function standing({ state, since, parkedUntil, worker, leaseUntil }: WholeOperation): string {
  const more = [
    `since ${instant(since)}`,
    ...(parkedUntil === undefined ? [] : [`until ${instant(parkedUntil)}`]),
    ...(worker === undefined ? [] : [`by worker ${oneLine(worker)}`]),
    ...(leaseUntil === undefined ? [] : [`lease until ${instant(leaseUntil)}`]),
  ];
  return `${state}, ${more.join(", ")}`;
}

function answerLines({ status, headers = [], body }: NonNullable<WholeOperation["answer"]>): string[] {
  const text = new TextDecoder().decode(bytesOf(body));
  return [
    `  ${status ?? ""} answered`,
    ...headers.map(([name, value]) => `  ${name}: ${oneLine(value)}`),
    ...(text === "" ? [] : ["", `  ${oneLine(text, ANSWER_CHARACTERS)}`]),
  ];
}

function instant(at: number): string {
  return new Date(at).toISOString();
}
