import type { Coordinator, ExchangeRequest } from "../../../ports/coordinator.ts";
import { exchangeLane, type Exchanged } from "../lane-exchange.ts";
import type { Sync } from "../sync.ts";

/** Shared lanes in a Map. */
export function coordinator(): Sync<Coordinator> {
  const lanes = new Map<string, Exchanged>();
  return {
    exchange: (requests) =>
      requests.map((request) => {
        const name = nameOf(request);
        const exchanged = exchangeLane(lanes.get(name)?.state, request);
        lanes.set(name, exchanged);
        return exchanged.answer;
      }),
    sweep: (now, limit) => {
      const idle = [...lanes]
        .filter(([, { idleAt }]) => idleAt !== null && idleAt <= now)
        .sort(([, a], [, b]) => Number(a.idleAt) - Number(b.idleAt))
        .slice(0, limit);
      for (const [name] of idle) lanes.delete(name);
      return idle.length;
    },
  };
}

function nameOf({ api, endpoint, partition }: ExchangeRequest): string {
  return JSON.stringify([api, endpoint, partition]);
}
