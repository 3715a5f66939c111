import { Command } from "commander";
import { formatMs } from "../../core/duration.ts";
import type { Silence } from "../../signals/alerts/silence.ts";
import { withDesk, type DeskOptions } from "../desk/desk.ts";
import { exitCodes } from "../exit-codes.ts";
import { oneLine, table } from "../output/text.ts";
import { deskCommand } from "../store-command.ts";
import { testLocally, type SinkResult } from "../test-alerts.ts";

interface Firing {
  readonly rule: string;
  readonly subject: string;
  readonly tier: string;
  readonly since: number;
  readonly words: string;
}

type ListOptions = DeskOptions & { readonly json?: true };

interface SilenceOptions extends ListOptions {
  readonly rule?: string;
  readonly subject?: string;
  readonly for: string;
  readonly reason: string;
}

/** `holdfast alerts`: what fires, who is not to be told of it, and whether anybody hears. */
export function alertsCommand(): Command {
  return new Command("alerts")
    .description("what fires, silences, and a test of the sinks")
    .addHelpText(
      "after",
      '\nExample:\n  $ holdfast alerts list\n  $ holdfast alerts silence --subject "crm *" --for 2h --reason "planned maintenance"',
    )
    .addCommand(
      deskCommand("list")
        .description("what fires now, the most urgent first")
        .option("--json", "print JSON, one alert a line")
        .addHelpText("after", "\nExample:\n  $ holdfast alerts list --store holdfast.db")
        .action(runList),
    )
    .addCommand(
      deskCommand("silences")
        .description("silences that have not ended")
        .option("--json", "print JSON, one silence a line")
        .addHelpText("after", "\nExample:\n  $ holdfast alerts silences --store holdfast.db")
        .action(runSilences),
    )
    .addCommand(
      deskCommand("silence")
        .description("tells nobody of what it covers, for a while; what fires is seen all the same")
        .option("--rule <name>", "of one rule (default: all)")
        .option("--subject <text>", 'such as "crm POST /contacts", or up to a * at its end: "crm *" (default: everything)')
        .requiredOption("--for <duration>", "how long, such as 2h; a silence always ends")
        .requiredOption("--reason <text>", "why; stands with the silence and in the audit log")
        .option("--json", "print the silence as JSON")
        .addHelpText(
          "after",
          '\nExample:\n  $ holdfast alerts silence --rule breaker-open --subject "crm *" --for 2h --reason "planned maintenance"',
        )
        .action(runSilence),
    )
    .addCommand(
      deskCommand("unsilence")
        .description("ends a silence before its time")
        .argument("<id>", "its id, as `holdfast alerts silences` tells it")
        .addHelpText("after", "\nExample:\n  $ holdfast alerts unsilence 019c21d8-1e00-7000-8000-000000000000 --store holdfast.db")
        .action(runUnsilence),
    )
    .addCommand(
      deskCommand("test")
        .description("sends a test to every sink of the config, and tells what became of it; of a gateway (--url), puts it into its queue")
        .option("--json", "print JSON, one sink a line")
        .addHelpText("after", "\nExample:\n  $ holdfast alerts test --config holdfast.config.json")
        .action(runTest),
    );
}

async function runList({ json, ...where }: ListOptions): Promise<void> {
  const { items } = await withDesk(where, "store", (desk) => desk.ask<{ readonly items: readonly Firing[] }>("GET", "/v1/alerts"));
  if (json === true) return printLines(items);
  if (items.length === 0) return console.log("nothing fires");
  const columns = [{ name: "tier" }, { name: "rule" }, { name: "subject" }, { name: "since" }, { name: "what" }];
  const rows = items.map(({ tier, rule, subject, since, words }) => [
    tier,
    rule,
    oneLine(subject, 60),
    new Date(since).toISOString(),
    oneLine(words, 120),
  ]);
  process.stdout.write(table(columns, rows));
}

async function runSilences({ json, ...where }: ListOptions): Promise<void> {
  const { items } = await withDesk(where, "store", (desk) =>
    desk.ask<{ readonly items: readonly Silence[] }>("GET", "/v1/alerts/silences"),
  );
  if (json === true) return printLines(items);
  if (items.length === 0) return console.log("no silences");
  const columns = [{ name: "id" }, { name: "covers" }, { name: "until" }, { name: "by" }, { name: "because" }];
  const rows = items.map(({ id, until, by, because, ...covered }) => [
    id,
    coversOf(covered),
    new Date(until).toISOString(),
    oneLine(by, 40),
    oneLine(because, 80),
  ]);
  process.stdout.write(table(columns, rows));
}

async function runSilence({ rule, subject, for: span, reason, json, ...where }: SilenceOptions): Promise<void> {
  const body = { rule, subject, for: span, reason };
  const made = await withDesk(where, "store", (desk) => desk.ask<Silence>("POST", "/v1/alerts/silences", { body }));
  if (json === true) console.log(JSON.stringify(made));
  else
    console.log(
      `${coversOf(made)}: nobody is told until ${new Date(made.until).toISOString()}; end it with: holdfast alerts unsilence ${made.id}`,
    );
}

async function runUnsilence(id: string, where: DeskOptions): Promise<void> {
  await withDesk(where, "store", (desk) => desk.ask("DELETE", `/v1/alerts/silences/${encodeURIComponent(id)}`));
  console.log(`ended: ${id}`);
}

async function runTest({ json, ...where }: ListOptions): Promise<void> {
  if (where.url !== undefined || (process.env["HOLDFAST_URL"] ?? "") !== "") {
    const { items } = await withDesk(where, "store", (desk) =>
      desk.ask<{ readonly items: readonly { readonly sink: string; readonly operation: string }[] }>("POST", "/v1/alerts/test"),
    );
    if (json === true) return printLines(items);
    for (const { sink, operation } of items) console.log(`${sink}: on its way as operation ${operation}`);
    return;
  }
  const results = await testLocally(where);
  if (json === true) printLines(results);
  else for (const result of results) console.log(resultLine(result));
  if (results.some(({ delivered }) => !delivered)) process.exitCode = exitCodes.failed.code;
}

function resultLine({ sink, delivered, ms, because = "" }: SinkResult): string {
  return delivered ? `${sink}: delivered in ${formatMs(ms)}` : `${sink}: not delivered: ${oneLine(because, 200)}`;
}

function coversOf({ rule, subject }: Pick<Silence, "rule" | "subject">): string {
  return oneLine(`${rule ?? "every rule"} of ${subject ?? "everything"}`, 80);
}

function printLines(items: readonly object[]): void {
  for (const item of items) console.log(JSON.stringify(item));
}
