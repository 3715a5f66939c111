import { Command, InvalidArgumentError } from "commander";
import { ConfigError } from "../../core/errors.ts";
import { withDesk, type DeskOptions } from "../desk/desk.ts";
import { oneLine, table } from "../output/text.ts";
import { readRate } from "../read-rate.ts";
import { deskCommand, readCount } from "../store-command.ts";

interface LimitLine {
  readonly api: string;
  readonly endpoint: string;
  readonly limits: Readonly<Record<string, unknown>>;
  readonly by: string;
  readonly reason: string;
  readonly since: number;
  readonly until: number;
}

/** `holdfast limits`: limits over those of the config, for a while. */
export function limitsCommand(): Command {
  return new Command("limits")
    .description("limits over those of the config, for a while: for an incident, or a nightly import")
    .addHelpText("after", '\nExample:\n  $ holdfast limits set crm --rate 1/1s --for 30m --reason "they asked us to slow down"')
    .addCommand(listCommand())
    .addCommand(setCommand())
    .addCommand(endCommand());
}

function listCommand(): Command {
  return deskCommand("list")
    .description("those that hold, with who set them, why, and until when")
    .option("--json", "print JSON, one a line")
    .addHelpText("after", "\nExample:\n  $ holdfast limits list --url http://127.0.0.1:4180")
    .action(async ({ json, ...options }: DeskOptions & { readonly json?: true }) => {
      const { items } = await withDesk(options, "store", (desk) => desk.ask<{ items: readonly LimitLine[] }>("GET", "/v1/limits"));
      if (json === true) for (const line of items) console.log(JSON.stringify(line));
      else if (items.length === 0) console.log("only those of the config hold");
      else
        process.stdout.write(
          table(
            ["where", "limits", "until", "by", "why"].map((name) => ({ name })),
            items.map(rowOf),
          ),
        );
    });
}

function rowOf({ api, endpoint, limits, until, by, reason }: LimitLine): string[] {
  const said = Object.entries(limits).map(([name, value]) => `${name} ${JSON.stringify(value)}`);
  return [
    oneLine(`${api} ${endpoint}`, 60),
    oneLine(said.join(", "), 80),
    new Date(until).toISOString(),
    oneLine(by, 40),
    oneLine(reason, 60),
  ];
}

interface SetOptions extends DeskOptions {
  readonly endpoint?: string;
  readonly rate?: { readonly limit: number; readonly per: string };
  readonly burst?: number;
  readonly concurrency?: number | false;
  readonly breaker?: false;
  readonly for: string;
  readonly reason: string;
  readonly json?: true;
}

function setCommand(): Command {
  return deskCommand("set")
    .description("set limits of an API, or of one endpoint; what was set for it before is replaced")
    .argument("<api>", "the API's name")
    .option("--endpoint <endpoint>", 'only this one, such as "POST /contacts"; not with --rate')
    .option("--rate <limit/time>", "requests of the whole API, such as 10/1s", readRate)
    .option("--burst <count>", "how many of them may go at once", readCount)
    .option("--concurrency <count>", "calls in flight; or off, for no bound", readConcurrency)
    .option("--breaker <off>", "off: no breaker", readOff)
    .requiredOption("--for <duration>", "for how long, up to a day")
    .requiredOption("--reason <text>", "why; for the audit log, and whoever sees it")
    .option("--json", "print JSON")
    .addHelpText("after", '\nExample:\n  $ holdfast limits set crm --rate 1/1s --for 30m --reason "they asked us to slow down"')
    .action(runSet);
}

async function runSet(
  api: string,
  { endpoint, rate, burst, concurrency, breaker, for: span, reason, json, ...options }: SetOptions,
): Promise<void> {
  if (burst !== undefined && rate === undefined)
    throw new ConfigError({ path: "--burst", message: "--burst is of a --rate, and none is given" });
  const rateLimit = rate === undefined ? undefined : { ...rate, burst };
  const body = { api, endpoint, rateLimit, concurrency, breaker, for: span, reason };
  const set = await withDesk(options, "apis", (desk) => desk.ask<LimitLine>("POST", "/v1/limits", { body }));
  console.log(json === true ? JSON.stringify(set) : `set for ${api} ${endpoint ?? "*"} until ${new Date(set.until).toISOString()}`);
}

function endCommand(): Command {
  return deskCommand("end")
    .description("end what was set before its time: the config holds again")
    .argument("<api>", "the API's name")
    .option("--endpoint <endpoint>", "of one endpoint")
    .option("--json", "print JSON")
    .addHelpText("after", "\nExample:\n  $ holdfast limits end crm")
    .action(async (api: string, { endpoint, json, ...options }: DeskOptions & { readonly endpoint?: string; readonly json?: true }) => {
      const answer = await withDesk(options, "store", (desk) =>
        desk.ask("DELETE", `/v1/limits/${encodeURIComponent(api)}`, { query: { endpoint } }),
      );
      console.log(json === true ? JSON.stringify(answer) : `ended: ${api} ${endpoint ?? "*"}`);
    });
}

function readConcurrency(text: string): number | false {
  return text === "off" ? false : readCount(text);
}

function readOff(text: string): false {
  if (text !== "off") throw new InvalidArgumentError("Give off; a breaker's numbers stand in the config.");
  return false;
}
