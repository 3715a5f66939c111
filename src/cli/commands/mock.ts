import { readFileSync } from "node:fs";
import { Command, InvalidArgumentError } from "commander";
import { ConfigError } from "../../core/errors.ts";
import type { FlakyApi } from "../../testing/flaky-api/flaky-api.ts";
import type { LedgerSummary } from "../../testing/flaky-api/ledger-summary.ts";
import type { FlakyScript } from "../../testing/flaky-api/script.ts";

interface MockOptions {
  readonly script: string;
  readonly port: number;
  readonly host: string;
  readonly ledger?: string;
  readonly scale?: number;
  readonly seed?: number;
  readonly json?: true;
}

const EXAMPLES = `
Examples:
  $ holdfast mock --script examples/mock/crm.json
  $ holdfast mock --script crm.json --port 4190 --ledger crm.ledger.jsonl --scale 0.1

While it runs:
  GET  /__holdfast/ledger    what reached it and what it did
  GET  /__holdfast/effects   effects by endpoint and subject
  POST /__holdfast/rules     other rules, as a JSON list

Ctrl-C ends it and prints the ledger's summary. docs/guide/testing.md describes the script.`;

/** `holdfast mock`: somebody else's API on a bad day, as a process of its own. */
export function mockCommand(): Command {
  return new Command("mock")
    .description("run an API that misbehaves as a script says, and keeps a ledger of what it did")
    .requiredOption("--script <file>", "the script, as JSON")
    .option("--port <number>", "port; 0 takes a free one", readNumber, 0)
    .option("--host <address>", "address to listen on", "127.0.0.1")
    .option("--ledger <file>", "keep the ledger in this file too; it outlives the process")
    .option("--scale <factor>", "multiply all times of the script", readNumber)
    .option("--seed <number>", "seed of every draw", readNumber)
    .option("--json", "print JSON, one document a line")
    .addHelpText("after", EXAMPLES)
    .action(runMock);
}

async function runMock(options: MockOptions): Promise<void> {
  const { script, json = false, ledger, ...others } = options;
  // Loaded when it is called for: the other commands start without it.
  const { flakyApi } = await import("../../testing/flaky-api/flaky-api.ts");
  const api = await flakyApi(readScript(script), { ...others, ...(ledger === undefined ? {} : { ledgerFile: ledger }) });
  console.log(json ? JSON.stringify({ listening: api.url }) : `listening on ${api.url}`);
  await closedBySignal(api);
  const summary = api.ledger.summary();
  console.log(json ? JSON.stringify(summary) : describe(summary));
}

/** Reads the file; what stands in it is checked by {@link flakyApi}, which names the place of every fault. */
function readScript(file: string): FlakyScript {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (cause) {
    throw new ConfigError({ path: "--script", message: `--script ${file} cannot be read; name a file with a script`, cause });
  }
  try {
    return JSON.parse(text) as FlakyScript;
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new ConfigError({ path: "--script", message: `--script ${file} is not JSON: ${why}`, cause });
  }
}

/** Resolves when a signal has ended the API. A second signal ends the process as usual. */
function closedBySignal(api: FlakyApi): Promise<void> {
  return new Promise((resolve, reject) => {
    const end = (): void => {
      for (const signal of SIGNALS) process.off(signal, end);
      api.close().then(resolve, reject);
    };
    for (const signal of SIGNALS) process.on(signal, end);
  });
}

const SIGNALS = ["SIGINT", "SIGTERM"] as const;

/** The summary for people: one line for each endpoint, rule and limit that had something to do. */
function describe({ requests, effects, doubled, endpoints, rules, limits, tokens }: LedgerSummary): string {
  const lines = [`${requests} requests, ${effects} effects, ${doubled} doubled`];
  for (const [endpoint, own] of Object.entries(endpoints)) {
    const endings = Object.entries({ ...own.endings, ...own.repeats }).map(([ending, count]) => `${ending}: ${count}`);
    lines.push(`  ${endpoint}  ${own.requests} requests, ${own.effects} effects, ${own.doubled} doubled (${endings.join(", ")})`);
  }
  for (const [rule, count] of Object.entries(rules)) lines.push(`  rule ${rule}: ${count}×`);
  for (const [limit, count] of Object.entries(limits)) lines.push(`  limit ${limit}: refused ${count}×`);
  if (tokens.issued + tokens.refused > 0) lines.push(`  tokens: ${tokens.issued} issued, ${tokens.refused} requests refused`);
  return lines.join("\n");
}

function readNumber(text: string): number {
  const number = Number(text);
  if (text.trim() === "" || !Number.isFinite(number)) throw new InvalidArgumentError("It must be a number.");
  return number;
}
