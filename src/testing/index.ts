/**
 * `holdfast/testing`: what it takes to test code that calls APIs. For Node only, since the flaky API is a real server.
 * Its parts (the script's reader, the ledger's file) are withheld: the script and the ledger are the contract.
 */
export { chaos } from "./chaos/chaos.ts";
export { flakyApi } from "./flaky-api/flaky-api.ts";
export { manualClock } from "./manual-clock.ts";
export { rateExcess } from "./rate-excess.ts";
export { seededRandom } from "./seeded-random.ts";
export { storeConformance } from "./store-conformance.ts";

export type { Chaos, ChaosFault, ChaosInjection, ChaosOptions } from "./chaos/chaos-options.ts";
export type { FlakyApi } from "./flaky-api/flaky-api.ts";
export type { FlakyApiOptions } from "./flaky-api/flaky-options.ts";
export type { Doubled, Ledger, LedgerRequest } from "./flaky-api/ledger.ts";
export type { LedgerRecord } from "./flaky-api/ledger-entry.ts";
export type { EndpointSummary, LedgerSummary } from "./flaky-api/ledger-summary.ts";
export type {
  AnswerScript,
  AuthScript,
  DelayScript,
  EndpointScript,
  FaultScript,
  FlakyScript,
  HeaderKeyScript,
  KeyScript,
  LimitScript,
  MatchScript,
  NaturalKeyScript,
  NthScript,
  RetryAfterForm,
  RetryAfterScript,
  RuleScript,
  StreamEventScript,
  StreamScript,
  WhenScript,
} from "./flaky-api/script.ts";
export type { ManualClock } from "./manual-clock.ts";
export type { RateBound } from "./rate-excess.ts";
export type { Describe, It, StoreCapabilities, StoreConformanceOptions, StoreUnderTest } from "./store-conformance.ts";
