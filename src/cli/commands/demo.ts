import { Command, InvalidArgumentError } from "commander";
import { readPort } from "../read-port.ts";
import type { DemoReport, Look } from "../demo/index.ts";
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
  /** Left out: where somebody sits at a terminal. */
  readonly dashboard?: boolean;
  readonly port?: number;
}

const EXAMPLES = `
Examples:
  $ holdfast demo                        4,000 leads in real time, about four minutes
  $ holdfast demo --fast --json          the same ten times as fast, the result as JSON
  $ holdfast demo --file leads.csv       your own leads: a CSV with a column "email"

On a terminal it ends with the dashboard open on the run just made; Ctrl-C ends that.
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
    .option("--dashboard", "end with the dashboard over the run, also where stdout is no terminal, or with --json")
    .option("--no-dashboard", "end when the run has ended, also on a terminal")
    .option("--port <number>", "of the dashboard; 0 takes a free one (default: 4180, or another where that is taken)", readPort)
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
  const { fast, json, leads, mended, dashboard, port, ...rest } = options;
  // Loaded when it is called for: the other commands start without it.
  const { printed, runDemo, screenFor, serveMended, SupersededError } = await import("../demo/index.ts");
  if (mended === true) return await serveMended(options.store);
  const looks = dashboard ?? (json !== true && process.stdout.isTTY);
  const wait = endAtOnceBySignal();
  const ended = (report: DemoReport): void => {
    process.stdout.write(
      json === true ? `${JSON.stringify(report, null, 2)}\n` : printed(report, process.stdout.columns, { mended: looks }),
    );
  };
  const look: Look = {
    port,
    opened: (url) =>
      process.stderr.write(
        `\nThe dashboard shows this run: ${url}\nThe four APIs are mended behind it, so its dead letters can be replayed there. Ctrl-C ends it.\n`,
      ),
    enough: wait,
    log: (line) => process.stderr.write(`holdfast: ${line}\n`),
  };
  try {
    const options = { ...rest, count: leads, speed: fast === true ? FAST : 1 };
    const report = await runDemo(options, { screen: screenFor(process.stderr), ended, ...(looks ? { look } : {}) });
    process.exitCode = exitCodes[report.ok ? "ok" : "failed"].code;
  } catch (error) {
    if (!(error instanceof SupersededError)) throw error;
    // Whatever is still under way must not go on behind the newer start's back.
    process.stderr.write(`holdfast: ${error.message}\n`);
    process.exit(exitCodes.failed.code);
  }
}

/**
 * There is nothing to tidy up that a kill would not leave as well: what survives that is the point of it all. From the call of what is
 * answered on, a signal resolves it instead; a second one ends the process as usual.
 */
function endAtOnceBySignal(): () => Promise<void> {
  const ends = { SIGINT: () => stop("interrupted"), SIGTERM: () => stop("terminated") } as const;
  for (const [signal, end] of Object.entries(ends)) process.once(signal, end);
  return () => {
    for (const [signal, end] of Object.entries(ends)) process.off(signal, end);
    return new Promise((resolve) => {
      for (const signal of Object.keys(ends)) process.once(signal, () => resolve());
    });
  };
}

function stop(how: "interrupted" | "terminated"): never {
  process.stderr.write("\nholdfast: stopped; start it again to go on where it stands\n");
  process.exit(exitCodes[how].code);
}
