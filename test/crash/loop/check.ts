import type { Ledger } from "../../../src/testing/flaky-api/ledger.ts";
import type { OperationView } from "../../../src/ports/operation-store.ts";
import type { Store, StoreFactory } from "../../../src/ports/store.ts";
import { ENDPOINTS, type Subject } from "./orders.ts";

/** What a queue came to after everything, held to the ledger of the other side. */
export interface Findings {
  readonly accepted: number;
  readonly succeeded: number;
  /** Dead letters `outcome-unknown` of writes to an API that is blind to keys. */
  readonly inDoubt: number;
  /** Other dead letters: refused for good, or poison. */
  readonly died: number;
  /** Acknowledged, and neither done nor a dead letter; or called done without an effect. */
  readonly lost: readonly string[];
  /** More than one effect. */
  readonly doubled: readonly string[];
  /** Sent again although an earlier request may have happened, to an API that is blind to keys. */
  readonly resent: readonly string[];
  /** In two states at once, told otherwise than it was, or a store that is not whole. */
  readonly wrong: readonly string[];
}

/** Reads the store as the next process would, and holds it to the ledger. */
export async function check(
  open: StoreFactory,
  subjects: readonly Subject[],
  accepted: ReadonlySet<string>,
  ledger: Ledger,
): Promise<Findings> {
  const store = await open();
  try {
    const lost: string[] = [];
    const wrong: string[] = [...(await store.check()).faults];
    const counts = { succeeded: 0, inDoubt: 0, died: 0 };
    for (const { kind, subject } of subjects) {
      const view = await find(store, kind, subject);
      const effects = ledger.effects(ENDPOINTS[kind]).get(subject) ?? 0;
      const letter = view === undefined ? undefined : await store.deadLetters.get(view.operation.id);
      const numbers = view?.attempts.map(({ attempt }) => attempt) ?? [];
      if (numbers.some((number, index) => number !== index + 1)) wrong.push(`${subject}: its attempts are ${numbers.join(", ")}`);
      if (view === undefined) {
        if (accepted.has(subject)) lost.push(`${subject}: was accepted, and nobody knows it`);
        else if (effects > 0) wrong.push(`${subject}: happened, and nobody knows it`);
      } else if (view.state === "succeeded") {
        counts.succeeded += 1;
        if (effects === 0) lost.push(`${subject}: called done, and it never happened`);
        if (letter !== undefined) wrong.push(`${subject}: done, and a dead letter too`);
      } else if (view.state === "dead" && letter !== undefined) {
        if (letter.attempts.length !== numbers.length) wrong.push(`${subject}: its dead letter tells of other attempts`);
        const doubt = letter.reason === "outcome-unknown" && kind === "blind";
        counts[doubt ? "inDoubt" : "died"] += 1;
        const expected = doubt || letter.reason === "poison" || (letter.reason === "permanent" && effects === 0);
        if (!expected) wrong.push(`${subject}: dead as ${letter.reason} with ${effects} effects (${letter.because.detail ?? ""})`);
      } else {
        lost.push(`${subject}: ${view.state}${letter === undefined ? ", and no dead letter" : ""}`);
      }
    }
    const { requests } = ledger;
    return {
      accepted: accepted.size,
      ...counts,
      lost,
      wrong,
      doubled: ledger.doubled().map(({ subject, count }) => `${subject}: ${count} effects`),
      resent: resent(requests(ENDPOINTS.blind)),
    };
  } finally {
    await store.close();
  }
}

async function find(store: Store, api: string, idempotencyKey: string): Promise<OperationView | undefined> {
  return (await store.operations?.list({ api, idempotencyKey }, { limit: 1 }))?.items[0];
}

/** Of a blind API: after a request that may have happened there must be none about the same subject. 429 alone says that it did not. */
function resent(requests: ReturnType<Ledger["requests"]>): string[] {
  const uncertain = new Set<string>();
  const found = new Set<string>();
  for (const { subject = "", status, ending } of requests) {
    if (uncertain.has(subject)) found.add(subject);
    if (ending !== "answered" || status !== 429) uncertain.add(subject);
  }
  return [...found];
}
