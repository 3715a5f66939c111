import type { Command } from "commander";
import type { ReplayEntry, ReplayOptions } from "../../client/replay-options.ts";
import { ConfigError } from "../../core/errors.ts";
import { exitCodes } from "../exit-codes.ts";
import { demandThere } from "../demand-there.ts";
import { withHoldfast, type StoreOptions } from "../open-store.ts";
import { oneLine } from "../output/text.ts";
import { readCount, storeCommand } from "../store-command.ts";

interface ReplayFlags extends StoreOptions {
  readonly group?: string;
  readonly all?: true;
  readonly canary?: number;
  readonly json?: true;
}

export function replayCommand(): Command {
  return storeCommand("replay")
    .description("send dead letters again, under the same keys and all policies of their API")
    .argument("[id...]", "letters to replay")
    .option("--group <fingerprint>", "all open letters of a group")
    .option("--all", "all open letters")
    .option("--canary <count>", "replay so many first, and go on only if all of them succeed", readCount)
    .option("--json", "print JSON, one letter a line, then the counts")
    .addHelpText(
      "after",
      "\nExample:\n  $ holdfast dlq replay --group v1:0c57 --canary 1 --config holdfast.config.ts\n\nEnds with 1 if any letter failed again or was skipped. Ctrl-C ends the run after the letter under way.",
    )
    .action(runReplay);
}

async function runReplay(ids: readonly string[], flags: ReplayFlags): Promise<void> {
  const { json = false } = flags;
  const print = (entry: ReplayEntry): void =>
    console.log(json ? JSON.stringify(entry) : `${entry.id}  ${entry.result}  ${oneLine(entry.because, 120)}`);
  const stop = new AbortController();
  process.once("SIGINT", () => stop.abort());
  const which = whichOf(ids, flags);
  const report = await withHoldfast(flags, "apis", async (hf) => {
    await demandThere(hf, ids, flags.group);
    return await hf.deadLetters.replay({
      ...which,
      ...(flags.canary === undefined ? {} : { canary: flags.canary }),
      signal: stop.signal,
      onEntry: print,
    });
  });
  const { resolved, failedAgain, skipped, stopped } = report;
  if (json) console.log(JSON.stringify({ resolved, failedAgain, skipped, ...(stopped === undefined ? {} : { stopped }) }));
  else
    console.log(
      `${resolved} resolved, ${failedAgain} failed again, ${skipped} skipped${stopped === undefined ? "" : `; stopped: ${stopped}`}`,
    );
  if (stop.signal.aborted) process.exitCode = exitCodes.interrupted.code;
  else if (failedAgain + skipped > 0) process.exitCode = exitCodes.failed.code;
}

/** Exactly one way of saying which. */
function whichOf(ids: readonly string[], { group, all }: ReplayFlags): Pick<ReplayOptions, "ids" | "group" | "filter"> {
  const ways = [ids.length > 0, group !== undefined, all === true].filter(Boolean).length;
  if (ways !== 1)
    throw new ConfigError({ path: "replay", message: "say which letters to replay in one way: their ids, --group, or --all" });
  if (group !== undefined) return { group };
  return all === true ? { filter: {} } : { ids };
}
