import type { DatabaseSync } from "node:sqlite";
import type { DeadLetterStore } from "../../../../ports/dead-letter-store.ts";
import type { Fenced } from "../../../../ports/idempotency-store.ts";
import type { AcceptResult, ClaimRequest, OperationStore } from "../../../../ports/operation-store.ts";
import type { Sync } from "../../sync.ts";
import { accepting } from "./accept.ts";
import { backlogs, waking } from "./backlog.ts";
import { cancelling } from "./cancel.ts";
import { claiming, toClaimed, type ClaimedRow } from "./claim.ts";
import { HeldPlaces, toOperationRow, type OperationRow } from "./entry.ts";
import { Lanes } from "./lanes.ts";
import { listing } from "./listing.ts";
import { reaping } from "./reap.ts";
import { moves, settling, toSettlementRow, type SettlementRow } from "./settle.ts";
import { sweeping } from "./sweep.ts";
import { Tally } from "./tally.ts";

export type Queue = Sync<Omit<OperationStore, "onWork">>;

/** The queue, and the rows that its busy verbs work on, for callers that make and read the rows elsewhere. */
export interface QueueVerbs extends Queue {
  readonly acceptRows: (rows: readonly OperationRow[]) => AcceptResult[];
  readonly claimRows: (request: ClaimRequest) => ClaimedRow[];
  readonly settleRows: (rows: readonly SettlementRow[]) => Fenced[];
}

/** What must be done around the transactions that the queue's verbs run in. */
export interface QueueTransaction {
  beforeCommit(): void;
  afterRollback(): void;
}

/** The durable queue's verbs. Those that write run on the writer thread, inside a transaction. */
export function operations(
  db: DatabaseSync,
  letters: Sync<DeadLetterStore>,
): { readonly queue: QueueVerbs; readonly transaction: QueueTransaction } {
  const tally = new Tally(db);
  const lanes = new Lanes(db);
  const held = new HeldPlaces();
  const move = moves(db);
  const accept = accepting(db, lanes, tally);
  const claim = claiming(db, lanes, tally, held);
  const settle = settling(db, letters, move, tally, held);
  const cancel = cancelling(db, move, tally);
  const extend = db.prepare("UPDATE leased SET lease_until = ? WHERE seq = (SELECT seq FROM operation WHERE id = ?) AND claims = ?");
  const pause = db.prepare("UPDATE lane SET paused = ? WHERE seq = ?");

  return {
    queue: {
      accept: (operations) => operations.map((operation) => accept(toOperationRow(operation))),
      acceptRows: (rows) => rows.map(accept),
      claim: (request) => claim(request).map(toClaimed),
      claimRows: claim,
      settle: (settlements) => settlements.map((settlement) => settle(toSettlementRow(settlement))),
      settleRows: (rows) => rows.map(settle),
      extend: (leases) =>
        leases.map(({ id, claim, leaseUntil }) => (extend.run(leaseUntil, id, claim).changes === 1 ? "applied" : "stale")),
      reap: reaping(db, move, tally),
      backlog: backlogs(db),
      wake: waking(db, lanes, tally),
      cancel: (ids, because, now) => ids.map((id) => cancel(id, because, now)),
      pause: (lane, paused) => void pause.run(paused ? 1 : 0, lanes.number(lane)),
      ...listing(db),
      sweep: sweeping(db, tally),
    },
    transaction: {
      beforeCommit: () => tally.write(),
      afterRollback: () => {
        tally.forget();
        lanes.forget();
        held.forget();
      },
    },
  };
}
