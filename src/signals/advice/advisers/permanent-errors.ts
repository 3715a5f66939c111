import type { Rule } from "../../../policy/classify/rule.ts";
import { atMost, configLine, confidenceOf, grouped, percent, plural, sum, type Advice } from "../advice.ts";
import type { EndpointHistory, FailureClass } from "../history.ts";

/** Operations that were tried again, of which not one succeeded. */
const LEAST_RETRIED = 10;
/** Where the other side gives no code, a status alone must be all the clearer. */
const LEAST_WITHOUT_CODE = 30;
/** Answers of an other side that is down or busy: that none of them ends well says how long it was, and nothing of the request. */
const PASSING = new Set([408, 425, 429, 502, 503, 504, 520, 521, 522, 523, 524, 529]);
/** Verdicts that are tried again. */
const RETRIED = new Set(["transient", "conflict", "malformed"]);

/** Errors that never end in success: each wants a rule. */
export function permanentErrors(history: EndpointHistory): readonly Advice[] {
  return futileFailures(history).map((failure) => adviceOn(failure, history));
}

/** Failures that no retry has ever mended. */
export function futileFailures(history: EndpointHistory): readonly FailureClass[] {
  return history.failures.filter((failure) => isFutile(failure, history));
}

function isFutile({ kind, status, code, retried, recovered, attempts }: FailureClass, { tried, succeeded }: EndpointHistory): boolean {
  if (!RETRIED.has(kind) || status === undefined || PASSING.has(status) || recovered > 0) return false;
  if (retried < (code === undefined ? LEAST_WITHOUT_CODE : LEAST_RETRIED)) return false;
  // Where the endpoint fails at everything else too, it is the endpoint that is broken, and not the request.
  return sum(succeeded) >= (sum(tried) - attempts) / 2 && sum(succeeded) >= retried;
}

function adviceOn({ status, code, sample, retried, retries, attempts }: FailureClass, { api, endpoint }: EndpointHistory): Advice {
  const name = code === undefined ? `${status}` : `${status} ${code}`;
  const when: Rule["when"] = { status: status as number, ...(code === undefined ? {} : { body: code }), endpoint };
  const because = `${code ?? `this ${status}`} never ends in success`;
  return {
    id: `permanent-error ${api} ${endpoint} ${name}`,
    kind: "permanent-error",
    ...{ api, endpoint },
    confidence: confidenceOf(retried, 20, 50),
    title: `${name} never succeeds on a retry: make it permanent`,
    evidence: [
      `${plural(retried, "operation")} met it and ${retried === 1 ? "was" : "were"} tried again ${plural(retries, "time")}; none succeeded (with 95 % certainty, at most ${percent(atMost(retried))} ever would).`,
      `Other calls of the endpoint went through meanwhile. It answered: ${sample}`,
      `A rule spares those ${grouped(retries)} attempts, and whoever waits learns of the failure at once.`,
    ],
    numbers: { operations: retried, retries, attempts, recovered: 0 },
    config: configLine(api, "classify", [{ when, then: "permanent", because }]),
  };
}
