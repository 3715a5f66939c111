import type { DatabaseSync } from "node:sqlite";
import type { Coordinator } from "../../../ports/coordinator.ts";
import { exchangeLane, type LaneState } from "../lane-exchange.ts";
import type { Sync } from "../sync.ts";

/** Shared lanes, a row each. */
export function coordinator(db: DatabaseSync): Sync<Coordinator> {
  const find = db.prepare("SELECT state FROM lane_state WHERE api = ? AND endpoint = ? AND partition = ?");
  const keep = db.prepare(
    `INSERT INTO lane_state (api, endpoint, partition, state, idle_at) VALUES (?, ?, ?, ?, ?)
     ON CONFLICT (api, endpoint, partition) DO UPDATE SET state = excluded.state, idle_at = excluded.idle_at`,
  );
  const forget = db.prepare(
    "DELETE FROM lane_state WHERE seq IN (SELECT seq FROM lane_state WHERE idle_at IS NOT NULL AND idle_at <= ? ORDER BY idle_at LIMIT ?)",
  );
  return {
    exchange: (requests) =>
      requests.map((request) => {
        const { api, endpoint, partition } = request;
        const row = find.get(api, endpoint, partition) as { state: string } | undefined;
        const { state, answer, idleAt } = exchangeLane(row && (JSON.parse(row.state) as LaneState), request);
        keep.run(api, endpoint, partition, JSON.stringify(state), idleAt);
        return answer;
      }),
    sweep: (now, limit) => Number(forget.run(now, limit).changes),
  };
}
