import { Command } from "commander";
import { formatMs } from "../../core/duration.ts";
import { ConfigError, StoreError } from "../../core/errors.ts";
import type { AlertOptions } from "../../client/alert-options.ts";
import type { Runtime } from "../../engine/runtime.ts";
import type { EventMap } from "../../ports/events.ts";
import type { Store, StoreFactory } from "../../ports/store.ts";
import { systemClock } from "../../adapters/clock/system.ts";
import { loadConfig } from "../config-file.ts";
import { exitCodes, type ExitName } from "../exit-codes.ts";
import type { ExecEnd } from "../exec/run-exec.ts";
import { oneLine, table } from "../output/text.ts";
import { readCount } from "../store-command.ts";

interface Options {
  readonly name?: string;
  readonly schedule?: string;
  readonly timeout?: string;
  readonly grace: string;
  readonly permanent?: string;
  readonly transient?: string;
  readonly notify?: string;
  readonly history?: true;
  readonly limit: number;
  readonly store?: string;
  readonly config?: string;
  readonly json?: true;
}

const EXAMPLES = `
Examples:
  $ holdfast exec --name daily-briefing -- node briefing.js
  $ holdfast exec --name daily-briefing --schedule 0,30s,90s,180s --timeout 300s,300s,600s,600s -- node briefing.js
  $ holdfast exec --name backup --transient 75 --notify 'mail -s "backup: $HOLDFAST_STATE" ops' -- ./backup.sh
  $ holdfast exec --history --name daily-briefing

In a crontab:
  0 7 * * *  cd /srv/briefing && npx holdfast exec --name daily-briefing -- node briefing.js`;

/** `holdfast exec`: a command under retries and escalating timeouts, one run at a time. */
export function execCommand(): Command {
  return new Command("exec")
    .description("run a command until it succeeds or is a dead letter: retries, escalating timeouts, one run at a time, history")
    .argument("[command...]", "the command and its arguments, after --")
    .option("--name <name>", "what it is: one run of a name at a time, and a history for each")
    .option("--schedule <waits>", "a wait for each attempt, that before the first included (default: 0,30s,90s,180s)")
    .option("--timeout <times>", "of each attempt, the last repeats (default: 300s,300s,600s,600s)")
    .option("--grace <time>", "from SIGTERM to SIGKILL of the whole process group", "10s")
    .option("--permanent <codes>", "exit codes that no retry can change (default: 126,127)")
    .option("--transient <codes>", "exit codes that are worth a retry; all others are then permanent")
    .option("--notify <target>", "told at the end: an address (a signed webhook), or a command of the shell")
    .option("--history", "show the last runs instead")
    .option("--limit <count>", "runs of the history", readCount, 20)
    .option("--store <store>", "where runs are kept: a file, or a store's URL (default: the config's, else holdfast.db)")
    .option("--config <file>", "the config (default: holdfast.config.ts, .js or .json, if it is there)")
    .option("--json", "print JSON: each run of the history, or the end of this one as the last line")
    .addHelpText("after", EXAMPLES)
    .action(run);
}

function say(line: string): void {
  process.stderr.write(`holdfast: ${oneLine(line)}\n`);
}

