/**
 * The outage drill: a gateway under load, of which one API goes away for a while and comes back. Its callers write with
 * `Prefer: respond-async` and are told 202 all the time; another API is asked at the same time and must not notice. What was accepted is
 * held to the ledger of the other side, which knows what really happened.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { flakyApi, type FlakyApi } from "../../../src/testing/index.ts";
import { startGateway } from "../gateway-process.ts";

export interface DrillOptions {
  /** How long the API is away. */
  readonly outageMs: number;
  /** Load before that and after it, from when the latencies of an ordinary day are taken. */
  readonly calmMs: number;
  /** Writes a second. */
  readonly writesPerSecond: number;
  /** How the breaker waits before it looks again. */
  readonly openFor: `${number}ms`;
  readonly maxOpenFor: `${number}ms`;
}

export interface DrillReport {
  readonly accepted: number;
  /** Writes that were not answered with 202. */
  readonly refused: number;
  /** What was accepted and has no effect. */
  readonly missing: number;
  readonly doubled: number;
  readonly deadLetters: number;
  /** Requests that the API refused because it had too many: 429. */
  readonly overLimit: number;
  /** Requests that it got while it was away. */
  readonly requestsWhileAway: number;
  /** From when it was back until the last write had arrived. */
  readonly drainMs: number;
  /** The most that it got in one second, once it was back. */
  readonly mostPerSecond: number;
  /** What it can take. */
  readonly limitPerSecond: number;
  /** Of the other API: calls, those that failed, and the 99th percentile on an ordinary day, during the outage and during the drain. */
  readonly other: { readonly calls: number; readonly failed: number; readonly p99: Readonly<Record<Phase, number>> };
}

type Phase = "calm" | "away" | "drain";

/** The API takes this many a second, and says so to nobody; the config keeps the gateway below. */
const LIMIT = { limit: 110, per: "1s", burst: 30 } as const;
const OURS = { limit: 100, per: "1s", burst: 10 } as const;

export async function drill({ outageMs, calmMs, writesPerSecond, openFor, maxOpenFor }: DrillOptions): Promise<DrillReport> {
  await using crm = await flakyApi({
    endpoints: { "POST /contacts": { subject: "body.email", key: { header: "Idempotency-Key" } } },
    limits: [{ name: "capacity", ...LIMIT }],
  });
  await using other = await flakyApi({ endpoints: { "GET /things": {} } });
  await using gateway = await startGateway({
    apis: {
      crm: {
        baseUrl: crm.url,
        idempotency: { header: "Idempotency-Key" },
        retry: { maxAttempts: 6, backoff: { base: "200ms", cap: "5s" } },
        timeout: { attempt: "5s", total: "30m" },
        rateLimit: [OURS],
        breaker: { minimumCalls: 5, window: 10, openFor, maxOpenFor },
      },
      other: { baseUrl: other.url },
    },
  });
  const phase = { now: "calm" as Phase };
  const stop = new AbortController();
  const asked = askAllTheTime(`${gateway.url}/to/other/things`, phase, stop.signal);
  const writes = write(`${gateway.url}/to/crm/contacts`, writesPerSecond, calmMs + outageMs + calmMs);

  await sleep(calmMs);
  phase.now = "away";
  const away = Date.now();
  // Half of the time nobody is there; then somebody is, and has nobody behind him.
  crm.setRules([{ then: { reset: "before" }, when: { between: [0, outageMs / 2] } }, { then: { status: 503 } }]);
  await sleep(outageMs);
  crm.setRules([]);
  const back = Date.now();
  phase.now = "drain";
  const { accepted, refused } = await writes;
  const patience = back + 4 * outageMs + 60_000;
  while (crm.ledger.missing(accepted).length > 0 && Date.now() < patience) await sleep(50);
  const drainMs = Date.now() - back;
  stop.abort();
  const { latencies, failed } = await asked;

  const requests = crm.ledger.requests();
  const letters = (await (await fetch(`${gateway.url}/v1/dead-letters`)).json()) as { readonly items: readonly unknown[] };
  return {
    accepted: accepted.length,
    refused,
    missing: crm.ledger.missing(accepted).length,
    doubled: crm.ledger.doubled().length,
    deadLetters: letters.items.length,
    overLimit: overLimitOf(crm),
    requestsWhileAway: requests.filter(({ at }) => at >= away && at < back).length,
    drainMs,
    mostPerSecond: mostInASecond(requests.map(({ at }) => at).filter((at) => at >= back)),
    limitPerSecond: LIMIT.limit,
    other: {
      calls: Object.values(latencies).flat().length,
      failed,
      p99: { calm: p99(latencies.calm), away: p99(latencies.away), drain: p99(latencies.drain) },
    },
  };
}

function overLimitOf(api: FlakyApi): number {
  return Object.values(api.ledger.summary().limits).reduce((sum, count) => sum + count, 0);
}

/** Writes at an even pace, whatever comes back. Answers whom was promised something. */
async function write(
  url: string,
  perSecond: number,
  ms: number,
): Promise<{ readonly accepted: readonly string[]; readonly refused: number }> {
  const accepted: string[] = [];
  let refused = 0;
  const pending: Promise<void>[] = [];
  const started = performance.now();
  for (let index = 0; index < (ms * perSecond) / 1_000; index += 1) {
    const wait = started + (index * 1_000) / perSecond - performance.now();
    if (wait > 0) await sleep(wait);
    const email = `lead-${index}@example.com`;
    pending.push(
      (async () => {
        if ((await writeOne(url, email)) === 202) accepted.push(email);
        else refused += 1;
      })(),
    );
  }
  await Promise.all(pending);
  return { accepted, refused };
}

async function writeOne(url: string, email: string): Promise<number> {
  const headers = { "content-type": "application/json", "idempotency-key": `create ${email}`, prefer: "respond-async" };
  const response = await fetch(url, { method: "POST", body: JSON.stringify({ email }), headers });
  await response.arrayBuffer();
  return response.status;
}

/** Ten callers of the other API, each with a little rest between two calls. */
async function askAllTheTime(
  url: string,
  phase: { readonly now: Phase },
  signal: AbortSignal,
): Promise<{ readonly latencies: Readonly<Record<Phase, number[]>>; readonly failed: number }> {
  const latencies: Record<Phase, number[]> = { calm: [], away: [], drain: [] };
  let failed = 0;
  const caller = async (): Promise<void> => {
    while (!signal.aborted) {
      const during = phase.now;
      const started = performance.now();
      const response = await fetch(url);
      await response.arrayBuffer();
      latencies[during].push(performance.now() - started);
      if (!response.ok) failed += 1;
      await sleep(20);
    }
  };
  await Promise.all(Array.from({ length: 10 }, caller));
  return { latencies, failed };
}

function p99(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * 0.99))] ?? 0;
}

/** Instants in order. */
function mostInASecond(instants: readonly number[]): number {
  let first = 0;
  let most = 0;
  for (const [index, at] of instants.entries()) {
    while ((instants[first] as number) <= at - 1_000) first += 1;
    most = Math.max(most, index - first + 1);
  }
  return most;
}
