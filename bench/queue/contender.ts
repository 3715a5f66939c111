/** A queue that is measured: one of its processes, which enqueues, works, or does both. */
export interface Contender {
  /** Puts one job into the queue; resolves when it is there as durably as this queue makes it. */
  enqueue(): Promise<unknown>;
  /** Puts many in, as its documentation says to. */
  bulk(count: number): Promise<unknown>;
  /** Does what a job does, now, for a caller who waits. */
  call?(): Promise<unknown>;
  /** Begins to work, and tells of jobs that are done. */
  work(done: (count: number) => void): Promise<unknown>;
  close(): Promise<unknown>;
}

/** What a job carries: about 200 bytes. */
export const PAYLOAD: Readonly<Record<string, string>> = { email: "ada@example.com", note: "x".repeat(150) };

/** Callers that each wait for theirs. */
export const CALLERS = 50;

/** Jobs under way at once in one worker, for all. */
export const CONCURRENCY = 200;

/** Connections of one process to PostgreSQL, for all. */
export const CONNECTIONS = 10;

/** `[500, 500, 200]` for 1,200. */
export function portions(count: number, most: number): readonly number[] {
  return Array.from({ length: Math.ceil(count / most) }, (_, index) => Math.min(most, count - index * most));
}
