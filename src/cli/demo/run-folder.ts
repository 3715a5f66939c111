import { createHash } from "node:crypto";
import { appendFileSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { ConfigError } from "../../core/errors.ts";
import type { Lead } from "./lead.ts";
import { ledgerFileOf } from "./apis.ts";
import { storyTime, type Stretch } from "./story-clock.ts";
import { API_NAMES, type ApiName } from "./weather.ts";

/** What `run.json` holds. */
export interface RunState {
  readonly version: 1;
  /** Which leads under which seed: another start is the same run only if it would do the same work. */
  readonly work: string;
  /** When the story began, story time. */
  readonly beganAt: number;
  readonly stretch: Stretch;
  /** Stretches so far: 1 for a run that was never interrupted. */
  readonly starts: number;
  readonly ports?: Readonly<Record<ApiName, number>>;
  readonly finished: boolean;
}

/** One line of `story.jsonl`: what is to be told at the end, and would be lost with a killed process. */
export type StoryLine =
  | {
      readonly type: "breaker";
      readonly atMs: number;
      readonly api: string;
      readonly endpoint: string;
      readonly to: string;
      readonly because: string;
    }
  /** A new process goes on, and knows nothing of the breakers of the old one. */
  | { readonly type: "restart"; readonly atMs: number };

/** Where a run keeps what must outlive its process: beside the store, ledgers and notes of its own. */
export interface RunFolder {
  readonly path: string;
  /** The store's file. */
  readonly store: string;
}

const NAMES = {
  state: "run.json",
  story: "story.jsonl",
  refused: "refused.txt",
  config: "holdfast.config.mjs",
} as const;

/** The folder that belongs to a store: `.holdfast/demo` for the default one, `<file>.demo` beside any other. */
export function runFolder(store: string | undefined): RunFolder {
  if (store === undefined) {
    const path = resolve(".holdfast", "demo");
    return { path, store: join(path, "holdfast.db") };
  }
  const file = resolve(store);
  if (!existsSync(dirname(file))) {
    throw new ConfigError({ path: "--store", message: `the directory ${dirname(file)} of --store does not exist; create it first` });
  }
  return { path: `${file}.demo`, store: file };
}

export function pathIn({ path }: RunFolder, name: keyof typeof NAMES): string {
  return join(path, NAMES[name]);
}

export function workOf(leads: readonly Lead[], seed: number): string {
  const hash = createHash("sha256").update(`${seed}\n`);
  for (const lead of leads) hash.update(`${JSON.stringify(lead)}\n`);
  return hash.digest("hex");
}

export function readState(folder: RunFolder): RunState | undefined {
  let text: string;
  try {
    text = readFileSync(pathIn(folder, "state"), "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
  try {
    const state = JSON.parse(text) as RunState;
    if (state.version === 1) return state;
  } catch {
    // Said below: another version and no JSON at all are the same to us.
  }
  throw new ConfigError({
    path: "--store",
    message: `${pathIn(folder, "state")} is not of this release of the demo; remove the folder ${folder.path} to start over`,
  });
}

/** Written beside and put in place, so that a kill leaves the old or the new one. */
export function writeState(folder: RunFolder, state: RunState): void {
  const file = pathIn(folder, "state");
  writeFileSync(`${file}.new`, `${JSON.stringify(state, null, 2)}\n`);
  renameSync(`${file}.new`, file);
}

export interface Begun {
  readonly state: RunState;
  /** What was there before, and what became of it. */
  readonly before: "nothing" | "resumed" | "replaced finished" | "replaced other work";
}

/** How fast a story is told, and about how long it is on its own clock. */
export interface Tempo {
  readonly speed: number;
  readonly lengthMs: number;
}

/** Opens the folder for a start: goes on with an unfinished run of the same work, replaces anything else that is ours. */
export function beginStretch(folder: RunFolder, work: string, { speed, lengthMs }: Tempo, machineNow: number): Begun {
  const earlier = readState(folder);
  if (earlier !== undefined && !earlier.finished && earlier.work === work) {
    const stretch: Stretch = { storyAt: storyTime(earlier.stretch, lastActivity(folder, earlier)), machineAt: machineNow, speed };
    const state = { ...earlier, stretch, starts: earlier.starts + 1 };
    writeState(folder, state);
    noteStory(folder, { type: "restart", atMs: stretch.storyAt - state.beganAt });
    return { state, before: "resumed" };
  }
  if (earlier === undefined) refuseForeignStore(folder);
  clear(folder);
  // A quick story begins in the past, so that what it leaves in the store is not of the future when it is looked at.
  const storyAt = Math.round(machineNow - lengthMs * (1 - 1 / speed));
  const stretch: Stretch = { storyAt, machineAt: machineNow, speed };
  const state: RunState = { version: 1, work, beganAt: storyAt, stretch, starts: 1, finished: false };
  writeState(folder, state);
  return { state, before: earlier === undefined ? "nothing" : earlier.finished ? "replaced finished" : "replaced other work" };
}

/**
 * When the earlier process was last seen at work. Story time stands still while nobody runs: else the answers that are kept
 * for a day could run out between two stretches of a fast story, and with them the memory of what was done.
 */
function lastActivity(folder: RunFolder, { stretch }: RunState): number {
  const files = [folder.store, `${folder.store}-wal`, ...API_NAMES.map((name) => ledgerFileOf(folder.path, name))];
  return Math.max(stretch.machineAt, ...files.map((file) => statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? 0));
}

/** A store that no run of ours made is somebody's: it is not filled with a demo, let alone replaced. */
function refuseForeignStore(folder: RunFolder): void {
  if ((statSync(folder.store, { throwIfNoEntry: false })?.size ?? 0) === 0) return;
  throw new ConfigError({
    path: "--store",
    message: `${folder.store} is there already and no run of the demo made it (there is no ${pathIn(folder, "state")}); give a file that is not there yet`,
  });
}

/** The state goes last: a kill in between leaves a run that is replaced again. */
function clear(folder: RunFolder): void {
  mkdirSync(folder.path, { recursive: true });
  for (const suffix of ["", "-wal", "-shm"]) rmSync(`${folder.store}${suffix}`, { force: true });
  for (const name of API_NAMES) rmSync(ledgerFileOf(folder.path, name), { force: true });
  for (const name of ["story", "refused", "config", "state"] as const) rmSync(pathIn(folder, name), { force: true });
}

export function noteStory(folder: RunFolder, line: StoryLine): void {
  appendFileSync(pathIn(folder, "story"), `${JSON.stringify(line)}\n`);
}

export function readStory(folder: RunFolder): readonly StoryLine[] {
  return readLines<StoryLine>(pathIn(folder, "story"));
}

/** A line that a kill tore is left out: what these notes say is known elsewhere, or only told. */
function readLines<Line>(file: string): Line[] {
  if (!existsSync(file)) return [];
  return readFileSync(file, "utf8")
    .split("\n")
    .flatMap((line) => {
      try {
        return [JSON.parse(line) as Line];
      } catch {
        return [];
      }
    });
}
