import { describe, expect, it } from "vitest";
import { memory } from "../../src/adapters/store/memory/index.ts";
import type { DeadLetterStore } from "../../src/ports/dead-letter-store.ts";
import type { IdempotencyStore } from "../../src/ports/idempotency-store.ts";
import type { ClaimedOperation, OperationStore } from "../../src/ports/operation-store.ts";
import type { Store } from "../../src/ports/store.ts";
import type { StoreUnderTest } from "../../src/testing/store-conformance.ts";
import { failures } from "./failures.ts";
import { journaledStore } from "./journaled-store.ts";

const MEMORY = { shared: true, persistent: true, coordinator: true, watermarks: true, steps: true, inbox: true, documents: true };

/** A memory store with one mistake. */
function mistaken(spoil: (store: Store) => Store): () => StoreUnderTest {
  return () => {
    const open = memory();
    return { open: async () => spoil(await open()) };
  };
}

function withKeys(spoil: (keys: IdempotencyStore) => Partial<IdempotencyStore>): () => StoreUnderTest {
  return mistaken((store) => ({ ...store, idempotency: { ...store.idempotency, ...spoil(store.idempotency) } }));
}

function withLetters(spoil: (letters: DeadLetterStore) => Partial<DeadLetterStore>): () => StoreUnderTest {
  return mistaken((store) => ({ ...store, deadLetters: { ...store.deadLetters, ...spoil(store.deadLetters) } }));
}

function withQueue(spoil: (queue: OperationStore, store: Store) => Partial<OperationStore>): () => StoreUnderTest {
  return mistaken((store) => {
    const queue = store.operations as OperationStore;
    return { ...store, operations: { ...queue, ...spoil(queue, store) } };
  });
}

