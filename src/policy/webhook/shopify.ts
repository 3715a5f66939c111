import { fromBase64, joined, utf8 } from "./encoding.ts";
import { anyMatches, missing, refused, type VerifyContext, type Verification, type WebhookRequest } from "./verification.ts";

/**
 * Shopify: `X-Shopify-Hmac-Sha256`, base64 HMAC-SHA256 over the body. It signs no timestamp; a repeat is found out by its id. One event
 * may come under several topics and for several shops, each of which is a delivery of its own.
 * https://shopify.dev/docs/apps/build/webhooks/subscribe/https, https://shopify.dev/docs/apps/build/webhooks/ignore-duplicates
 */
export async function verifyShopify(request: WebhookRequest, context: VerifyContext): Promise<Verification> {
  const header = request.headers.get("x-shopify-hmac-sha256");
  if (header === null) return missing("X-Shopify-Hmac-Sha256");
  const signature = fromBase64(header);
  if (signature === undefined || !(await anyMatches([signature], context.secrets.map(utf8), joined(request.body)))) {
    return refused("signature-wrong", "the header X-Shopify-Hmac-Sha256 was not made with our secret over this body");
  }
  const event = request.headers.get("x-shopify-event-id") ?? request.headers.get("x-shopify-webhook-id");
  if (event === null || event === "") return refused("id-missing", "the header X-Shopify-Event-Id is missing");
  const scope = ["x-shopify-shop-domain", "x-shopify-topic"].map((name) => request.headers.get(name) ?? "");
  return { state: "verified", events: [{ id: [...scope, event].join(" "), content: request.body }] };
}
