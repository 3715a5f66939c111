import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { systemClock } from "../../adapters/clock/system.ts";
import { StoreError } from "../../core/errors.ts";
import { sleep } from "../../ports/clock.ts";
import { tryLock } from "./lock.ts";

/** That this process is the only run in its folder. */
export interface OnlyRun {
  /** Resolves when a newer start asks for the folder. */
  readonly superseded: Promise<void>;
  release(): void;
}

const LOOK_MS = 100;
const PATIENCE_MS = 15_000;

/**
 * Makes this process the only run in the folder; undefined when a newer start was quicker. The newest start wins: where only
 * the `npm` of an earlier one was killed, its run is still at work, and has to stop for this one to go on where it stands.
 * It is asked through a file that names the newest start, not by a signal: a process id from a file may be anybody's by now.
 */
export async function becomeOnlyRun(folder: string, onWaiting: () => void): Promise<OnlyRun | undefined> {
  mkdirSync(folder, { recursive: true });
  const lockFile = join(folder, "run.lock");
  const newest = join(folder, "run.newest");
  // Orders starts by time, and two of one millisecond somehow.
  const own = `${String(systemClock.now()).padStart(15, "0")} ${process.pid}`;
  const isSuperseded = (): boolean => read(newest) > own;

  let told = false;
  const giveUpAt = systemClock.monotonic() + PATIENCE_MS;
  let unlock = tryLock(lockFile);
  while (unlock === undefined) {
    if (isSuperseded()) return undefined;
    if (systemClock.monotonic() > giveUpAt) {
      throw new StoreError(`another run holds ${folder} and does not let go of it; is it stopped (SIGSTOP)? End it and start again`);
    }
    if (!told) onWaiting();
    told = true;
    writeFileSync(newest, own);
    await sleep(systemClock, LOOK_MS);
    unlock = tryLock(lockFile);
  }

  let timer: unknown;
  const superseded = new Promise<void>((resolve) => {
    const look = (): void => {
      if (isSuperseded()) resolve();
      timer = systemClock.setTimer(look, LOOK_MS);
      systemClock.hold?.(timer, false);
    };
    look();
  });
  return {
    superseded,
    release() {
      systemClock.clearTimer(timer);
      unlock();
    },
  };
}

function read(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return "";
  }
}
