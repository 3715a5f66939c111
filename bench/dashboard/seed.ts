/**
 * A store as it stands after months: operations that ended well, some that wait, dead letters in a few hundred groups. What verbs do in
 * bulk they do; that most operations have ended is then written by SQL, since to carry out a million of them is another bench.
 */
import type { NewDeadLetter } from "../../src/ports/dead-letter-store.ts";
import type { NewOperation } from "../../src/ports/operation-store.ts";
import type { Store } from "../../src/ports/store.ts";

export interface Sizes {
  readonly operations: number;
  /** Of them parked. */
  readonly parked: number;
  readonly letters: number;
  readonly groups: number;
  readonly runs: number;
}

const APIS = ["crm", "billing", "mail"] as const;
const ENDPOINTS = ["POST /contacts", "PUT /contacts/{id}", "POST /deals", "GET /contacts/{id}"] as const;
/** One API that was called a few times, long ago: the worst to look for. */
export const RARE = "rare";
const RARE_OPERATIONS = 20;
const CAMPAIGNS = 8;
const AT_ONCE = 2_000;
const DAY_MS = 86_400_000;
const BODY = new TextEncoder().encode(JSON.stringify({ email: "ada@example.com", note: "x".repeat(150) }));
const REQUEST = {
  method: "POST",
  url: "https://api.example.com/contacts",
  headers: [["content-type", "application/json"]] as const,
  body: BODY,
};

export function idOf(number: number, at: number): string {
  const time = Math.floor(at).toString(16).padStart(12, "0");
  return `${time.slice(0, 8)}-${time.slice(8)}-7000-9000-${String(number).padStart(12, "0")}`;
}

function labelsOf(number: number): Record<string, string> {
  return { campaign: `c${number % CAMPAIGNS}`, lead: String(number) };
}

function operation(number: number, at: number, parkedUntil: number | undefined): NewOperation {
  const api = number < RARE_OPERATIONS ? RARE : (APIS[number % APIS.length] as string);
  return {
    id: idOf(number, at),
    api,
    endpoint: ENDPOINTS[Math.floor(number / APIS.length) % ENDPOINTS.length] as string,
    partition: "",
    flow: "",
    request: REQUEST,
    fingerprint: "0123456789abcdef",
    idempotencyKey: `lead-${number}`,
    labels: labelsOf(number),
    priority: 0,
    acceptedAt: at,
    dueAt: parkedUntil ?? at,
  };
}

function letter(number: number, at: number, group: number): NewDeadLetter {
  const verdict = { kind: "permanent", effect: "done", rule: "table", because: "422", status: 422 } as const;
  const because = { code: "permanent", rule: "table" } as const;
  return {
    id: idOf(900_000_000 + number, at),
    api: APIS[group % APIS.length] as string,
    endpoint: ENDPOINTS[group % ENDPOINTS.length] as string,
    partition: "",
    reason: (["permanent", "exhausted", "outcome-unknown"] as const)[group % 3] as "permanent",
    because,
    fingerprint: `v1:${String(group).padStart(16, "0")}`,
    title: `permanent 422 on ${APIS[group % APIS.length]} (${group})`,
    request: REQUEST,
    idempotencyKey: `letter-${number}`,
    labels: labelsOf(number),
    attempts: [{ attempt: 1, startedAt: at - 100, durationMs: 100, verdict, because }],
    firstAttemptAt: at - 100,
    diedAt: at,
  };
}

/** Fills an empty store. What is ready at the end is to be ended by SQL. */
export async function seed(store: Store, { operations, parked, letters, groups, runs }: Sizes, now: number): Promise<void> {
  const { operations: queue, deadLetters, steps } = store;
  if (queue === undefined || steps === undefined) throw new Error("the store has no queue or no steps");
  const every = Math.max(1, Math.floor(operations / Math.max(1, parked)));
  for (let from = 0; from < operations; from += AT_ONCE) {
    const count = Math.min(AT_ONCE, operations - from);
    await queue.accept(
      Array.from({ length: count }, (_, index) => {
        const number = from + index;
        const at = now - DAY_MS + Math.floor((number / operations) * DAY_MS);
        return operation(number, at, number % every === 0 && number >= RARE_OPERATIONS ? now + DAY_MS : undefined);
      }),
    );
  }
  for (let from = 0; from < letters; from += AT_ONCE / 4) {
    const count = Math.min(AT_ONCE / 4, letters - from);
    await deadLetters.add(
      Array.from({ length: count }, (_, index) => {
        const number = from + index;
        return letter(number, now - DAY_MS + Math.floor((number / letters) * DAY_MS), number % groups);
      }),
    );
  }
  for (let from = 0; from < runs; from += AT_ONCE / 4) await seedRuns(steps, from, Math.min(AT_ONCE / 4, runs - from), now);
}

async function seedRuns(steps: NonNullable<Store["steps"]>, from: number, count: number, now: number): Promise<void> {
  const numbers = Array.from({ length: count }, (_, index) => from + index);
  const held = (number: number): { run: string; token: string } => ({ run: `lead/${number}`, token: "bench" });
  await steps.open(
    numbers.map((number) => ({
      ...{ id: `lead/${number}`, pipeline: "lead", version: "1", subject: String(number), input: "{}", token: "bench" },
      ...{ now, leaseUntil: now + 60_000 },
    })),
  );
  for (const step of ["enrich", "score", "write"]) {
    const isStuck = (number: number): boolean => step === "write" && number % 20 === 0;
    await steps.finish(
      numbers.map((number) => ({ ...held(number), step, state: isStuck(number) ? "parked" : "done", result: '"x"', now })),
    );
  }
  const done = numbers.filter((number) => number % 20 !== 0);
  await steps.end(done.map((number) => ({ ...held(number), state: "succeeded", now, keepUntil: now + DAY_MS })));
}

/** What is ready has succeeded: the same in both databases, but for names and what an ended row holds. */
export function endAll(now: number): { readonly sqlite: readonly string[]; readonly postgres: readonly string[] } {
  const keepUntil = now + 7 * DAY_MS;
  const attempt = JSON.stringify({
    ...{ attempt: 1, startedAt: now - DAY_MS, durationMs: 80 },
    verdict: { kind: "success", effect: "done", rule: "answered", because: "2xx" },
    because: { code: "answered" },
  });
  return {
    sqlite: [
      `INSERT INTO ended (seq, lane, state, claims, since, keep_until, attempt) SELECT seq, lane, 'succeeded', 1, due_at, ${keepUntil}, '${attempt}' FROM ready`,
      "DELETE FROM ready",
      "UPDATE lane SET succeeded = succeeded + ready, ready = 0",
    ],
    postgres: [
      `INSERT INTO holdfast.ended (seq, id, lane, state, claims, since, keep_until) SELECT seq, id, lane, 'succeeded', 1, due_at, ${keepUntil} FROM holdfast.ready`,
      `INSERT INTO holdfast.attempt (id, claim, record) SELECT id, 1, '${attempt}' FROM holdfast.ready`,
      "INSERT INTO holdfast.tally (lane, ready, succeeded) SELECT lane, -sum(ready), sum(ready) FROM holdfast.tally GROUP BY lane",
      "TRUNCATE holdfast.ready",
    ],
  };
}
