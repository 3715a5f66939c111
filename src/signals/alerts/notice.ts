import { formatMs } from "../../core/duration.ts";
import type { AlertChange, AlertState } from "./alert.ts";
import type { AlertRuleName, AlertTier } from "./rules.ts";

/** What people are told. It goes to every sink as it is; each puts it into its own form. */
export interface AlertNotice {
  readonly change: AlertChange | "test";
  readonly rule: AlertRuleName | "test";
  readonly subject: string;
  /** The tier in force; of one that is resolved, the one it had. */
  readonly tier: AlertTier;
  /** Since when it fires, ISO 8601. */
  readonly since: string;
  readonly at: string;
  readonly value: number;
  /** What was seen. */
  readonly words: string;
  /** What to look at first. */
  readonly advice: string;
  /** The same from the first word to the last of one alert: what receivers dedupe by. */
  readonly key: string;
}

const ADVICE: Readonly<Record<AlertRuleName, string>> = {
  "error-rate": "see its dead letters (`holdfast dlq groups`) and what the attempts were answered",
  "retry-rate": "see whether the retries end in success; if not, the error may be permanent and want a rule",
  "breaker-open": "see whether the other side is down; what is queued waits and is sent when it is back",
  "dead-letter-group": "see one of its letters (`holdfast dlq groups`, `holdfast dlq show`), mend the cause, replay one, then the rest",
  "dead-letters": "see the groups (`holdfast dlq groups`): most letters usually have one cause",
  latency: "see whether the other side is slow or the requests have grown; attempts may run into their timeout next",
  throughput: "see whether less is asked for, or less gets through (breakers, limits, errors)",
  exhausted: "calls of an endpoint that you marked critical were given up: see its dead letters",
  unauthorized: "a new credential was refused too: it was revoked, or lacks a permission",
  "watermark-held": "see the records that hold it (`holdfast syncs show`)",
  "oldest-ready": "see whether a worker runs, and whether its lane is paused or its breaker open (`holdfast lanes`)",
};

export function noticeOf(change: AlertChange, state: AlertState, before: AlertTier | undefined, now: number): AlertNotice {
  const { rule, subject, value, words } = state;
  const since = state.since ?? now;
  return {
    change,
    rule,
    subject,
    tier: state.tier ?? before ?? "warning",
    since: new Date(since).toISOString(),
    at: new Date(now).toISOString(),
    value,
    words: change === "resolved" ? `over after ${formatMs(now - since)}` : words,
    advice: ADVICE[rule],
    key: `${rule} ${subject} ${since}`,
  };
}

/** Of what was given up outside the engine's calls, once for each letter. */
export function givenUpNotice({ subject, words, letter }: GivenUp, now: number): AlertNotice {
  const at = new Date(now).toISOString();
  return {
    ...{ change: "fired", rule: "exhausted", subject, tier: "critical", since: at, at, value: 1, words },
    advice: `see its dead letter (\`holdfast dlq show ${letter}\`)`,
    key: `exhausted ${subject} ${letter}`,
  };
}

/** Something that was given up and kept. */
export interface GivenUp {
  /** What it is about, such as `exec daily-briefing`. */
  readonly subject: string;
  /** What was seen. */
  readonly words: string;
  /** Id of the dead letter that keeps it. */
  readonly letter: string;
}

/** What `holdfast alerts test` sends. */
export function testNotice(now: number): AlertNotice {
  const at = new Date(now).toISOString();
  return {
    change: "test",
    rule: "test",
    subject: "holdfast",
    tier: "warning",
    since: at,
    at,
    value: 0,
    words: "this is a test: alerts arrive here",
    advice: "nothing to do",
    key: `test ${now}`,
  };
}

/** One line, for chats and subjects of mails. */
export function headline({ change, tier, rule, subject, words }: AlertNotice): string {
  const word = change === "fired" ? tier.toUpperCase() : `${change.toUpperCase()} (${tier})`;
  return `${word} ${rule}: ${subject}: ${words}`;
}
