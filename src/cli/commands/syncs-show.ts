import type { SyncStatus } from "../../client/syncs.ts";
import type { Command } from "commander";
import { withDesk, type DeskOptions } from "../desk/desk.ts";
import { oneLine } from "../output/text.ts";
import { deskCommand } from "../store-command.ts";

interface ShowOptions extends DeskOptions {
  readonly json?: true;
}

export function syncsShowCommand(): Command {
  return deskCommand("show")
    .description("one sync: its watermark, its last run and what failed in it, its resets")
    .argument("<sync>", "its name")
    .option("--json", "print JSON")
    .addHelpText("after", "\nExample:\n  $ holdfast syncs show orders")
    .action(runShow);
}

async function runShow(name: string, { json, ...where }: ShowOptions): Promise<void> {
  const status = await withDesk(where, "store", (desk) => desk.ask<SyncStatus>("GET", `/v1/syncs/${encodeURIComponent(name)}`));
  if (json === true) {
    console.log(JSON.stringify(status));
    return;
  }
  const { sync, watermark, kind, advancedAt, heldSince, remembered, running, lastRun, resets } = status;
  console.log(`sync       ${sync}`);
  console.log(
    `watermark  ${watermark === null ? "none" : `${watermark} (${kind})`}${advancedAt === null ? "" : `, moved ${at(advancedAt)}`}`,
  );
  if (heldSince !== null) console.log(`held       since ${at(heldSince)}`);
  console.log(`remembers  ${remembered} settled records by name`);
  if (running !== null) console.log(`running    ${running.run} since ${at(running.since)}, leased until ${at(running.leaseUntil)}`);
  if (lastRun !== null && "by" in lastRun)
    console.log(`last run   reset by ${lastRun.by} at ${at(lastRun.endedAt)}: ${oneLine(lastRun.reason, 100)}`);
  if (lastRun !== null && "read" in lastRun) {
    const { outcome, run, read, done, known, failed, parked, endedAt, records, error } = lastRun;
    console.log(`last run   ${outcome} at ${at(endedAt)} (${run})`);
    console.log(`           ${read} read, ${done} done, ${known} known, ${failed} failed, ${parked} parked`);
    if (error !== undefined) console.log(`           ${oneLine(error.message, 200)}`);
    for (const record of records) {
      console.log(
        `  ${record.state.padEnd(6)}  ${oneLine(record.id, 40)} at ${record.cursor}, ${record.attempts} tries: ${oneLine(record.because, 80)} [${record.rule}]`,
      );
    }
  }
  for (const { at: when, by, reason, from, to } of resets) {
    console.log(`reset      ${at(when)} by ${oneLine(by, 40)}: ${from ?? "none"} → ${to ?? "none"} (${oneLine(reason, 100)})`);
  }
}

function at(instant: number): string {
  return new Date(instant).toISOString();
}
