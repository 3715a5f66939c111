import { headline } from "../notice.ts";
import type { Render } from "./sink.ts";

const EVENTS = "https://events.pagerduty.com/v2/enqueue";
/** The API takes no longer ones. */
const MOST_SUMMARY = 1_024;
const MOST_KEY = 255;

/** PagerDuty's Events API v2: one incident for an alert from its first word to its last, by `dedup_key`. */
export const pagerduty: Render<{ readonly routingKey: string; readonly url?: string }> = (notice, { routingKey, url = EVENTS }) => ({
  url,
  headers: { "content-type": "application/json" },
  body: JSON.stringify({
    routing_key: routingKey,
    event_action: notice.change === "resolved" ? "resolve" : "trigger",
    dedup_key: notice.key.slice(-MOST_KEY),
    payload: {
      summary: headline(notice).slice(0, MOST_SUMMARY),
      source: notice.subject,
      severity: notice.tier,
      timestamp: notice.at,
      component: notice.rule,
      custom_details: { words: notice.words, advice: notice.advice, value: notice.value, since: notice.since },
    },
  }),
});