async function run(command: readonly string[], options: Options): Promise<void> {
  if (options.history === true) {
    if (command.length > 0)
      throw new ConfigError({ path: "--history", message: "--history shows runs and starts none; leave out the command" });
    await withStore(await placeOf(options), (store) => showHistory(store, options));
    return;
  }
  const { name, notify: target } = options;
  if (name === undefined)
    throw new ConfigError({ path: "--name", message: "say what it is with --name; one run of a name is at work at a time" });
  if (command.length === 0)
    throw new ConfigError({ path: "command", message: "say what to run, after --: holdfast exec --name backup -- ./backup.sh" });
  const { planExec } = await import("../exec/plan.ts");
  const { checkNotify, notify } = await import("../exec/notify.ts");
  const plan = planExec({ ...options, name });
  if (target !== undefined) checkNotify(target);
  const { runExec } = await import("../exec/run-exec.ts");
  const { raiseAlerts } = await import("../exec/raise.ts");
  const letters: EventMap["dead-letter:added"][] = [];
  const listen = (runtime: Runtime): void => void runtime.events.on("dead-letter:added", (letter) => letters.push(letter));
  const place = await placeOf(options);
  const end = await withStore(place, (store) => runExec({ store, plan, command, say, listen }));
  if (end.state !== "succeeded") {
    const kept = end.deadLetter === undefined ? "" : `; it is kept as the dead letter ${end.deadLetter}`;
    say(`${name}: ${end.state === "busy" ? "" : `${end.state} after ${attemptsOf(end)}: `}${end.because}${kept}`);
  }
  if (place.alerts !== undefined && letters.length > 0) {
    try {
      const late = await raiseAlerts(place.alerts, place.factory, letters);
      if (late > 0) say(`${name}: ${late} of its alerts could not be delivered yet; they wait in the queue of the store`);
    } catch (error) {
      say(`${name}: the alerts of the config could not be told: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  if (target !== undefined && (end.state === "succeeded" || end.state === "failed")) {
    const data = { name, ...end, command };
    try {
      await notify(target, { type: `exec.${end.state}`, timestamp: new Date(systemClock.now()).toISOString(), data });
    } catch (error) {
      say(`${name}: --notify could not be told: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  if (options.json === true) console.log(JSON.stringify({ name, ...end }));
  process.exitCode = exitCodes[exitOf(end)].code;
}

function attemptsOf({ attempts }: ExecEnd): string {
  return attempts === 1 ? "1 attempt" : `${attempts} attempts`;
}

function exitOf({ state, signal }: ExecEnd): ExitName {
  switch (state) {
    case "succeeded":
      return "ok";
    case "failed":
      return "failed";
    case "busy":
      return "busy";
    case "interrupted":
      return signal === "SIGINT" ? "interrupted" : "terminated";
  }
}

/** Where runs are kept, and who is told of those that are given up. */
interface Place {
  readonly factory: StoreFactory;
  readonly alerts: AlertOptions | undefined;
}

/** A store that is named goes before the config's. */
async function placeOf({ store: named, config }: Options): Promise<Place> {
  const loaded = named === undefined || config !== undefined ? await loadConfig(config) : undefined;
  const { namedTarget, storeFactory, targetOf } = await import("../store-factory.ts");
  const target = named !== undefined || loaded === undefined ? namedTarget(named ?? "holdfast.db") : targetOf(loaded);
  if (target.kind === "memory") {
    throw new ConfigError({
      path: "--store",
      message: 'exec needs a store that outlives it, and "memory:" does not; name a file with --store',
    });
  }
  return { factory: await storeFactory(target), alerts: loaded?.config.alerts };
}

/** Opens the store, made where there is none: a line of a crontab has nobody who would make it first. */
async function withStore<Result>({ factory }: Place, work: (store: Store) => Promise<Result>): Promise<Result> {
  const store = await factory();
  try {
    return await work(store);
  } finally {
    await store.close();
  }
}

async function showHistory({ steps, name }: Store, options: Options): Promise<void> {
  if (steps === undefined) throw new StoreError(`the store ${name} keeps no runs`);
  const { historyOf } = await import("../exec/history.ts");
  const runs = await historyOf(steps, options.name, options.limit);
  if (options.json === true) {
    for (const one of runs) console.log(JSON.stringify(one));
    return;
  }
  if (runs.length === 0) {
    console.log(options.name === undefined ? "no runs" : `no runs of ${options.name}`);
    return;
  }
  const rows = runs.map(({ name: of, startedAt, state, durationMs, attempts }) => {
    const last = attempts.at(-1);
    const took = durationMs === undefined ? "-" : formatMs(durationMs);
    return [of, startedAt, state, String(attempts.length), took, oneLine(last?.because ?? "", 60)];
  });
  const columns = [
    { name: "name" },
    { name: "started" },
    { name: "state" },
    { name: "attempts", align: "right" },
    { name: "took", align: "right" },
    { name: "last" },
  ] as const;
  process.stdout.write(table(columns, rows));
}
