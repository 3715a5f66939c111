import { Command, InvalidArgumentError } from "commander";

/** A command with the options that say where the store is. */
export function storeCommand(name: string): Command {
  return new Command(name)
    .option("--store <file>", "the store: a SQLite file, or a URL as in the config (default: the config's, else holdfast.db)")
    .option("--config <file>", "the config (default: holdfast.config.ts, .js or .json, if it is there)");
}

/** A command that works on a store, or on a gateway that runs. */
export function deskCommand(name: string): Command {
  return storeCommand(name)
    .option("--url <url>", "a gateway that runs, instead of a store (default: HOLDFAST_URL)")
    .option("--token <token>", "its token; better in HOLDFAST_TOKEN, where no list of processes shows it");
}

/** `--label key=value`, as often as wanted. */
export function readLabel(text: string, before: Readonly<Record<string, string>> = {}): Readonly<Record<string, string>> {
  const at = text.indexOf("=");
  if (at < 1) throw new InvalidArgumentError("Give key=value.");
  return { ...before, [text.slice(0, at)]: text.slice(at + 1) };
}

export function readCount(text: string): number {
  const count = Number(text);
  if (!/^\d+$/.test(text) || !Number.isSafeInteger(count)) throw new InvalidArgumentError("Give a whole number.");
  return count;
}
