import { createInterface } from "node:readline/promises";
import { userInfo } from "node:os";
import type { Command } from "commander";
import { ConfigError } from "../../core/errors.ts";
import type { CursorValue } from "../../policy/watermark/cursor.ts";
import { withHoldfast, type StoreOptions } from "../open-store.ts";
import { storeCommand } from "../store-command.ts";

interface ResetOptions extends StoreOptions {
  readonly to?: string;
  readonly reason: string;
  readonly by?: string;
  readonly yes?: true;
}

export function syncsResetCommand(): Command {
  return storeCommand("reset")
    .description("sets a sync's watermark; it asks first, and is kept with the sync")
    .argument("<sync>", "its name")
    .requiredOption("--reason <text>", "why; kept with the sync")
    .option("--to <cursor>", "the new watermark (default: none, so that everything is read again)")
    .option("--by <name>", "who does it (default: the user that is logged in)")
    .option("--yes", "do not ask")
    .addHelpText("after", '\nExample:\n  $ holdfast syncs reset orders --to 2026-01-01T00:00:00Z --reason "the warehouse was restored"')
    .action(runReset);
}

async function runReset(name: string, { to, reason, by, yes, ...where }: ResetOptions): Promise<void> {
  await withHoldfast(where, "store", async (hf) => {
    const { watermark, kind } = await hf.syncs.get(name);
    const cursor = to === undefined ? undefined : cursorFrom(to, kind);
    const question = `Set the watermark of ${name} from ${watermark ?? "none"} to ${to ?? "none"}? What lies after it is read and written again. [y/N] `;
    if (yes !== true && !(await confirmed(question))) {
      console.log("nothing was changed");
      return;
    }
    const status = await hf.syncs.reset(name, { by: by ?? userInfo().username, reason, ...(cursor === undefined ? {} : { to: cursor }) });
    console.log(`the watermark of ${name} is ${status.watermark ?? "none"} now; it was ${watermark ?? "none"}`);
  });
}

/** A text as the kind of cursor that the sync has. */
function cursorFrom(text: string, kind: "number" | "time" | "text" | null): CursorValue {
  if (kind === "text" || kind === null) return text;
  const value = kind === "time" ? new Date(text) : Number(text);
  if (text.trim() !== "" && Number.isFinite(Number(value))) return value;
  throw new ConfigError({
    path: "--to",
    message: `--to ${text} is no ${kind}; the sync's cursor is one${kind === "time" ? ", such as 2026-01-01T00:00:00Z" : ""}`,
  });
}

async function confirmed(question: string): Promise<boolean> {
  if (!process.stdin.isTTY) {
    throw new ConfigError({ path: "--yes", message: "this asks before it changes anything, and nobody is there to answer; say --yes" });
  }
  const lines = createInterface({ input: process.stdin, output: process.stdout });
  try {
    return /^y(?:es)?$/i.test((await lines.question(question)).trim());
  } finally {
    lines.close();
  }
}
