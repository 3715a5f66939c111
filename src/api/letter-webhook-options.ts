import { ConfigError } from "../core/errors.ts";
import { refuseUnknown } from "../core/options.ts";
import { shown } from "../core/shown.ts";
import type { ApiOptions, RetryConfig } from "./api-options.ts";
import { checkRetry } from "./retry-config.ts";
import { checkSecret, type SecretSource } from "./secret.ts";

/** What is done about dead letters as they come. */
export interface DeadLetterOptions {
  /** Who is told of each. */
  readonly webhook?: LetterWebhookOptions;
}

/**
 * A URL that is told of new dead letters, durably: through the queue of the store, until it answers with a 2xx. The store needs one, and
 * the worker starts with the engine.
 */
export interface LetterWebhookOptions {
  /** It is trusted, as everything in a config is. */
  readonly url: string;
  /** Signs by Standard Webhooks: `whsec_` and base64. Several while a receiver changes over. @default unsigned */
  readonly secret?: SecretSource | readonly SecretSource[];
  /** Told of each letter, or only of a new group and of one that regressed. @default "letter" */
  readonly each?: "letter" | "group";
  /** @default 9 attempts over three days: 5s, 5m, 30m, 2h, 5h, 10h, 14h and 20h apart */
  readonly retry?: RetryConfig;
}

/** Its API's name: none that a user could give. */
export const LETTER_WEBHOOK_API = "@dead-letter-webhook";

const OPTIONS = ["url", "secret", "each", "retry"] satisfies (keyof LetterWebhookOptions)[];

/** What stands under `deadLetters`. @throws ConfigError */
export function checkDeadLetterOptions(options: unknown, path: string): asserts options is DeadLetterOptions {
  refuseUnknown(options, ["webhook"] satisfies (keyof DeadLetterOptions)[], path);
  const { webhook } = options as { readonly webhook?: unknown };
  if (webhook !== undefined) checkWebhook(webhook, `${path}.webhook`);
}

function checkWebhook(options: unknown, path: string): void {
  refuseUnknown(options, OPTIONS, path);
  const { url, secret, each, retry } = options as Readonly<Record<string, unknown>>;
  checkRetry(retry, `${path}.retry`);
  const parsed = typeof url === "string" && URL.canParse(url) ? new URL(url) : undefined;
  if (parsed === undefined || !/^https?:$/.test(parsed.protocol)) {
    throw new ConfigError({
      path: `${path}.url`,
      message: `${path}.url is ${shown(url)}; give a full http or https URL, such as "https://hooks.example.com/letters"`,
    });
  }
  if (parsed.username !== "" || parsed.password !== "" || parsed.hash !== "") {
    throw new ConfigError({
      path: `${path}.url`,
      message: `${path}.url holds a credential or a fragment, which would be kept with each delivery or sent to nobody; remove it, and sign with ${path}.secret`,
    });
  }
  if (Array.isArray(secret)) {
    if (secret.length === 0)
      throw new ConfigError({ path: `${path}.secret`, message: `${path}.secret is an empty list; give a secret, or leave it out` });
    for (const [index, one] of secret.entries()) checkSecret(one, `${path}.secret[${index}]`);
  } else if (secret !== undefined) checkSecret(secret, `${path}.secret`);
  if (each !== undefined && each !== "letter" && each !== "group") {
    throw new ConfigError({ path: `${path}.each`, message: `${path}.each is ${shown(each)}; give "letter" or "group"` });
  }
}

const UNTIL_TAKEN = "a webhook is sent until it is taken";

/** The API that deliveries go through: the receiver dedupes by `webhook-id`, so that what is in doubt is sent again. */
export function letterWebhookApi({ url, retry }: LetterWebhookOptions): ApiOptions {
  const base = new URL(url);
  base.search = "";
  return {
    baseUrl: base.href,
    idempotency: { header: "webhook-id" },
    retry: retry ?? { maxAttempts: 9, backoff: ["5s", "5m", "30m", "2h", "5h", "10h", "14h", "20h"] },
    timeout: { attempt: "20s" },
    retryBudget: false,
    classify: [
      { when: { status: [300, 428] }, then: "transient", because: UNTIL_TAKEN },
      { when: { status: [430, 499] }, then: "transient", because: UNTIL_TAKEN },
    ],
  };
}
