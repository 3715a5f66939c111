import type { Command } from "commander";
import { exitCodes } from "../exit-codes.ts";
import { oneLine } from "../output/text.ts";
import { storeCommand } from "../store-command.ts";
import type { StoreOptions } from "../open-store.ts";

interface DoctorOptions extends StoreOptions {
  readonly probe?: true;
  readonly json?: true;
}

/** `holdfast doctor`: what is wrong with an installation, and what to do about it. */
export function doctorCommand(): Command {
  return storeCommand("doctor")
    .description("look at Node, the config, its secrets, the store and (with --probe) the upstreams, and say what is wrong")
    .option("--probe", "ask each API's base URL, without its credential, whether it can be reached")
    .option("--json", "print JSON")
    .addHelpText("after", "\nExample:\n  $ holdfast doctor --probe\n\nEnds with 1 if something is wrong; warnings alone end with 0.")
    .action(runDoctor);
}

async function runDoctor(options: DoctorOptions): Promise<void> {
  const { examine } = await import("../doctor.ts");
  const findings = await examine({ ...options, probe: options.probe === true });
  if (options.json === true) console.log(JSON.stringify(findings, null, 2));
  else for (const { level, about, detail } of findings) console.log(`${level.padEnd(5)} ${about}: ${oneLine(detail)}`);
  if (findings.some(({ level }) => level === "wrong")) process.exitCode = exitCodes.failed.code;
}
