import type { DeadLetterStore } from "../../../../ports/dead-letter-store.ts";
import type { Fenced } from "../../../../ports/idempotency-store.ts";
import type { Settlement } from "../../../../ports/operation-store.ts";
import type { Sync } from "../../sync.ts";
import { copyAnswer, isHeld, type Entry, type Held, type Standing } from "./entry.ts";
import type { QueueState } from "./state.ts";

type Letters = Pick<Sync<DeadLetterStore>, "add">;

/** Writes down what became of claimed operations, as far as their claims still hold. */
export function settle(queue: QueueState, letters: Letters, settlements: readonly Settlement[]): Fenced[] {
  // Letters first: a store that takes no more of them refuses the batch before anything of it is done.
  const holding = new Set<Settlement>();
  const settled = new Set<string>();
  for (const settlement of settlements) {
    if (settled.has(settlement.id) || !isHeld(queue.byId.get(settlement.id), settlement.claim)) continue;
    settled.add(settlement.id);
    holding.add(settlement);
  }
  letters.add([...holding].flatMap(({ outcome }) => (outcome.state === "dead" ? [outcome.letter] : [])));
  return settlements.map((settlement) => {
    if (!holding.has(settlement)) return "stale";
    apply(queue, queue.byId.get(settlement.id) as Held, settlement);
    return "applied";
  });
}

function apply(queue: QueueState, entry: Held, settlement: Settlement): void {
  const { attempt, outcome } = settlement;
  if (attempt) {
    entry.history.push(structuredClone(attempt));
    entry.attempts = attempt.attempt;
    entry.inDoubt = false;
  }
  if (outcome.state === "parked") entry.previousDelayMs = outcome.delayMs;
  leave(queue, entry, standingAfter(entry, settlement));
}

/** Where a leased operation goes. One that was asked to cancel does not come back. */
function standingAfter({ standing }: Held, { outcome, now }: Settlement): Standing {
  switch (outcome.state) {
    case "succeeded": {
      const { keepUntil, answer } = outcome;
      return { state: "succeeded", since: now, keepUntil, ...(answer && { answer: copyAnswer(answer) }) };
    }
    case "dead":
      return { state: "dead", since: now, because: structuredClone(outcome.letter.because) };
    case "cancelled":
      return { state: "cancelled", since: now, because: structuredClone(outcome.because) };
    case "parked":
      if (standing.cancel) return { state: "cancelled", since: now, because: standing.cancel };
      return { state: "parked", since: now, until: outcome.until, because: structuredClone(outcome.because) };
    case "ready":
      if (standing.cancel) return { state: "cancelled", since: now, because: standing.cancel };
      return { state: "ready", dueAt: standing.dueAt };
  }
}

/** Moves an operation out of its lease. */
export function leave(queue: QueueState, entry: Entry, standing: Standing): void {
  entry.standing = standing;
  entry.lane.leased -= 1;
  if (standing.state === "ready") entry.lane.addReady(entry);
  else if (standing.state === "parked") entry.lane.addParked(entry);
  else queue.unfinished -= 1;
}
