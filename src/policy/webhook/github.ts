import { fromHex, joined, utf8 } from "./encoding.ts";
import { anyMatches, missing, refused, type VerifyContext, type Verification, type WebhookRequest } from "./verification.ts";

/**
 * GitHub: `X-Hub-Signature-256: sha256=…`, hex HMAC-SHA256 over the body. It signs no timestamp; a redelivery has the id of the
 * first one. https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries
 */
export async function verifyGithub(request: WebhookRequest, context: VerifyContext): Promise<Verification> {
  const header = request.headers.get("x-hub-signature-256");
  if (header === null) return missing("X-Hub-Signature-256");
  const signature = header.startsWith("sha256=") ? fromHex(header.slice("sha256=".length)) : undefined;
  if (signature === undefined || !(await anyMatches([signature], context.secrets.map(utf8), joined(request.body)))) {
    return refused("signature-wrong", "the header X-Hub-Signature-256 was not made with our secret over this body");
  }
  const id = request.headers.get("x-github-delivery");
  if (id === null || id === "") return refused("id-missing", "the header X-GitHub-Delivery is missing");
  return { state: "verified", events: [{ id, content: request.body }] };
}