const MISTAKES: Readonly<Record<string, { readonly create: () => StoreUnderTest; readonly found: string }>> = {
  "finish without looking at the token": {
    found: "a holder that was overtaken changes nothing",
    create: withKeys((keys) => {
      const holders = new Map<string, string>();
      return {
        begin: async (requests) => {
          const results = await keys.begin(requests);
          for (const [index, { key, token }] of requests.entries()) if (results[index]?.state === "claimed") holders.set(key, token);
          return results;
        },
        finish: (requests) => keys.finish(requests.map((request) => ({ ...request, token: holders.get(request.key) ?? request.token }))),
      };
    }),
  },
  "a lease that ends a millisecond late": {
    found: "a lease holds until its last millisecond and has run out at its end",
    create: withKeys((keys) => ({ begin: (requests) => keys.begin(requests.map((request) => ({ ...request, now: request.now - 1 }))) })),
  },
  "a doubt that is forgotten": {
    found: "an unknown outcome stays in doubt, however long ago",
    create: withKeys((keys) => ({
      begin: async (requests) =>
        (await keys.begin(requests)).map((result) => (result.state === "claimed" ? { state: "claimed", earlier: "none" } : result)),
    })),
  },
  "answers in the wrong order": {
    found: "a batch is done in its order and answers in its order",
    create: withKeys((keys) => ({ begin: async (requests) => (await keys.begin(requests)).toReversed() })),
  },
  "a check and an act that are two steps": {
    found: "fifty tries at once: one has the key, the others see it running",
    create: withKeys((keys) => {
      const taken = new Set<string>();
      return {
        begin: async (requests) => {
          const free = requests.filter(({ key }) => !taken.has(key));
          await Promise.resolve();
          for (const { key } of free) taken.add(key);
          return free.length === requests.length ? requests.map(() => ({ state: "claimed", earlier: "none" })) : keys.begin(requests);
        },
      };
    }),
  },
  "bodies that are kept as text": {
    found: "a body of 1 MiB with every byte value comes back unchanged",
    create: withKeys((keys) => ({
      finish: (requests) =>
        keys.finish(
          requests.map((request) =>
            request.state === "done"
              ? { ...request, answer: { ...request.answer, body: new TextEncoder().encode(new TextDecoder().decode(request.answer.body)) } }
              : request,
          ),
        ),
    })),
  },
  "changes without compare-and-set": {
    found: "a writer that saw an old revision changes nothing",
    create: withLetters((letters) => ({
      change: async (changes) =>
        letters.change(
          await Promise.all(changes.map(async (change) => ({ ...change, revision: (await letters.get(change.id))?.revision ?? 0 }))),
        ),
    })),
  },
  "a listing that counts its way": {
    found: "letters that are added while somebody turns pages shift nothing",
    create: withLetters((letters) => ({
      list: async (filter, { limit, after }) => {
        const start = Number(after?.slice(1) ?? 0);
        const { items } = await letters.list(filter, { limit: 1_000 });
        return { items: items.slice(start, start + limit), next: items.length > start + limit ? `+${start + limit}` : null };
      },
    })),
  },
  "a resolved group that stays resolved": {
    found: "a new letter re-opens a resolved group as regressed, until somebody sets its state again",
    create: withLetters((letters) => ({
      setGroupState: (fingerprint, state, now) => letters.setGroupState(fingerprint, state === "resolved" ? "ignored" : state, now),
    })),
  },
  "a retention that takes open letters": {
    found: "sweeping deletes what was settled by then, oldest change first, and nothing that is open",
    create: withLetters((letters) => ({
      sweep: async (before, limit) => {
        const { items } = await letters.list({ state: "open" }, { limit });
        await letters.change(items.map(({ id, revision }) => ({ id, revision, state: "discarded" as const, now: before })));
        return letters.sweep(before, limit);
      },
    })),
  },
  "a settlement without looking at the claim": {
    found: "a worker whose claim no longer holds changes nothing, and writes no dead letter",
    create: withQueue((queue) => ({
      settle: async (settlements) =>
        queue.settle(await Promise.all(settlements.map(async (one) => ({ ...one, claim: (await queue.get(one.id))?.claim ?? one.claim })))),
    })),
  },
  "a claim that takes more than it is allowed": {
    found: "of each lane no more than it is allowed; of others nothing",
    create: withQueue((queue) => ({
      claim: (request) => queue.claim({ ...request, allowances: request.allowances.map((lane) => ({ ...lane, max: lane.max + 1 })) }),
    })),
  },
  "work that is given to two": {
    found: "a claim leases: nobody else is given the operation, and it says who holds it until when",
    create: withQueue((queue) => {
      let last: readonly ClaimedOperation[] = [];
      return {
        claim: async (request) => {
          const claimed = await queue.claim(request);
          if (claimed.length > 0) last = claimed;
          return claimed.length > 0 ? claimed : last;
        },
      };
    }),
  },
  "a death whose letter is lost": {
    found: "a death writes its dead letter with it",
    create: withQueue((queue) => ({
      settle: (settlements) =>
        queue.settle(
          settlements.map((one) =>
            one.outcome.state === "dead" ? { ...one, outcome: { state: "cancelled", because: one.outcome.letter.because } } : one,
          ),
        ),
    })),
  },
  "flows in the order of their arrival": {
    found: "a flood of one flow does not hold up another",
    create: withQueue((queue) => ({ accept: (operations) => queue.accept(operations.map((one) => ({ ...one, flow: "" }))) })),
  },
  "a breaker that wakes everything": {
    found: "waking ends the rest of what waits for the breaker, and of nothing else",
    create: withQueue((queue) => ({
      settle: (settlements) =>
        queue.settle(
          settlements.map((one) =>
            one.outcome.state === "parked" ? { ...one, outcome: { ...one.outcome, because: { code: "breaker-open" } } } : one,
          ),
        ),
    })),
  },
  "a lease that is taken back without a doubt": {
    found: "a lease that ran out is taken back, in doubt and in its old place; one that has not is left alone",
    create: withQueue((queue) => ({
      claim: async (request) => (await queue.claim(request)).map((claimed) => ({ ...claimed, inDoubt: false })),
    })),
  },
};

describe("the conformance suite finds", () => {
  it.each(Object.entries(MISTAKES))("%s", async (_mistake, { create, found }) => {
    expect(await failures(create, MEMORY, found)).toEqual([found]);
  });

  it("an acknowledgement before the commit", async () => {
    const broken = await failures(() => journaledStore("before-commit"), { ...MEMORY, crash: true });
    expect(broken.toSorted()).toEqual(
      [
        "a key that was claimed is known",
        "an answer that was kept is kept",
        "a dead letter that was added is there, whole, and so is its change",
        "what was accepted, claimed and settled is so after a crash",
        "a death and its dead letter are there together after a crash",
      ].toSorted(),
    );
  });

  it("no fault in stores that have none", async () => {
    expect(await failures(() => ({ open: memory() }), MEMORY)).toEqual([]);
    expect(await failures(() => journaledStore("after-commit"), { ...MEMORY, crash: true })).toEqual([]);
  });
});
