import { configLine, confidenceOf, plural, sum, type Advice } from "../advice.ts";
import type { EndpointHistory } from "../history.ts";
import type { LetterGroup } from "../letters.ts";

const LEAST_UNKNOWN = 3;
const LEAST_SDK_RETRIES = 5;
const SAFE = /^(?:GET|HEAD|OPTIONS|PUT|DELETE|TRACE)\b/;

/** Writes of which nobody knows whether they happened, at an API that was given no key to tell by. */
export function keysMissing(
  { api, endpoint, failures, settings, tried }: EndpointHistory,
  groups: readonly LetterGroup[],
): readonly Advice[] {
  if (SAFE.test(endpoint) || settings?.keyed === true || settings?.certain === true) return [];
  const unknown = sum(failures.map((failure) => failure.unknown));
  const letters = sum(groups.filter(({ reason }) => reason === "outcome-unknown").map(({ open }) => open));
  // Without settings only the letters say that it could not be told.
  if ((settings === undefined ? letters : Math.max(unknown, letters)) < LEAST_UNKNOWN) return [];
  return [
    {
      id: `idempotency ${api} ${endpoint}`,
      kind: "idempotency",
      ...{ api, endpoint },
      confidence: confidenceOf(Math.max(unknown, letters), 10, 30),
      title: "writes get lost in doubt: send an idempotency key, or say how to ask",
      evidence: [
        `Of ${plural(sum(tried), "attempt")} ${unknown} ended without anybody knowing whether they had an effect; such a write is not sent again blindly.`,
        ...(letters === 0
          ? []
          : [`${plural(letters, "dead letter")} outcome-unknown ${letters === 1 ? "waits" : "wait"} for somebody to look.`]),
      ],
      numbers: { unknown, letters, attempts: sum(tried) },
      config: configLine(api, "idempotency", { header: "Idempotency-Key" }),
      caution: `Only where the other side's documentation says that it dedupes by such a key. Where it does not, give endpoints["${endpoint}"].reconcile, which looks up whether it happened; or repeatable: true, where twice does no harm.`,
    },
  ];
}

/** An SDK's own retries around ours. */
export function nestedRetries({ api, endpoint, sdkRetries }: EndpointHistory): readonly Advice[] {
  if (sdkRetries < LEAST_SDK_RETRIES) return [];
  return [
    {
      id: `nested-retries ${api} ${endpoint}`,
      kind: "nested-retries",
      ...{ api, endpoint },
      confidence: confidenceOf(sdkRetries, 10, 30),
      title: "an SDK retries around our retries: turn its own off",
      evidence: [
        `${plural(sdkRetries, "request")} ${sdkRetries === 1 ? "was" : "were"} an SDK's retry of a call that had been retried here already.`,
        "They draw on the same attempts, so nothing is multiplied on the wire; but the SDK waits its own backoff for answers that are known.",
      ],
      numbers: { sdkRetries },
      command: `new Client({ fetch: hf.fetch(${JSON.stringify(api)}), maxRetries: 0 })`,
    },
  ];
}
