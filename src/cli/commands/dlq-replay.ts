import { readFileSync } from "node:fs";
import { InvalidArgumentError, type Command } from "commander";
import { ConfigError } from "../../core/errors.ts";
import { exitCodes } from "../exit-codes.ts";
import type { ReplayView } from "../desk/answers.ts";
import { followReplay } from "../desk/follow-replay.ts";
import { demandThere } from "../demand-there.ts";
import { whichOf, withWhich, type WhichFlags } from "../letter-filter.ts";
import { withDesk, type DeskOptions } from "../desk/desk.ts";
import { oneLine } from "../output/text.ts";
import { readCount, deskCommand } from "../store-command.ts";

interface ReplayFlags extends DeskOptions, WhichFlags {
  readonly canary?: number;
  readonly rate?: number;
  readonly patch?: object;
  readonly confirm?: true;
  readonly json?: true;
}

export function replayCommand(): Command {
  return withWhich(deskCommand("replay"))
    .description("send dead letters again, under the same keys and all policies of their API")
    .option("--canary <count>", "replay so many first, and go on only if all of them succeed", readCount)
    .option("--rate <per second>", "then so many a second, from a slow start on (default: one after the other)", readRate)
    .option("--patch <json>", "change each JSON body by a merge patch (RFC 7396), or by the one in @file", readPatch)
    .option("--confirm", "send also what may have happened already and nobody can tell")
    .option("--json", "print JSON, one letter a line, then the counts")
    .addHelpText(
      "after",
      `
Examples:
  $ holdfast dlq replay --group v1:0c57 --canary 1 --rate 20 --config holdfast.config.ts
  $ holdfast dlq replay --label campaign=q4 --patch '{"phone":null}'

Ends with 1 if any letter failed again or was skipped. Ctrl-C ends the run after the letters under way.`,
    )
    .action(runReplay);
}

async function runReplay(ids: readonly string[], flags: ReplayFlags): Promise<void> {
  const { json = false, canary, rate, patch, confirm } = flags;
  const which = whichOf(ids, flags, "replay");
  const stop = new AbortController();
  // The second Ctrl-C ends the process as usual; what it was about to send is in doubt then.
  const onInterrupt = (): void => stop.abort();
  process.once("SIGINT", onInterrupt);
  try {
    const { resolved, failedAgain, skipped, stopped } = await withDesk(flags, "apis", async (desk) => {
      await demandThere(desk, ids, flags.group);
      const begun = await desk.ask<ReplayView>("POST", "/v1/dead-letters/replay", { body: { ...which, canary, rate, patch, confirm } });
      return await followReplay(desk, begun, stop.signal, (entry) =>
        console.log(json ? JSON.stringify(entry) : `${entry.id}  ${entry.result}  ${oneLine(entry.because, 160)}`),
      );
    });
    if (json) console.log(JSON.stringify({ resolved, failedAgain, skipped, ...(stopped === undefined ? {} : { stopped }) }));
    else
      console.log(
        `${resolved} resolved, ${failedAgain} failed again, ${skipped} skipped${stopped === undefined ? "" : `; stopped: ${stopped}`}`,
      );
    if (stop.signal.aborted) process.exitCode = exitCodes.interrupted.code;
    else if (failedAgain + skipped > 0) process.exitCode = exitCodes.failed.code;
  } finally {
    process.off("SIGINT", onInterrupt);
  }
}

function readRate(text: string): number {
  const rate = Number(text);
  if (!/^\d+(?:\.\d+)?$/.test(text) || !(rate > 0)) throw new InvalidArgumentError("Give letters a second, above 0.");
  return rate;
}

function readPatch(text: string): object {
  const json = text.startsWith("@") ? fileText(text.slice(1)) : text;
  let patch: unknown;
  try {
    patch = JSON.parse(json);
  } catch (cause) {
    throw new InvalidArgumentError(`It is not JSON: ${cause instanceof Error ? cause.message : String(cause)}.`);
  }
  if (typeof patch !== "object" || patch === null || Array.isArray(patch)) throw new InvalidArgumentError("Give an object.");
  return patch;
}

function fileText(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (cause) {
    throw new ConfigError({ path: "--patch", message: `--patch names ${file}, which cannot be read`, cause });
  }
}
