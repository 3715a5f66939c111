import { formatMs } from "../../../core/duration.ts";
import { Spread } from "../../spread.ts";
import { atMost, configDuration, configLine, confidenceOf, grouped, percent, plural, sum, type Advice } from "../advice.ts";
import type { EndpointHistory } from "../history.ts";

const LEAST_TRIES = 30;
/** Below this share of successes at the last attempt one more is not worth it. */
const WORTHWHILE = 0.3;
const LEAST_TIMEOUTS = 10;
const LEAST_ANSWERS = 200;
/** An attempt's timeout may be so many times what nearly all answers take. */
const AMPLE = 5;

/** How many attempts are worth it. Not asked where single errors never end well: those would look like attempts too many. */
export function attemptCounts({ api, endpoint, tried, succeeded, outages, settings }: EndpointHistory): readonly Advice[] {
  if (settings === undefined || settings.maxAttempts < 2) return [];
  const { maxAttempts } = settings;
  const last = tried[maxAttempts - 1] ?? 0;
  const lastSucceeded = succeeded[maxAttempts - 1] ?? 0;
  const common = { id: `attempts ${api} ${endpoint}`, kind: "attempts", ...{ api, endpoint } } as const;
  const byAttempt = tried.slice(0, maxAttempts).map((times, index) => `${grouped(succeeded[index] ?? 0)} of ${grouped(times)}`);
  const seen = `By the number of the attempt, these succeeded: ${byAttempt.join(", ")}.`;
  if (last >= LEAST_TRIES && lastSucceeded / last >= WORTHWHILE) {
    return [
      {
        ...common,
        confidence: confidenceOf(last, 60, 150),
        title: `${percent(lastSucceeded / last)} of the last attempts succeed: allow one or two more`,
        evidence: [seen, `${plural(last - lastSucceeded, "operation")} ended there without success.`],
        numbers: { maxAttempts, tries: last, succeeded: lastSucceeded },
        config: configLine(api, "retry", { maxAttempts: maxAttempts + 2 }),
      },
    ];
  }
  // What fails while the other side is away says how long that was.
  if (outages.length > 0) return [];
  // From which attempt on none has succeeded.
  const useful = succeeded.findLastIndex((times) => times > 0) + 1;
  const late = sum(tried.slice(useful));
  if (useful >= 2 && useful < maxAttempts && late >= LEAST_TRIES) {
    return [
      {
        ...common,
        confidence: confidenceOf(late, 60, 150),
        title: `no attempt after the ${useful === 2 ? "second" : `${useful}th`.replace("3th", "third")} has succeeded: allow ${useful}`,
        evidence: [
          seen,
          `${plural(late, "attempt")} came later than that (with 95 % certainty, at most ${percent(atMost(late))} of such would succeed).`,
        ],
        numbers: { maxAttempts, late, useful },
        config: configLine(api, "retry", { maxAttempts: useful }),
      },
    ];
  }
  return [];
}

/** Timeouts by how long answers take. */
export function timeouts({ api, endpoint, latency, failures, settings }: EndpointHistory): readonly Advice[] {
  const timeoutMs = settings?.attemptTimeoutMs;
  const late = sum(failures.filter(({ code }) => code === "timeout").map(({ attempts }) => attempts));
  const answers = new Spread(latency);
  if (timeoutMs === undefined || late < LEAST_TIMEOUTS || answers.total < LEAST_ANSWERS) return [];
  const p95 = answers.quantile(0.95) as number;
  const p99 = answers.quantile(0.99) as number;
  const common = {
    id: `timeout ${api} ${endpoint}`,
    kind: "timeout",
    ...{ api, endpoint },
    confidence: confidenceOf(late, 30, 100),
    numbers: { timeouts: late, timeoutMs, p95Ms: Math.round(p95), p99Ms: Math.round(p99), answers: answers.total },
  } as const;
  if (p95 >= timeoutMs * 0.8) {
    const attempt = configDuration(timeoutMs * 2);
    return [
      {
        ...common,
        title: `answers take nearly as long as an attempt may: give it ${attempt}`,
        evidence: [
          `${plural(late, "attempt")} ran into the timeout of ${formatMs(timeoutMs)}.`,
          `Of ${grouped(answers.total)} answers that came in time, 5 % took ${formatMs(p95)} or longer.`,
        ],
        config: configLine(api, "timeout", { attempt }),
      },
    ];
  }
  if (p99 * AMPLE > timeoutMs) return [];
  const attempt = configDuration(p99 * AMPLE);
  return [
    {
      ...common,
      title: `answers come within ${formatMs(p99)} or not at all: wait ${attempt}, not ${formatMs(timeoutMs)}`,
      evidence: [
        `${plural(late, "attempt")} waited ${formatMs(timeoutMs)} for nothing, ${formatMs(late * timeoutMs)} in all.`,
        `99 % of ${grouped(answers.total)} answers took ${formatMs(p99)} at most.`,
      ],
      config: configLine(api, "timeout", { attempt }),
      caution: "A write that is cut off sooner is in doubt sooner: it needs a key, or a way to ask.",
    },
  ];
}
