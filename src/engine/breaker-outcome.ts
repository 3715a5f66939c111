import type { Verdict } from "../core/verdict.ts";
import type { BreakerOutcome } from "../policy/breaker/breaker.ts";

/** What a verdict tells the breaker about the other side's health. */
export function breakerOutcome(verdict: Verdict): BreakerOutcome {
  switch (verdict.kind) {
    case "success":
      return "success";
    case "transient":
      return "failure";
    case "malformed":
      return verdict.effect === "unknown" ? "failure" : "ignored";
    case "conflict":
    case "throttled":
    case "unauthorized":
    case "permanent":
    case "cancelled":
      return "ignored";
  }
}
