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
 * Stripe: `Stripe-Signature: t=…,v1=…`, hex HMAC-SHA256 over timestamp, a dot and the body. Taken once by the event's `id`.
 * https://docs.stripe.com/webhooks#verify-manually
 */
export async function verifyStripe(request: WebhookRequest, context: VerifyContext): Promise<Verification> {
  const header = request.headers.get("stripe-signature");
  if (header === null) return missing("Stripe-Signature");
  const parts = header.split(",").map((part) => part.trim().split("=", 2) as [string, string?]);
  const timestamp = parts.find(([name]) => name === "t")?.[1] ?? "";
  const signatures = parts.flatMap(([name, value = ""]) => {
    const bytes = name === "v1" ? fromHex(value) : undefined;
    return bytes === undefined ? [] : [bytes];
  });
  if (!(await anyMatches(signatures, context.secrets.map(utf8), joined(`${timestamp}.`, request.body)))) {
    return refused("signature-wrong", "no v1 signature of the header Stripe-Signature was made with our secret over this body");
  }
  const sentAt = timely(timestamp, 1000, context);
  if (typeof sentAt !== "number") return sentAt;
  const id = fieldOf(jsonOf(request.body), "id");
  if (id === undefined) return refused("id-missing", "the body is not a JSON object with an id");
  return { state: "verified", events: [{ id, content: request.body, sentAt }] };
}
