import { fromBase64, fromHex, joined, utf8 } from "./encoding.ts";
import type { HmacHash } from "./hmac.ts";
import {
  anyMatches,
  jsonOf,
  missing,
  refused,
  timely,
  type VerifyContext,
  type Verification,
  type WebhookRequest,
} from "./verification.ts";

/** How a sender signs that follows nobody's scheme: an HMAC over the body in a header. */
export interface PlainHmac {
  /** The header that holds the signature. */
  readonly header: string;
  /** What stands before it in the header, such as `sha256=`. @default "" */
  readonly prefix?: string;
  /** @default "hex" */
  readonly encoding?: "hex" | "base64";
  /** @default "sha256" */
  readonly hash?: "sha256" | "sha512" | "sha1";
  /** Where the event's id stands: in a header, or in the JSON body by a dotted path. */
  readonly id: { readonly header: string } | { readonly json: string };
  /** A header with the time of sending, if it is signed: the message is then timestamp, a dot and the body. */
  readonly timestamp?: { readonly header: string; readonly unit: "s" | "ms" };
}

const HASHES: Readonly<Record<NonNullable<PlainHmac["hash"]>, HmacHash>> = { sha256: "SHA-256", sha512: "SHA-512", sha1: "SHA-1" };

/** Verifies by an HMAC whose place and form the receiver knows. */
export async function verifyPlainHmac(plain: PlainHmac, request: WebhookRequest, context: VerifyContext): Promise<Verification> {
  const { header: name, prefix = "", encoding = "hex", hash = "sha256" } = plain;
  const header = request.headers.get(name);
  if (header === null) return missing(name);
  const timestamp = plain.timestamp === undefined ? undefined : request.headers.get(plain.timestamp.header);
  if (timestamp === null) return missing(plain.timestamp?.header ?? "");
  const text = header.startsWith(prefix) ? header.slice(prefix.length) : "!";
  const signature = encoding === "hex" ? fromHex(text) : fromBase64(text);
  const message = timestamp === undefined ? joined(request.body) : joined(`${timestamp}.`, request.body);
  if (signature === undefined || !(await anyMatches([signature], context.secrets.map(utf8), message, HASHES[hash]))) {
    return refused("signature-wrong", `the header ${name} was not made with our secret over this body`);
  }
  const sentAt = timestamp === undefined ? undefined : timely(timestamp, plain.timestamp?.unit === "ms" ? 1 : 1000, context);
  if (typeof sentAt === "object") return sentAt;
  const id = "header" in plain.id ? request.headers.get(plain.id.header) : atPath(jsonOf(request.body), plain.id.json);
  if (id === null || id === undefined || id === "") {
    return refused("id-missing", "header" in plain.id ? `the header ${plain.id.header} is missing` : `the body has no ${plain.id.json}`);
  }
  return { state: "verified", events: [{ id, content: request.body, ...(sentAt === undefined ? {} : { sentAt }) }] };
}

function atPath(value: unknown, path: string): string | undefined {
  let found = value;
  for (const name of path.split(".")) {
    if (typeof found !== "object" || found === null || !Object.hasOwn(found, name)) return undefined;
    found = (found as Record<string, unknown>)[name];
  }
  return typeof found === "string" || typeof found === "number" ? String(found) : undefined;
}
