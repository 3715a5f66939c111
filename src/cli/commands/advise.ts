import type { Command } from "commander";
import type { Advice, AdviceReport } from "../../signals/advice/advice.ts";
import { withDesk, type DeskOptions } from "../desk/desk.ts";
import { grouped, oneLine } from "../output/text.ts";
import { deskCommand } from "../store-command.ts";

interface AdviseOptions extends DeskOptions {
  readonly api?: string;
  readonly json?: true;
}

const COLUMNS = 100;

/** `holdfast advise`: what the history in a store speaks for. */
export function adviseCommand(): Command {
  return deskCommand("advise")
    .description("what the history of attempts speaks for: rules, limits and times to set, with the line to paste")
    .option("--api <name>", "about one API")
    .option("--json", "print JSON, one piece of advice a line")
    .addHelpText("after", "\nExample:\n  $ holdfast advise --store holdfast.db\n\ndocs/guide/advice.md tells what it looks at.")
    .action(runAdvise);
}

async function runAdvise({ api, json, ...where }: AdviseOptions): Promise<void> {
  const { items, basis } = await withDesk(where, "store", (desk) => desk.ask<AdviceReport>("GET", "/v1/advice", { query: { api } }));
  if (json === true) {
    for (const advice of items) console.log(JSON.stringify(advice));
    return;
  }
  const blocks = items.map((advice, index) => block(advice, index + 1));
  console.log([basisLine(basis, items.length), ...blocks].join("\n\n"));
}

function basisLine({ attempts, endpoints, since, until }: AdviceReport["basis"], found: number): string {
  if (since === null || until === null) return "there is no history here yet; docs/guide/advice.md tells what is looked at";
  const from = `from ${grouped(attempts)} attempts at ${endpoints === 1 ? "1 endpoint" : `${grouped(endpoints)} endpoints`}, ${new Date(since).toISOString()} to ${new Date(until).toISOString()}`;
  return found === 0 ? `no advice, ${from}` : from;
}

function block({ api, endpoint, title, confidence, evidence, config, command, caution }: Advice, number: number): string {
  return [
    `${number}. ${oneLine(`${api}${endpoint === undefined ? "" : ` ${endpoint}`}: ${title}`)}  (${confidence} confidence)`,
    ...evidence.flatMap((sentence) => folded(sentence)),
    ...(config === undefined ? [] : [`   paste under ${config.under}:`, `     ${oneLine(config.line)}`]),
    ...(command === undefined ? [] : [`   $ ${oneLine(command)}`.replace(/^ {3}\$ (?=new )/, "   ")]),
    ...(caution === undefined ? [] : folded(caution)),
  ].join("\n");
}

function folded(sentence: string): readonly string[] {
  const lines: string[] = [];
  for (const word of oneLine(sentence).split(" ")) {
    const line = lines.at(-1);
    if (line !== undefined && line.length + 1 + word.length <= COLUMNS) lines[lines.length - 1] = `${line} ${word}`;
    else lines.push(word);
  }
  return lines.map((line) => `   ${line}`);
}
