import { StoreError } from "../../../core/errors.ts";
import type { DatabaseTime } from "./database-time.ts";

/** Stands before every verb of a store. */
export interface Guard {
  /** The verbs of a port, refused once the store is closed, and done when the clock's difference is known. */
  readonly over: <Port extends object>(port: Port) => Port;
  /** Has `close()` wait for something that nobody else waits for. */
  readonly track: (background: Promise<unknown>) => void;
  /** Refuses what comes from now on, and waits for what is under way. */
  readonly close: () => Promise<void>;
}

export function guard(time: DatabaseTime): Guard {
  const underWay = new Set<Promise<unknown>>();
  let closed = false;
  const track = (promise: Promise<unknown>): void => {
    underWay.add(promise);
    void Promise.allSettled([promise]).then(() => underWay.delete(promise));
  };
  return {
    track,
    over: <Port extends object>(port: Port): Port => {
      const guarded: Record<string, unknown> = {};
      for (const [name, verb] of Object.entries<(...args: unknown[]) => Promise<unknown>>(port as never)) {
        guarded[name] = async (...args: unknown[]): Promise<unknown> => {
          if (closed) throw new StoreError("the PostgreSQL store is closed; open it again with the function that postgres() gave");
          const settled = time.settled();
          const result = settled === undefined ? verb(...args) : settled.then(() => verb(...args));
          track(result);
          return result;
        };
      }
      return guarded as Port;
    },
    close: async () => {
      closed = true;
      while (underWay.size > 0) await Promise.allSettled(underWay);
    },
  };
}
