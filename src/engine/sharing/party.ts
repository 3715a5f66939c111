import type { ExchangeAnswer, ExchangeRequest } from "../../ports/coordinator.ts";

/** How long an answer of the coordinator is waited for. */
export const PATIENCE_MS = 1_000;

/** Something that is said to the coordinator for, and told of what it answers. */
export interface Party {
  /** What to ask. `now` is wall-clock ms. */
  request(now: number): ExchangeRequest;
  /** `sentAt`: monotonic ms at which it was asked. */
  answered(answer: ExchangeAnswer, sentAt: number): void;
  /** Nobody answered. */
  unanswered(): void;
}
