const NEVER = new Int32Array(new SharedArrayBuffer(4));

/** Stops this thread for `ms` and answers `ms`. Only for the store's own threads: it would stop everything on the main one. */
export function pause(ms: number): number {
  Atomics.wait(NEVER, 0, 0, ms);
  return ms;
}
