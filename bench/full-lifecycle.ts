import { createHoldfast, type Holdfast } from "../src/index.ts";
import type { Caller } from "./peers.ts";

/**
 * `hf.call` with everything that it can have but an idempotency key: a deadline, a rate limit, a breaker, a retry budget, a
 * timeout for each attempt, classification, and, where asked for, somebody who listens to every attempt. Nothing of it is ever
 * the reason to wait or to refuse: limit and budget are out of reach, and the breaker opens only when every call fails.
 */
export async function fullLifecycle(
  options: { readonly listener?: boolean; readonly waits?: "none"; readonly metrics?: boolean } = {},
): Promise<Caller> {
  const hf: Holdfast<"crm"> = await createHoldfast({
    metrics: options.metrics ?? false,
    apis: {
      crm: {
        retry: { maxAttempts: 4, ...(options.waits === "none" ? { backoff: { base: 0, jitter: "none" } } : {}) },
        timeout: { attempt: "30s", total: "2m" },
        rateLimit: [{ limit: 1e9, burst: 1e9 }],
        breaker: { failureRate: 1 },
        retryBudget: { ratio: 10, minPerSecond: 1e6 },
      },
    },
  });
  let heard = 0;
  if (options.listener === true) hf.on("attempt:settled", () => (heard += 1));
  return {
    call: (work) => hf.call("crm", { operation: "import", effects: "read" }, work),
    close: () => void hf.close(),
  };
}
