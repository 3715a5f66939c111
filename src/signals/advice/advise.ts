import type { Advice, AdviceReport, Confidence } from "./advice.ts";
import { sum } from "./advice.ts";
import { attemptCounts, timeouts } from "./advisers/attempts.ts";
import { deadLetters } from "./advisers/dead-letters.ts";
import { breakerTimes, retrySpans } from "./advisers/outages.ts";
import { permanentErrors } from "./advisers/permanent-errors.ts";
import { rateLimits } from "./advisers/rate-limits.ts";
import { keysMissing, nestedRetries } from "./advisers/writes.ts";
import { ALL, type EndpointHistory } from "./history.ts";
import type { LetterGroup } from "./letters.ts";

const RANK: Readonly<Record<Confidence, number>> = { high: 0, medium: 1, low: 2 };

/**
 * What history speaks for: rules, limits and times to set, each with its evidence. Pure. Every adviser has a least number of cases below
 * which it says nothing, and stays silent about what the config already has.
 */
export function advise(histories: readonly EndpointHistory[], groups: readonly LetterGroup[]): AdviceReport {
  const endpoints = histories.filter(({ endpoint }) => endpoint !== ALL);
  const items = [
    ...endpoints.flatMap((history) => adviceOnEndpoint(history, groups)),
    ...histories
      .filter(({ endpoint }) => endpoint === ALL)
      .flatMap((all) =>
        rateLimits(
          all,
          endpoints.filter(({ api }) => api === all.api),
        ),
      ),
    ...groups.flatMap((group) =>
      deadLetters(
        group,
        endpoints.find(({ api, endpoint }) => api === group.api && endpoint === group.endpoint),
      ),
    ),
  ];
  return {
    items: items.sort((a, b) => RANK[a.confidence] - RANK[b.confidence]),
    basis: {
      attempts: sum(endpoints.map(({ tried }) => sum(tried))),
      endpoints: endpoints.length,
      since: endpoints.length === 0 ? null : Math.min(...endpoints.map(({ since }) => since)),
      until: endpoints.length === 0 ? null : Math.max(...endpoints.map(({ until }) => until)),
    },
  };
}

function adviceOnEndpoint(history: EndpointHistory, groups: readonly LetterGroup[]): readonly Advice[] {
  const own = groups.filter(({ api, endpoint }) => api === history.api && endpoint === history.endpoint);
  const futile = permanentErrors(history);
  return [
    ...futile,
    ...keysMissing(history, own),
    ...breakerTimes(history),
    ...retrySpans(history),
    ...(futile.length > 0 ? [] : attemptCounts(history)),
    ...timeouts(history),
    ...nestedRetries(history),
  ];
}
