import type { Clock } from "../../ports/clock.ts";

/** What became of one item: nothing more to do, or to be taken up again. */
export type Turn = "ended" | { readonly afterMs: number };

export interface WorkThroughOptions<Item> {
  /** Items under way at once. */
  readonly open: number;
  readonly clock: Clock;
  readonly work: (item: Item) => Promise<Turn>;
}

/**
 * Works through items, so many at a time, until each has ended. One that is to be taken up again leaves its place to
 * others meanwhile. Rejects with the first error, and then starts nothing more.
 */
export function workThrough<Item>(items: readonly Item[], { open, clock, work }: WorkThroughOptions<Item>): Promise<void> {
  const waiting = items.values();
  const returned: Item[] = [];
  let underWay = 0;
  let away = 0;
  let failed = false;
  return new Promise((resolve, reject) => {
    const start = (): void => {
      if (failed) return;
      while (underWay < open) {
        const item = returned.shift() ?? waiting.next().value;
        if (item === undefined) break;
        underWay += 1;
        work(item).then((turn) => settled(item, turn), fail);
      }
      if (underWay === 0 && away === 0) resolve();
    };
    const settled = (item: Item, turn: Turn): void => {
      underWay -= 1;
      if (turn !== "ended") {
        away += 1;
        clock.setTimer(() => {
          away -= 1;
          returned.push(item);
          start();
        }, turn.afterMs);
      }
      start();
    };
    const fail = (error: unknown): void => {
      failed = true;
      reject(error);
    };
    start();
  });
}
