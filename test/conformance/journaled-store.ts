import { memory } from "../../src/adapters/store/memory/index.ts";
import type { OperationStore } from "../../src/ports/operation-store.ts";
import type { Store } from "../../src/ports/store.ts";
import type { StoreUnderTest } from "../../src/testing/store-conformance.ts";

type Entry = (store: Store) => Promise<unknown>;

/**
 * A store with a pretended disk: a journal of its writes, which `afterCrash` plays into a fresh memory store. With
 * `acknowledge: "after-commit"` a write is in the journal before its caller hears of it; with `"before-commit"` it follows
 * when the store is closed, which is the mistake that the suite must find.
 */
export function journaledStore(acknowledge: "after-commit" | "before-commit"): StoreUnderTest {
  const journal: Entry[] = [];
  const open = memory();
  return {
    open: async () => {
      const inner = await open();
      const pending: Entry[] = [];
      const writing =
        <Port extends object>(pick: (store: Store) => Port) =>
        <Verb extends keyof Port>(verb: Verb): Port[Verb] =>
          ((...args: never[]) => {
            const entry: Entry = (store) => (pick(store)[verb] as (...args: never[]) => Promise<unknown>)(...args);
            (acknowledge === "after-commit" ? journal : pending).push(entry);
            return entry(inner);
          }) as Port[Verb];
      const keys = writing((store) => store.idempotency);
      const letters = writing((store) => store.deadLetters);
      const queue = writing((store) => store.operations as OperationStore);
      return {
        ...inner,
        idempotency: {
          begin: keys("begin"),
          finish: keys("finish"),
          release: keys("release"),
          extend: keys("extend"),
          resolve: keys("resolve"),
          sweep: keys("sweep"),
        },
        deadLetters: {
          ...inner.deadLetters,
          add: letters("add"),
          change: letters("change"),
          setGroupState: letters("setGroupState"),
          sweep: letters("sweep"),
        },
        operations: {
          ...(inner.operations as OperationStore),
          accept: queue("accept"),
          claim: queue("claim"),
          settle: queue("settle"),
          extend: queue("extend"),
          reap: queue("reap"),
          wake: queue("wake"),
          cancel: queue("cancel"),
          pause: queue("pause"),
          sweep: queue("sweep"),
        },
        close: async () => {
          journal.push(...pending.splice(0));
          await inner.close();
        },
      };
    },
    afterCrash: async () => {
      const recovered = memory();
      const store = await recovered();
      for (const entry of journal) await entry(store);
      await store.close();
      return recovered;
    },
  };
}
