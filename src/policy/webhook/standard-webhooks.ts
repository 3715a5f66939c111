import { ConfigError } from "../../core/errors.ts";
import { fromBase64, joined, toBase64 } from "./encoding.ts";
import { hmac } from "./hmac.ts";
import { anyMatches, missing, refused, timely, type VerifyContext, type Verification, type WebhookRequest } from "./verification.ts";

const PREFIX = "whsec_";
/** The specification asks for 24 to 64 random bytes. */
const LEAST_SECRET_BYTES = 24;

/** What is to be signed. */
export interface OutgoingWebhook {
  /** The same at every attempt: the receiver dedupes by it. */
  readonly id: string;
  /** Of this attempt; wall-clock milliseconds. */
  readonly now: number;
  /** As it is sent. */
  readonly body: string | Uint8Array;
  /** `whsec_` and base64. Several: signed with each, so that the receiver can change over. */
  readonly secrets: readonly string[];
  /** Names the option that holds the secrets, for errors. @default "secret" */
  readonly path?: string;
}

/**
 * The headers that sign a webhook by [Standard Webhooks](https://www.standardwebhooks.com) 1.0: HMAC-SHA256 over id, timestamp and
 * body, `v1,` and base64.
 *
 * @throws ConfigError for a secret that is not `whsec_` and base64 of at least 24 bytes. It never shows the secret.
 */
export async function signWebhook({ id, now, body, secrets, path = "secret" }: OutgoingWebhook): Promise<Readonly<Record<string, string>>> {
  if (secrets.length === 0) throw new ConfigError({ path, message: `${path} is empty; give a secret to sign webhooks with` });
  const timestamp = String(Math.floor(now / 1000));
  const message = joined(`${id}.${timestamp}.`, body);
  const signatures = await Promise.all(
    secrets.map(async (secret) => `v1,${toBase64(await hmac(secretBytes(secret, path, LEAST_SECRET_BYTES), message))}`),
  );
  return { "webhook-id": id, "webhook-timestamp": timestamp, "webhook-signature": signatures.join(" ") };
}

/** Verifies what {@link signWebhook} signs. A header of signatures may hold several, of versions that we do not know too. */
export async function verifyStandardWebhook(request: WebhookRequest, context: VerifyContext): Promise<Verification> {
  const id = request.headers.get("webhook-id");
  const timestamp = request.headers.get("webhook-timestamp");
  const header = request.headers.get("webhook-signature");
  if (id === null || id === "") return missing("webhook-id");
  if (timestamp === null) return missing("webhook-timestamp");
  if (header === null) return missing("webhook-signature");
  const signatures = header.split(" ").flatMap((part) => {
    const bytes = part.startsWith("v1,") ? fromBase64(part.slice(3)) : undefined;
    return bytes === undefined ? [] : [bytes];
  });
  const keys = context.secrets.map((secret) => secretBytes(secret, "verify.secret", 1));
  if (!(await anyMatches(signatures, keys, joined(`${id}.${timestamp}.`, request.body)))) {
    return refused(
      "signature-wrong",
      "no signature of the header webhook-signature was made with our secret over this id, timestamp and body",
    );
  }
  const sentAt = timely(timestamp, 1000, context);
  return typeof sentAt === "number" ? { state: "verified", events: [{ id, content: request.body, sentAt }] } : sentAt;
}

function secretBytes(secret: string, path: string, least: number): Uint8Array<ArrayBuffer> {
  const bytes = fromBase64(secret.startsWith(PREFIX) ? secret.slice(PREFIX.length) : secret);
  if (bytes !== undefined && bytes.length >= least) return bytes;
  throw new ConfigError({
    path,
    message: `${path} is not a secret of Standard Webhooks: "whsec_" and the base64 of ${least > 1 ? `${least} to 64 random bytes` : "its bytes"}`,
  });
}
