import type { AttemptRecord, NewDeadLetter } from "../../ports/dead-letter-store.ts";
import type { BeginRequest, StoredAnswer } from "../../ports/idempotency-store.ts";
import type { NewOperation } from "../../ports/operation-store.ts";

/** The instant that every rule starts from: 2026-01-15T12:00:00Z. */
export const T0: number = Date.UTC(2026, 0, 15, 12);

export const MINUTE = 60_000;

export function utf8(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

/** Bytes of every value, in an order that no text has. */
export function bytes(length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, index) => (index * 197 + (index >>> 8)) & 0xff);
}

export function beginRequest(fields: Partial<BeginRequest> = {}): BeginRequest {
  return { key: "key-1", fingerprint: "payload-1", token: "token-1", now: T0, leaseUntil: T0 + MINUTE, ...fields };
}

export function answer(fields: Partial<StoredAnswer> = {}): StoredAnswer {
  return {
    type: "response",
    status: 201,
    statusText: "Created",
    headers: [
      ["content-type", "application/json"],
      ["set-cookie", "a=1"],
      ["set-cookie", "b=2"],
    ],
    body: utf8('{"id":42}'),
    ...fields,
  };
}

export function attempt(number: number, fields: Partial<AttemptRecord> = {}): AttemptRecord {
  return {
    attempt: number,
    startedAt: T0 + number * 1_000,
    durationMs: 120.5,
    verdict: {
      kind: "permanent",
      effect: "unknown",
      rule: "status:500",
      because: "500 Internal Server Error",
      status: 500,
      code: "INVALID_FIELD",
      hint: { delayMs: 2_000, source: "retry-after" },
    },
    because: { code: "permanent", rule: "status:500", attempt: number, maxAttempts: 6 },
    headers: { "content-type": "application/json" },
    bodyExcerpt: '{"error":"Feld „größe“ ist ungültig 🪸"}',
    upstreamRequestId: "req_123",
    ...fields,
  };
}

/** A dead letter. Ids are made from the number, so that they sort as UUIDv7 ids of that order do. */
export function letter(number: number, fields: Partial<NewDeadLetter> = {}): NewDeadLetter {
  return {
    id: `01900000-0000-7000-8000-${String(number).padStart(12, "0")}`,
    api: "crm",
    endpoint: "POST /contacts",
    partition: "default",
    reason: "permanent",
    because: { code: "permanent", rule: "status:500", detail: "validation reported as 500" },
    fingerprint: "v1:aaaaaaaaaaaaaaaa",
    title: "permanent 500 INVALID_FIELD on crm POST /contacts",
    request: {
      method: "POST",
      url: "https://api.example.com/contacts",
      headers: [["content-type", "application/json"]],
      body: utf8(`{"number":${number}}`),
    },
    idempotencyKey: `lead-${number}`,
    labels: { lead: String(number) },
    attempts: [attempt(1), attempt(2)],
    firstAttemptAt: T0,
    diedAt: T0 + number,
    ...fields,
  };
}

/** Every item of a listing, page by page. */
export async function collect<Item>(
  readPage: (after: string | undefined) => Promise<{ readonly items: readonly Item[]; readonly next: string | null }>,
): Promise<Item[]> {
  const all: Item[] = [];
  let after: string | undefined;
  for (;;) {
    const page = await readPage(after);
    all.push(...page.items);
    if (page.next === null) return all;
    after = page.next;
  }
}

/** The parameter of a page, with `after` only where there is one. */
export function pageOf(limit: number, after?: string | null): { readonly limit: number; readonly after?: string } {
  return { limit, ...(after !== undefined && after !== null && { after }) };
}

/** An operation. Ids are made from the number, so that they sort as UUIDv7 ids of that order do. */
export function operation(number: number, fields: Partial<NewOperation> = {}): NewOperation {
  return {
    id: `01900000-0000-7000-9000-${String(number).padStart(12, "0")}`,
    api: "crm",
    endpoint: "POST /contacts",
    partition: "",
    flow: "",
    request: {
      method: "POST",
      url: "https://api.example.com/contacts",
      headers: [["content-type", "application/json"]],
      body: utf8(`{"number":${number}}`),
    },
    fingerprint: `payload-${number}`,
    labels: {},
    priority: 0,
    acceptedAt: T0 + number,
    dueAt: T0 + number,
    ...fields,
  };
}

/** The number that {@link operation} or {@link letter} made an id from. */
export function numberOf({ id }: { readonly id: string }): number {
  return Number(id.slice(-12));
}
