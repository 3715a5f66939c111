import { Spread } from "../../spread.ts";
import { configLine, confidenceOf, plural, sum, type Advice } from "../advice.ts";
import type { EndpointHistory, SettingsSeen } from "../history.ts";

const LEAST_THROTTLED = 10;
const LEAST_SECONDS = 3;
/** Standard errors by which seconds with a 429 must have more answers than chance would give them. */
const LEAST_Z = 4;
/** Or: the share of the seconds that would have had one, if they came by chance, in which they stand together. */
const CLUSTERED = 0.6;
/** A count of a second also holds what a burst allows for once. */
const MARGIN = 0.9;
/** Where nearly every second has one, there is nothing to compare with. */
const ALWAYS = 0.9;
/** What an endpoint has of an API's 429s for it to be the endpoint that is limited. */
const OWN_SHARE = 0.95;

/**
 * Limits to set, where 429s come with the rate. `all` is the history of the API, `endpoints` those of its endpoints. A limit stands
 * a little below what the other side took in the seconds in which it refused something.
 */
export function rateLimits(all: EndpointHistory, endpoints: readonly EndpointHistory[]): readonly Advice[] {
  const own = endpoints.find(({ throttled }) => throttled >= all.throttled * OWN_SHARE);
  const others = endpoints.filter((endpoint) => endpoint !== own);
  // The limit may still be the API's; what can be said for sure is that it is this endpoint's.
  const elsewhere = sum(others.map(({ tried }) => sum(tried)));
  const isOwn = own !== undefined && elsewhere > 0 && elsewhere >= sum(own.tried) * 0.2;
  const history = isOwn ? own : all;
  const { throttled } = history;
  const [quiet, crowded, taken] = [new Spread(history.quiet), new Spread(history.crowded), new Spread(history.taken)];
  const seconds = crowded.total + quiet.total;
  if (throttled < LEAST_THROTTLED || crowded.total < LEAST_SECONDS) return [];
  const rate = Math.round(crowded.quantile(0.5) ?? 0);
  const usual = Math.round(quiet.quantile(0.5) ?? 0);
  const took = Math.round(taken.quantile(0.5) ?? 0);
  if (took > rate) return [];
  if (crowded.total < seconds * ALWAYS && !comesOfRate(quiet, crowded, throttled)) return [];
  const set = endpoints.map(({ settings }) => settings).find((settings) => settings?.limitPerSecond !== undefined);
  const bucket = bucketFor(took, set);
  if (bucket === undefined) return [];
  const { limit, burst } = bucket;
  const configured = set?.limitPerSecond;
  return [
    {
      id: `rate-limit ${all.api}${isOwn ? ` ${own.endpoint}` : ""}`,
      kind: "rate-limit",
      api: all.api,
      ...(own === undefined ? {} : { endpoint: own.endpoint }),
      confidence: confidenceOf(crowded.total, 10, 30),
      title:
        limit === configured
          ? `429s come in bursts of ${rate} calls a second: let no more than ${burst} go at once`
          : `429s come at ${rate} calls a second: set a limit of ${limit} a second`,
      evidence: [
        `${plural(throttled, "429")} came in ${plural(crowded.total, "second")}; half of these seconds had ${rate} answers or more${usual === 0 ? "" : `, and half of the ${plural(quiet.total, "second")} without one ${usual} or fewer`}.`,
        `In the seconds with a 429 the other side took ${took} (median).`,
        configured === undefined
          ? "No limit is set."
          : `The limit that is set is ${shown(configured)} a second, and lets ${plural(set?.burst ?? 1, "call")} go at once: ${shown(configured + (set?.burst ?? 1))} in a second.`,
      ],
      numbers: { throttled, seconds: crowded.total, rate, usual, took, ...bucket, ...(configured === undefined ? {} : { configured }) },
      config: configLine(all.api, "rateLimit", { limit, per: "1s", burst, ...(isOwn ? { scope: "endpoint" } : {}) }),
      caution: "If others use the same account, what is left for this process may be less.",
    },
  ];
}

/** The bucket that lets no more than that go in any second; undefined where the one that is set does so already. */
function bucketFor(took: number, set: SettingsSeen | undefined): { readonly limit: number; readonly burst: number } | undefined {
  const limit = Math.min(Math.max(1, Math.floor(took * MARGIN)), set?.limitPerSecond ?? Number.POSITIVE_INFINITY);
  const burst = Math.max(1, Math.floor(took - limit));
  if (took < 1 || (set?.limitPerSecond === limit && (set.burst ?? 1) <= burst)) return undefined;
  return { limit, burst };
}

function shown(perSecond: number): number {
  return Number(perSecond.toFixed(1));
}

/**
 * Whether 429s come with the rate. If they hit each call by chance, a second with n answers would have one with the probability
 * 1 − (1 − p)ⁿ: this compares how many seconds have one, and how many answers these have, with what that gives.
 */
function comesOfRate(quiet: Spread, crowded: Spread, throttled: number): boolean {
  const seconds = [...quiet.entries(), ...crowded.entries()];
  const p = Math.min(1, throttled / sum(seconds.map(([answers, count]) => answers * count)));
  const weighed = seconds.map(([answers, count]) => ({ answers, weight: count * (1 - (1 - p) ** answers) }));
  const expected = sum(weighed.map(({ weight }) => weight));
  const mean = sum(weighed.map(({ answers, weight }) => answers * weight)) / expected;
  const variance = sum(weighed.map(({ answers, weight }) => (answers - mean) ** 2 * weight)) / expected;
  const seen = sum(crowded.entries().map(([answers, count]) => answers * count)) / crowded.total;
  const z = (seen - mean) / Math.sqrt(Math.max(variance, 0.01) / crowded.total);
  return z >= LEAST_Z || crowded.total <= expected * CLUSTERED;
}
