import { ConfigError } from "../core/errors.ts";
import { refuseUnknown } from "../core/options.ts";
import { shown } from "../core/shown.ts";
import type { ApiOptions, RetryConfig } from "./api-options.ts";
import { checkRetry } from "./retry-config.ts";
import { checkSecret, type SecretSource } from "./secret.ts";

/** How the ends of operations are told to the URLs that they name as their `callback`. */
export interface CallbackOptions {
  /** Signs by Standard Webhooks: `whsec_` and base64. Several while receivers change over. */
  readonly secret: SecretSource | readonly SecretSource[];
  /** @default 9 attempts over three days: 5s, 5m, 30m, 2h, 5h, 10h, 14h and 20h apart */
  readonly retry?: RetryConfig;
}

/** Its API's name: none that a user could give. */
export const CALLBACK_API = "@callback";

/** What stands under `callbacks`. @throws ConfigError */
export function checkCallbacks(options: unknown, path: string, more: readonly string[] = []): asserts options is CallbackOptions {
  refuseUnknown(options, [...(["secret", "retry"] satisfies (keyof CallbackOptions)[]), ...more], path);
  const { secret, retry } = options as { readonly secret?: unknown; readonly retry?: unknown };
  checkRetry(retry, `${path}.retry`);
  if (!Array.isArray(secret)) return checkSecret(secret, `${path}.secret`);
  if (secret.length === 0) throw new ConfigError({ path: `${path}.secret`, message: `${path}.secret is an empty list; give a secret` });
  for (const [index, one] of secret.entries()) checkSecret(one, `${path}.secret[${index}]`);
}

/** A URL that an operation's end is told to: kept with it, so without a credential. @throws ConfigError */
export function checkCallbackUrl(url: unknown, path: string): void {
  const parsed = typeof url === "string" && URL.canParse(url) ? new URL(url) : undefined;
  if (parsed === undefined || !/^https?:$/.test(parsed.protocol)) {
    throw new ConfigError({ path, message: `${path} is ${shown(url)}; give a full http or https URL, such as "https://example.com/done"` });
  }
  if (parsed.username !== "" || parsed.password !== "" || parsed.hash !== "") {
    throw new ConfigError({ path, message: `${path} holds a credential or a fragment; remove it: what is sent there is signed` });
  }
}

const UNTIL_TAKEN = "a callback is sent until it is taken";

/** The API that callbacks go through: the receiver dedupes by `webhook-id`, so that what is in doubt is sent again. */
export function callbackApi({ retry }: CallbackOptions): ApiOptions {
  return {
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
