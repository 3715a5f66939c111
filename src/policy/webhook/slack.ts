import { sha256Hex } from "../idempotency/sha256.ts";
import { fromHex, joined, utf8 } from "./encoding.ts";
import {
  anyMatches,
  fieldOf,
  jsonOf,
  missing,
  refused,
  timely,
  type VerifyContext,
  type Verification,
  type WebhookRequest,
} from "./verification.ts";

/**
 * Slack: `X-Slack-Signature: v0=…`, hex HMAC-SHA256 over `v0:`, the timestamp, a colon and the body. Taken once by `event_id`; what
 * has none (commands, interactions) by its `trigger_id`, or else by its whole body. The handshake by which Slack tries a new
 * URL is answered. https://docs.slack.dev/authentication/verifying-requests-from-slack
 */
export async function verifySlack(request: WebhookRequest, context: VerifyContext): Promise<Verification> {
  const header = request.headers.get("x-slack-signature");
  const timestamp = request.headers.get("x-slack-request-timestamp");
  if (header === null) return missing("X-Slack-Signature");
  if (timestamp === null) return missing("X-Slack-Request-Timestamp");
  const signature = header.startsWith("v0=") ? fromHex(header.slice("v0=".length)) : undefined;
  const message = joined(`v0:${timestamp}:`, request.body);
  if (signature === undefined || !(await anyMatches([signature], context.secrets.map(utf8), message))) {
    return refused("signature-wrong", "the header X-Slack-Signature was not made with our secret over this timestamp and body");
  }
  const sentAt = timely(timestamp, 1000, context);
  if (typeof sentAt !== "number") return sentAt;
  const json = jsonOf(request.body);
  const challenge = fieldOf(json, "challenge");
  if (challenge !== undefined && fieldOf(json, "type") === "url_verification") return { state: "handshake", answer: challenge };
  const id = fieldOf(json, "event_id") ?? triggerOf(request.body) ?? sha256Hex(request.body);
  return { state: "verified", events: [{ id, content: request.body, sentAt }] };
}

/** Of a command, which is a form; of an interaction, which is JSON in a form's field. */
function triggerOf(body: Uint8Array): string | undefined {
  const form = new URLSearchParams(new TextDecoder().decode(body));
  const trigger = form.get("trigger_id") ?? fieldOf(jsonOf(utf8(form.get("payload") ?? "")), "trigger_id");
  return trigger === "" ? undefined : trigger;
}
