import { explainBecause } from "../../core/decision.ts";
import { formatMs } from "../../core/duration.ts";
import type { AttemptRecord, StoredRequest } from "../../ports/dead-letter-store.ts";
import { oneLine } from "./text.ts";

const BODY_CHARACTERS = 2_000;

/** A request that is kept, for people. */
export function requestLines({ method, url, headers, body }: StoredRequest): string[] {
  const text = body === undefined ? "" : new TextDecoder().decode(body);
  return [
    `  ${method} ${oneLine(url)}`,
    ...headers.map(([name, value]) => `  ${name}: ${oneLine(value)}`),
    ...(text === "" ? [] : ["", `  ${oneLine(text, BODY_CHARACTERS)}`]),
  ];
}

/** Attempts as a timeline: when, how long, what came back, and what was decided. `since` is where it begins. */
export function attemptLines(attempts: readonly AttemptRecord[], since: number): string[] {
  if (attempts.length === 0) return ["  no attempt is on record"];
  return attempts.flatMap((attempt) => attemptOf(attempt, since));
}

function attemptOf({ attempt, startedAt, durationMs, verdict, because, ...answer }: AttemptRecord, since: number): string[] {
  const { kind, status, code, effect, rule } = verdict;
  const what = [kind, status, code].filter((part) => part !== undefined).join(" ");
  return [
    `  #${attempt}  ${new Date(startedAt).toISOString()}  +${formatMs(startedAt - since)}, took ${formatMs(durationMs)}`,
    `      ${oneLine(`${what}, effect ${effect}: ${verdict.because} (rule ${rule})`, 200)}`,
    ...Object.entries(answer.headers ?? {}).map(([name, value]) => `      < ${name}: ${oneLine(value, 200)}`),
    ...(answer.bodyExcerpt === undefined ? [] : [`      < ${oneLine(answer.bodyExcerpt, 200)}`]),
    ...(answer.upstreamRequestId === undefined ? [] : [`      their request id: ${oneLine(answer.upstreamRequestId)}`]),
    `      → ${oneLine(explainBecause(because), 200)}`,
  ];
}
