import type { Store } from "../../ports/store.ts";
import type { StoreCapabilities, StoreConformanceOptions, StoreUnderTest } from "../store-conformance.ts";

/** What a rule gets to work with: a store of its own, and handles on it that are closed afterwards. */
export interface Subject {
  /** The first handle. */
  readonly store: Store;
  /** One more handle on the same store. */
  another(): Promise<Store>;
  /** What a crash at this instant would leave, opened. */
  afterCrash(): Promise<Store>;
}

export type Rule = (subject: Subject) => Promise<void>;

/** Registers rules with the runner that was injected. */
export interface Suite {
  section(name: string, body: () => void): void;
  rule(name: string, rule: Rule): void;
  /** A rule that holds only for backends with a capability; elsewhere it is shown as skipped, with the reason. */
  ruleFor(capability: keyof StoreCapabilities, name: string, rule: Rule): void;
}

export function suite({ create, describe, it, capabilities = {} }: StoreConformanceOptions): Suite {
  const run = async (rule: Rule): Promise<void> => {
    const subject = await create();
    const handles: Store[] = [];
    try {
      const store = await opened(subject.open, handles);
      await rule({
        store,
        another: () => opened(subject.open, handles),
        afterCrash: async () => opened(await crashed(subject), handles),
      });
    } finally {
      for (const handle of handles) await handle.close();
      await subject.dispose?.();
    }
  };
  return {
    section: describe,
    rule: (name, rule) => it(name, () => run(rule)),
    ruleFor: (capability, name, rule) => {
      if (capabilities[capability] === true) it(name, () => run(rule));
      else it.skip?.(`${name} (skipped: the backend does not claim "${capability}")`, async () => {});
    },
  };
}

async function opened(open: StoreUnderTest["open"], handles: Store[]): Promise<Store> {
  const handle = await open();
  handles.push(handle);
  return handle;
}

function crashed(subject: StoreUnderTest): Promise<StoreUnderTest["open"]> {
  if (!subject.afterCrash) throw new Error('a backend that claims "crash" gives create() an afterCrash function');
  return subject.afterCrash();
}
