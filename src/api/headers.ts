import { ConfigError } from "../core/errors.ts";
import { shown } from "../core/shown.ts";

/** A header's name (a token of RFC 9110 §5.6.2). */
export function headerNameAt(value: unknown, path: string): string {
  if (typeof value === "string" && /^[A-Za-z0-9!#$%&'*+.^_`|~-]+$/.test(value)) return value;
  throw new ConfigError({ path, message: `${path} is ${shown(value)}, which is not a header name` });
}

/** Request headers that may be kept; everything else, credentials first of all, is not. */
const KEPT_HEADERS: readonly string[] = [
  "accept",
  "accept-language",
  "content-type",
  "content-language",
  "idempotency-key",
  "if-match",
  "if-none-match",
  "prefer",
  "stripe-version",
  "anthropic-version",
  "anthropic-beta",
  "openai-beta",
];

/** Words in a header's name that say that it carries a credential: `Authorization`, `X-Api-Key`, `X-Shopify-Access-Token`, `Cookie`. */
const CREDENTIAL =
  /(?:^|[-_])(?:authorization|authenticate|auth|api-?key|apikey|cookies?|set-cookie|credentials?|passw(?:or)?d|secret|token|jwt|signature)(?:$|[-_])/i;

/** The headers of a request that may stand in a dead letter. Throws where one of them is, or is named like, a credential. */
export function keptHeaders(
  extra: unknown,
  own: { readonly keyHeader: string | undefined; readonly credentialHeader: string | undefined },
  path: string,
): ReadonlySet<string> {
  const names = new Set(KEPT_HEADERS);
  if (own.keyHeader !== undefined) names.add(own.keyHeader.toLowerCase());
  if (!Array.isArray(extra)) throw new ConfigError({ path, message: `${path} is ${shown(extra)}; give a list of header names` });
  for (const [index, given] of extra.entries()) {
    const name = headerNameAt(given, `${path}[${index}]`).toLowerCase();
    if (CREDENTIAL.test(name) || name === own.credentialHeader) {
      throw new ConfigError({
        path: `${path}[${index}]`,
        message: `${path}[${index}] is ${shown(given)}, which carries a credential; give the API its auth instead, so that a replay can send a fresh one`,
      });
    }
    names.add(name);
  }
  return names;
}
