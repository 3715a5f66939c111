import type { StoreFactory } from "../ports/store.ts";
import { coordinatorRules } from "./store-conformance/coordinator-rules.ts";
import { crashRules } from "./store-conformance/crash-rules.ts";
import { deadLetterRules } from "./store-conformance/dead-letter-rules.ts";
import { documentRules } from "./store-conformance/document-rules.ts";
import { idempotencyRules } from "./store-conformance/idempotency-rules.ts";
import { inboxRules } from "./store-conformance/inbox-rules.ts";
import { operationRules } from "./store-conformance/operation-rules.ts";
import { lifecycleRules } from "./store-conformance/lifecycle-rules.ts";
import { stepRules } from "./store-conformance/step-rules.ts";
import { suite } from "./store-conformance/suite.ts";
import { watermarkRules } from "./store-conformance/watermark-rules.ts";

/** One fresh, empty store for one test. */
export interface StoreUnderTest {
  /** Opens a handle on it. Called again for a second handle, or after a close, where the backend can do that. */
  readonly open: StoreFactory;
  /** What a crash at this instant would leave, to be opened beside the running store. For the capability `crash`. */
  readonly afterCrash?: () => Promise<StoreFactory>;
  /** Takes it away. Every handle has been closed before. */
  readonly dispose?: () => Promise<void>;
}

/** What a backend claims to do; rules about anything else are skipped and say so. All default to false. */
export interface StoreCapabilities {
  /** Two handles may be open on one store at a time, in this process or in two. */
  readonly shared?: boolean;
  /** What was kept is there after closing and opening again. */
  readonly persistent?: boolean;
  /** What was acknowledged is there after a crash; `afterCrash` shows it. */
  readonly crash?: boolean;
  /** The parts that not every backend has. */
  readonly coordinator?: boolean;
  readonly watermarks?: boolean;
  readonly steps?: boolean;
  readonly inbox?: boolean;
  readonly documents?: boolean;
}

/** A test runner's `describe`. */
export type Describe = (name: string, body: () => void) => void;

/** A test runner's `it`; vitest, jest, mocha and node:test all fit. */
export interface It {
  (name: string, body: () => Promise<void>): void;
  readonly skip?: (name: string, body: () => Promise<void>) => void;
}

export interface StoreConformanceOptions {
  /** The backend's name, for the report. */
  readonly name: string;
  readonly create: () => StoreUnderTest | Promise<StoreUnderTest>;
  readonly describe: Describe;
  readonly it: It;
  readonly capabilities?: StoreCapabilities;
}

/**
 * Every rule of the store contract as a test, for any backend and any test runner. Instants are given with each verb, so no
 * test waits. A backend that passes can be handed to `createHoldfast`.
 *
 * @example
 * ```ts no-run
 * import { describe, it } from "node:test";
 * import { memory } from "holdfast";
 * import { storeConformance } from "holdfast/testing";
 *
 * storeConformance({
 *   name: "memory",
 *   create: () => ({ open: memory() }),
 *   capabilities: { shared: true, persistent: true, coordinator: true, watermarks: true, steps: true, inbox: true, documents: true },
 *   describe,
 *   it,
 * });
 * ```
 */
export function storeConformance(options: StoreConformanceOptions): void {
  const rules = suite(options);
  options.describe(`store conformance: ${options.name}`, () => {
    idempotencyRules(rules);
    deadLetterRules(rules);
    operationRules(rules);
    coordinatorRules(rules);
    watermarkRules(rules);
    stepRules(rules);
    inboxRules(rules);
    documentRules(rules);
    lifecycleRules(rules);
    crashRules(rules);
  });
}
