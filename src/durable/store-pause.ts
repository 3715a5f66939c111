const FIRST_MS = 100;
const LONGEST_MS = 5_000;

/** How long a store that has failed so often in a row is left alone, so that its outage is no busy loop of ours. */
export function storePauseMs(failures: number): number {
  return Math.min(LONGEST_MS, FIRST_MS * 2 ** Math.min(failures, 10));
}
