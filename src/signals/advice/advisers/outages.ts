import { formatMs } from "../../../core/duration.ts";
import { configDuration, configLine, confidenceOf, median, plural, sum, type Advice } from "../advice.ts";
import type { EndpointHistory } from "../history.ts";

/** A breaker that waits less than so much of an outage probes while it lasts. */
const SOON = 0.5;
/** Outages that were all over at the first probe, so that it might have come sooner. */
const LEAST_SHORT = 5;
const LONG_OPEN_MS = 10_000;
/** Operations that gave up for an other side that was away. */
const LEAST_LOST = 5;
/** Retries are to last longer than most outages. */
const SPAN = 1.5;

/** Breaker times by how long outages last. */
export function breakerTimes(history: EndpointHistory): readonly Advice[] {
  const { api, endpoint, outages, settings } = history;
  if (outages.length === 0) return [];
  const lasted = outages.map(({ openedAt, closedAt }) => closedAt - openedAt);
  const recoveryMs = median(lasted);
  const probes = median(outages.map(({ failedProbes }) => failedProbes));
  const common = {
    id: `breaker ${api} ${endpoint}`,
    kind: "breaker",
    ...{ api, endpoint },
    confidence: confidenceOf(outages.length, 3, 8),
    numbers: {
      outages: outages.length,
      recoveryMs,
      longestMs: Math.max(...lasted),
      failedProbes: sum(outages.map(({ failedProbes }) => failedProbes)),
    },
  } as const;
  const seen = `Its breaker opened ${plural(outages.length, "time")}; from the opening to the first success it took ${formatMs(recoveryMs)}${outages.length === 1 ? "" : ` (median; ${formatMs(Math.min(...lasted))} to ${formatMs(Math.max(...lasted))})`}.`;
  const openMs = settings?.breaker?.openMs;
  if (probes >= (openMs === undefined ? 2 : 1) && (openMs === undefined || openMs <= recoveryMs * SOON)) {
    const openFor = configDuration(recoveryMs);
    const raised =
      settings?.breaker !== undefined && settings.breaker.maxOpenMs < recoveryMs ? { maxOpenFor: configDuration(recoveryMs * 4) } : {};
    return [
      {
        ...common,
        title: `${outages.length === 1 ? "an outage lasted" : "outages last"} ${formatMs(recoveryMs)}: let the breaker stay open for ${openFor}`,
        evidence: [
          seen,
          `Meanwhile ${plural(common.numbers.failedProbes, "probe")} failed: real work, sent to an other side that was away${openMs === undefined ? "" : `, the first after ${formatMs(openMs)}`}.`,
        ],
        config: configLine(api, "breaker", { openFor, ...raised }),
        caution: "A longer time also keeps the breaker open after an outage that was shorter. Keep what else stands under breaker.",
      },
    ];
  }
  if (openMs !== undefined && openMs >= LONG_OPEN_MS && outages.length >= LEAST_SHORT && common.numbers.failedProbes === 0) {
    const openFor = configDuration(openMs / 2);
    return [
      {
        ...common,
        title: `every outage was over at the first probe: probe sooner, after ${openFor}`,
        evidence: [seen, `No probe failed, and the first came after ${formatMs(openMs)}: how much of that was still outage nobody knows.`],
        config: configLine(api, "breaker", { openFor }),
      },
    ];
  }
  return [];
}

/** Retries that end before outages do. */
export function retrySpans(history: EndpointHistory): readonly Advice[] {
  const { api, endpoint, outages, settings, failures } = history;
  if (outages.length === 0 || settings === undefined) return [];
  const recoveryMs = median(outages.map(({ openedAt, closedAt }) => closedAt - openedAt));
  const lost = sum(
    failures
      .filter(({ kind, status }) => kind === "transient" && (status === undefined || status >= 500))
      .map((one) => one.retried - one.recovered),
  );
  const spanMs = settings.waitedMs[settings.maxAttempts - 2] ?? 0;
  if (lost < LEAST_LOST || spanMs === 0 || spanMs >= recoveryMs) return [];
  const waits = settings.waitedMs.findIndex((ms) => ms >= recoveryMs * SPAN);
  const command = "hf.enqueue() instead of hf.fetch(): an operation of the queue waits for the breaker without using up attempts";
  return [
    {
      id: `retry-span ${api} ${endpoint}`,
      kind: "retry-span",
      ...{ api, endpoint },
      confidence: confidenceOf(Math.min(lost, outages.length * 5), 15, 40),
      title: `retries give up after ${formatMs(spanMs)}, and outages last ${formatMs(recoveryMs)}`,
      evidence: [
        `${plural(lost, "operation")} that met a fault of the other side or the network ${lost === 1 ? "was" : "were"} given up after all attempts.`,
        `${plural(settings.maxAttempts, "attempt")} wait ${formatMs(spanMs)} in all, on average; the median of ${plural(outages.length, "outage")} is ${formatMs(recoveryMs)}.`,
      ],
      numbers: { lost, spanMs, recoveryMs, outages: outages.length, maxAttempts: settings.maxAttempts },
      ...(waits === -1 ? {} : { config: configLine(api, "retry", { maxAttempts: waits + 2 }) }),
      caution: `Where nobody waits for the answer, use ${command}.`,
    },
  ];
}
