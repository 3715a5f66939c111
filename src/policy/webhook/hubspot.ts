import { canonicalJson } from "../idempotency/canonical-json.ts";
import { sha256Hex } from "../idempotency/sha256.ts";
import { fromBase64, joined, utf8 } from "./encoding.ts";
import {
  anyMatches,
  jsonOf,
  missing,
  refused,
  timely,
  type VerifyContext,
  type Verification,
  type WebhookEvent,
  type WebhookRequest,
} from "./verification.ts";

/** What HubSpot says of an event that is not the event's: which attempt this is. */
const OF_THE_ATTEMPT: ReadonlySet<string> = new Set(["attemptNumber"]);
/** These are decoded in the URL before it is signed. */
const DECODED: Readonly<Record<string, string>> = {
  "%3A": ":",
  "%2F": "/",
  "%3F": "?",
  "%40": "@",
  "%21": "!",
  "%24": "$",
  "%27": "'",
  "%28": "(",
  "%29": ")",
  "%2A": "*",
  "%2C": ",",
  "%3B": ";",
};

/**
 * HubSpot, version 3: `X-HubSpot-Signature-v3`, base64 HMAC-SHA256 over method, URL, body and the timestamp in milliseconds. A
 * delivery holds up to 100 events, and a repeat may hold others; its `eventId` is not unique. So each event is taken by itself,
 * by what it says but for `attemptNumber`.
 * https://developers.hubspot.com/docs/apps/developer-platform/build-apps/authentication/request-validation
 */
export async function verifyHubspot(request: WebhookRequest, context: VerifyContext): Promise<Verification> {
  const header = request.headers.get("x-hubspot-signature-v3");
  const timestamp = request.headers.get("x-hubspot-request-timestamp");
  if (header === null) return missing("X-HubSpot-Signature-v3");
  if (timestamp === null) return missing("X-HubSpot-Request-Timestamp");
  const url = request.url.replaceAll(/%[0-9a-f]{2}/gi, (code) => DECODED[code.toUpperCase()] ?? code);
  const signature = fromBase64(header);
  const message = joined(request.method, url, request.body, timestamp);
  if (signature === undefined || !(await anyMatches([signature], context.secrets.map(utf8), message))) {
    return refused(
      "signature-wrong",
      "the header X-HubSpot-Signature-v3 was not made with our secret over this method, URL, body and timestamp; behind a proxy, say what HubSpot calls us by: verify.url",
    );
  }
  const sentAt = timely(timestamp, 1, context);
  if (typeof sentAt !== "number") return sentAt;
  const body = jsonOf(request.body);
  if (body === undefined) return refused("body-wrong", "the body is not JSON");
  return { state: "verified", events: Array.isArray(body) ? body.map((event) => eventOf(event, sentAt)) : [eventOf(body, sentAt)] };
}

function eventOf(event: unknown, sentAt: number): WebhookEvent {
  const id = sha256Hex(canonicalJson(event, OF_THE_ATTEMPT));
  return { id, content: utf8(JSON.stringify([event])), fingerprint: id, sentAt };
}
