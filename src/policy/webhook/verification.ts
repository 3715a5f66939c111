import { isHmac, type HmacHash } from "./hmac.ts";

/** A webhook as it came in: the bytes, not what somebody made of them. */
export interface WebhookRequest {
  readonly method: string;
  /** Absolute, as the sender called it. */
  readonly url: string;
  readonly headers: { get(name: string): string | null };
  readonly body: Uint8Array<ArrayBuffer>;
}

/** One event of a delivery. */
export interface WebhookEvent {
  /** The same at every delivery of this event, and at no other event's. */
  readonly id: string;
  /** What is handed on. */
  readonly content: Uint8Array<ArrayBuffer>;
  /** Tells two events under one id apart. @default the hash of `content` */
  readonly fingerprint?: string;
  /** When the sender says that it was sent; wall-clock milliseconds. */
  readonly sentAt?: number;
}

/** Why a delivery is not taken. */
export type Refusal = "signature-missing" | "signature-wrong" | "timestamp-wrong" | "id-missing" | "body-wrong";

export type Verification =
  | { readonly state: "verified"; readonly events: readonly WebhookEvent[] }
  /** The sender asks whether somebody is there; `answer` is to be sent back, and nothing was delivered. */
  | { readonly state: "handshake"; readonly answer: string }
  | { readonly state: "refused"; readonly refusal: Refusal; readonly because: string };

/** What a scheme may look at beside the request. */
export interface VerifyContext {
  /** Any of them may have signed, so that a secret can be replaced without a gap. */
  readonly secrets: readonly string[];
  /** Wall-clock milliseconds. */
  readonly now: number;
  /** How far a signed timestamp may be from `now`, in both directions. */
  readonly toleranceMs: number;
}

export type Verify = (request: WebhookRequest, context: VerifyContext) => Promise<Verification>;

export function refused(refusal: Refusal, because: string): Verification {
  return { state: "refused", refusal, because };
}

export function missing(header: string): Verification {
  return refused("signature-missing", `the header ${header} is missing`);
}

/** Whether one of the signatures was made with one of the secrets. All are tried, so that the time does not tell which one. */
export async function anyMatches(
  signatures: readonly Uint8Array<ArrayBuffer>[],
  keys: readonly Uint8Array<ArrayBuffer>[],
  message: Uint8Array<ArrayBuffer>,
  hash?: HmacHash,
): Promise<boolean> {
  const pairs = signatures.flatMap((signature) => keys.map((key) => isHmac(signature, key, message, hash)));
  return (await Promise.all(pairs)).includes(true);
}

/** Refuses a timestamp that is too far from now; the instant, in milliseconds, where it is not. */
export function timely(text: string, unitMs: number, { now, toleranceMs }: VerifyContext): number | Verification {
  const sentAt = /^\d{1,16}$/.test(text) ? Number(text) * unitMs : Number.NaN;
  if (Number.isNaN(sentAt)) return refused("timestamp-wrong", "the timestamp is not a whole number");
  const offMs = Math.abs(now - sentAt);
  if (offMs <= toleranceMs) return sentAt;
  const direction = sentAt < now ? "old" : "ahead of this machine's clock";
  return refused(
    "timestamp-wrong",
    `the timestamp is ${Math.round(offMs / 1000)} s ${direction}; at most ${toleranceMs / 1000} s are allowed`,
  );
}

/** The body as JSON; undefined where it is none. */
export function jsonOf(body: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(body)) as unknown;
  } catch {
    return undefined;
  }
}

/** A text or a number by its name, as text. */
export function fieldOf(value: unknown, name: string): string | undefined {
  if (typeof value !== "object" || value === null || !Object.hasOwn(value, name)) return undefined;
  const field = (value as Record<string, unknown>)[name];
  return (typeof field === "string" && field !== "") || typeof field === "number" ? String(field) : undefined;
}
