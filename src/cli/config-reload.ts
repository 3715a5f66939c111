import { unwatchFile, watchFile } from "node:fs";
import { same } from "../core/same.ts";
import { loadConfig, type LoadedConfig } from "./config-file.ts";

/** How often the file is looked at. A look finds a file that was replaced, too, and one on a mounted volume. */
const LOOK_MS = 1_000;
/** What a running gateway takes from a new config; everything else is read at its start. */
const TAKEN = ["apis", "tokens"];

/**
 * Reads a config anew at SIGHUP and when its file changes, and hands it to `apply`. One that is wrong changes nothing, and `log` says
 * why; so it does for what only a restart takes. Answers what ends it.
 */
export function reloadOnChange(
  loaded: LoadedConfig,
  apply: (config: LoadedConfig["config"]) => string,
  log: (line: string) => void,
): () => void {
  let current = loaded.config;
  let turn = Promise.resolve();
  const reload = async (why: string): Promise<void> => {
    try {
      const next = await loadConfig(loaded.file, { fresh: true });
      if (next === undefined || same(next.config, current)) {
        log(`${why}: ${loaded.file} says what it said before`);
        return;
      }
      const changed = apply(next.config);
      const kept = changedKeys(current, next.config).filter((key) => !TAKEN.includes(key));
      current = next.config;
      log(`${why}: ${loaded.file} holds from now on (${changed})`);
      if (kept.length > 0) log(`${why}: ${kept.join(", ")} changed as well, which only a restart takes`);
    } catch (error) {
      log(`${why}: ${loaded.file} was not taken, and what held before goes on: ${error instanceof Error ? error.message : String(error)}`);
    }
  };
  // One after the other: the last to be read must be the last to be taken.
  const queue = (why: string): void => {
    turn = turn.then(() => reload(why));
  };
  const onSignal = (): void => queue("SIGHUP");
  const onChange = (now: { readonly mtimeMs: number }, before: { readonly mtimeMs: number }): void => {
    if (now.mtimeMs !== before.mtimeMs && now.mtimeMs !== 0) queue("changed");
  };
  process.on("SIGHUP", onSignal);
  watchFile(loaded.file, { interval: LOOK_MS, persistent: false }, onChange);
  return () => {
    process.off("SIGHUP", onSignal);
    unwatchFile(loaded.file, onChange);
  };
}

function changedKeys(before: object, after: object): readonly string[] {
  const [one, other] = [before as Record<string, unknown>, after as Record<string, unknown>];
  return [...new Set([...Object.keys(one), ...Object.keys(other)])].filter((key) => !same(one[key], other[key]));
}
