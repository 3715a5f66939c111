import { flakyApi, type FlakyApi } from "../../../src/testing/flaky-api/flaky-api.ts";
import type { RuleScript } from "../../../src/testing/flaky-api/script.ts";

/** Whatever can happen to a request, to some of them. */
const BAD_DAY: readonly RuleScript[] = [
  { name: "look-ups are slow at times", when: { method: "GET", probability: 0.1 }, then: { delay: "100ms" } },
  { name: "look-ups fail at times", when: { method: "GET", probability: 0.1 }, then: { status: 503 } },
  { name: "no such record", when: { where: { "body.subject": "bad-*" } }, then: { status: 422, json: { message: "no such record" } } },
  { name: "too many", when: { method: "POST", probability: 0.06 }, then: { status: 429, retryAfter: { in: "50ms", as: "milliseconds" } } },
  { name: "answer lost", when: { method: "POST", probability: 0.03 }, then: { reset: "after", delay: ["0ms", "50ms"] } },
  { name: "connection lost", when: { method: "POST", probability: 0.03 }, then: { reset: "before" } },
  { name: "no answer", when: { method: "POST", probability: 0.01 }, then: { hang: true, effect: true } },
  { name: "unavailable", when: { method: "POST", probability: 0.03 }, then: { status: 503 } },
];

/** An API on a bad day: one endpoint that honours keys, one that is blind, one that is blind and can be asked. */
export async function otherSide(seed: number, ledgerFile: string, extra: readonly RuleScript[] = []): Promise<FlakyApi> {
  return await flakyApi(
    {
      seed,
      endpoints: {
        "POST /enrolments": { subject: "body.subject", key: { header: "Idempotency-Key" }, delay: ["1ms", "30ms"] },
        "POST /contacts": { subject: "body.subject", delay: ["1ms", "30ms"] },
        "POST /orders": { subject: "body.subject", delay: ["1ms", "30ms"] },
        "GET /orders": { lookup: "orders", by: "subject" },
      },
      rules: [...extra, ...BAD_DAY],
    },
    { ledgerFile },
  );
}
