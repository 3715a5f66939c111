import type {
  BeginRequest,
  BeginResult,
  Fenced,
  FinishRequest,
  IdempotencyStore,
  KeyHolder,
  StoredAnswer,
} from "../../../ports/idempotency-store.ts";
import type { Sync } from "../sync.ts";

/** What is known of one key; an absent key has no record. `doubt`: it was taken over from a holder whose effect may stand. */
type KeyRecord =
  | { readonly state: "running"; readonly fingerprint: string; readonly token: string; leaseUntil: number; readonly doubt: boolean }
  | { readonly state: "done"; readonly fingerprint: string; readonly answer: StoredAnswer; readonly expiresAt: number }
  | { readonly state: "unknown"; readonly fingerprint: string };

/** Fewer keys than this are never worth a sweep of our own. */
const SWEEP_FLOOR = 1_024;

/**
 * Idempotency keys in a Map. Expired answers are dropped by `sweep`, and also when the map has doubled since it was last
 * swept, so that it stays within twice its living keys even where nobody calls `sweep`.
 */
export function idempotency(): Sync<IdempotencyStore> {
  const keys = new Map<string, KeyRecord>();
  let sweepAt = SWEEP_FLOOR;

  const sweep = (now: number, limit: number): number => {
    let swept = 0;
    for (const [key, record] of keys) {
      if (swept >= limit) break;
      if (record.state !== "done" || record.expiresAt > now) continue;
      keys.delete(key);
      swept += 1;
    }
    return swept;
  };

  const begin = (request: BeginRequest): BeginResult => {
    const { key, fingerprint, token, now, leaseUntil } = request;
    const found = keys.get(key);
    const known = found?.state === "done" && found.expiresAt <= now ? undefined : found;
    if (known && known.fingerprint !== fingerprint) return { state: "mismatch" };
    if (known?.state === "done") return { state: "done", answer: copyAnswer(known.answer) };
    if (known?.state === "running" && known.leaseUntil > now && known.token !== token) {
      return { state: "running", leaseUntil: known.leaseUntil };
    }
    const doubt = known?.state === "unknown" || (known?.state === "running" && (known.doubt || known.token !== token));
    if (keys.size >= sweepAt) {
      sweep(now, keys.size);
      sweepAt = Math.max(SWEEP_FLOOR, keys.size * 2);
    }
    keys.set(key, { state: "running", fingerprint, token, leaseUntil, doubt });
    return { state: "claimed", earlier: doubt ? "unknown" : "none" };
  };

  const held = ({ key, token }: KeyHolder): (KeyRecord & { state: "running" }) | undefined => {
    const record = keys.get(key);
    return record?.state === "running" && record.token === token ? record : undefined;
  };

  const finish = (request: FinishRequest): Fenced => {
    const record = held(request);
    if (!record) return "stale";
    const { fingerprint } = record;
    if (request.state === "unknown") keys.set(request.key, { state: "unknown", fingerprint });
    else keys.set(request.key, { state: "done", fingerprint, answer: copyAnswer(request.answer), expiresAt: request.expiresAt });
    return "applied";
  };

  const release = (holder: KeyHolder): Fenced => {
    const record = held(holder);
    if (!record) return "stale";
    if (record.doubt) keys.set(holder.key, { state: "unknown", fingerprint: record.fingerprint });
    else keys.delete(holder.key);
    return "applied";
  };

  const extend = (request: KeyHolder & { readonly leaseUntil: number }): Fenced => {
    const record = held(request);
    if (!record) return "stale";
    record.leaseUntil = request.leaseUntil;
    return "applied";
  };

  const resolve = ({ key, now }: { readonly key: string; readonly now: number }): Fenced => {
    const record = keys.get(key);
    const inDoubt = record?.state === "unknown" || (record?.state === "running" && record.leaseUntil <= now);
    if (!inDoubt) return "stale";
    keys.delete(key);
    return "applied";
  };

  return {
    begin: (requests) => requests.map(begin),
    finish: (requests) => requests.map(finish),
    release: (requests) => requests.map(release),
    extend: (requests) => requests.map(extend),
    resolve: (requests) => requests.map(resolve),
    sweep,
  };
}

/** An answer of its own: neither who stored it nor who reads it can change what is kept. */
function copyAnswer(answer: StoredAnswer): StoredAnswer {
  return {
    ...answer,
    ...(answer.headers && { headers: answer.headers.map(([name, value]) => [name, value] as const) }),
    body: new Uint8Array(answer.body),
  };
}
