import { Command, InvalidArgumentError } from "commander";
import { exitCodes } from "../exit-codes.ts";
import { readCount } from "../store-command.ts";
import { DEFAULT_LEADS, DEFAULT_SEED } from "../demo/make-leads.ts";

interface Options {
  readonly file?: string;
  readonly leads?: number;
  readonly seed: number;
  readonly fast?: true;
  readonly store?: string;
  readonly mended?: true;
  readonly json?: true;
}

const EXAMPLES = `
Examples:
  $ holdfast demo                        4,000 leads in real time, about four minutes
  $ holdfast demo --fast --json          the same ten times as fast, the result as JSON
  $ holdfast demo --file leads.csv       your own leads: a CSV with a column "email"

Kill it whenever you like and start it again: it goes on where it stands. Exit code 0 means that the
APIs' own ledgers show nothing lost and nothing doubled. docs/guide/main-job.md explains the table.`;

/** `holdfast demo`: the main job. */
export function demoCommand(): Command {
  return new Command("demo")
    .description("take leads through four flaky APIs, and let their ledgers say what came of it")
    .option("--file <csv>", "leads of your own; a header with the column email (default: examples/leads.csv)")
    .option("--leads <number>", `how many leads (default: all of the file, or ${DEFAULT_LEADS})`, readLeadCount)
    .option("--seed <number>", "seed of the made-up leads and of all misbehaviour", readCount, DEFAULT_SEED)
    .option("--fast", "ten times as fast: backoffs, outages, limits and lifetimes alike")
    .option("--store <file>", "where to keep what must survive a kill (default: .holdfast/demo/holdfast.db)")
    .option("--mended", "start the APIs of the last run again with nothing wrong, to replay its dead letters against")
    .option("--json", "print the result as JSON")
    .addHelpText("after", EXAMPLES)
    .action(run);
}

const FAST = 10;

function readLeadCount(text: string): number {
  const count = readCount(text);
  if (count === 0) throw new InvalidArgumentError("Give at least 1.");
  return count;
}

async function run(options: Options): Promise<void> {
  const { fast, json, leads, mended, ...rest } = options;
  // Loaded when it is called for: the other commands start without it.
  const { printed, runDemo, screenFor, serveMended, SupersededError } = await import("../demo/index.ts");
  if (mended === true) return await serveMended(options.store);
  endAtOnceBySignal();
  try {
    const report = await runDemo({ ...rest, count: leads, speed: fast === true ? FAST : 1 }, { screen: screenFor(process.stderr) });
    process.stdout.write(json === true ? `${JSON.stringify(report, null, 2)}\n` : printed(report, process.stdout.columns));
    process.exitCode = exitCodes[report.ok ? "ok" : "failed"].code;
  } catch (error) {
    if (!(error instanceof SupersededError)) throw error;
    // Whatever is still under way must not go on behind the newer start's back.
    process.stderr.write(`holdfast: ${error.message}\n`);
    process.exit(exitCodes.failed.code);
  }
}

/** There is nothing to tidy up that a kill would not leave as well: what survives that is the point of it all. */
function endAtOnceBySignal(): void {
  process.once("SIGINT", () => stop("interrupted"));
  process.once("SIGTERM", () => stop("terminated"));
}

function stop(how: "interrupted" | "terminated"): never {
  process.stderr.write("\nholdfast: stopped; start it again to go on where it stands\n");
  process.exit(exitCodes[how].code);
}
