import type { Clock } from "../ports/clock.ts";
import type { ClaimedOperation, OperationStore, OperationView, Settlement } from "../ports/operation-store.ts";
import type { Page } from "../ports/page.ts";

/** What to write for an operation that is held and was not sent. */
export function handedBack({ operation, claim }: Pick<ClaimedOperation, "operation" | "claim">, now: number): Settlement {
  return { id: operation.id, claim, now, outcome: { state: "ready" } };
}

/** Operations that are tried one by one follow each other at least so far apart. */
const ONE_BY_ONE_MS = 250;

/** What to write for an operation that has to be tried alone, and has so many others before it. */
export function putOff({ operation, claim, vanished, previousDelayMs }: ClaimedOperation, place: number, now: number): Settlement {
  const detail = `${vanished} workers vanished while they had it; it waits until it can be tried alone`;
  const because = { code: "backoff", detail } as const;
  const until = now + place * ONE_BY_ONE_MS;
  return { id: operation.id, claim, now, outcome: { state: "parked", until, delayMs: previousDelayMs, because } };
}

/** Hands back what is leased to `worker` and is not among `ours`. */
export async function handBackUnknown(store: OperationStore, worker: string, ours: ReadonlySet<string>, clock: Clock): Promise<void> {
  for (let after: string | null | undefined; after !== null;) {
    const page: Page<OperationView> = await store.list({ state: "leased" }, { limit: 500, ...(after === undefined ? {} : { after }) });
    const unknown = page.items.filter((view) => view.worker === worker && !ours.has(view.operation.id));
    const now = clock.now();
    if (unknown.length > 0) await store.settle(unknown.map((view) => handedBack(view, now)));
    after = page.next;
  }
}
