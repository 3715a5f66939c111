import { checkSecret, readSecret, type SecretSource } from "../../api/secret.ts";
import { durationMs, type Duration } from "../../core/duration.ts";
import { ConfigError } from "../../core/errors.ts";
import { refuseUnknown } from "../../core/options.ts";
import { shown } from "../../core/shown.ts";
import { isHeaderName } from "../../policy/hints/hint-headers.ts";
import { verifyPlainHmac, type PlainHmac } from "../../policy/webhook/plain-hmac.ts";
import { SCHEMES, type SchemeName } from "../../policy/webhook/schemes.ts";
import type { Verification, WebhookRequest } from "../../policy/webhook/verification.ts";

interface VerifyCommon {
  /** What the sender signs with. Several while it is being replaced. */
  readonly secret: SecretSource | readonly SecretSource[];
  /** How far a signed timestamp may be off, in both directions. @default "5m" */
  readonly tolerance?: Duration;
}

/** How it is known who sent a webhook: data, so that it can stand in a config. */
export type VerifyOptions =
  | (VerifyCommon & {
      readonly scheme: SchemeName;
      /** The URL that the sender calls, where a proxy changes it; HubSpot signs it. */
      readonly url?: string;
    })
  | (VerifyCommon & { readonly scheme: "hmac" } & PlainHmac);

const COMMON = ["scheme", "secret", "tolerance"];
const HMAC = ["header", "prefix", "encoding", "hash", "id", "timestamp"] as const satisfies readonly (keyof PlainHmac)[];

/** Verifies a request at an instant. */
export type Verifier = (request: WebhookRequest, now: number) => Promise<Verification>;

/** Checks how webhooks are verified. @throws ConfigError that names the option by its path */
export function verifierOf(options: VerifyOptions, path: string): Verifier {
  const scheme: unknown = (options as { readonly scheme?: unknown } | undefined)?.scheme;
  if (typeof scheme !== "string" || (scheme !== "hmac" && !Object.hasOwn(SCHEMES, scheme))) {
    const known = [...Object.keys(SCHEMES), "hmac"].map((name) => JSON.stringify(name)).join(", ");
    throw new ConfigError({ path: `${path}.scheme`, message: `${path}.scheme is ${shown(scheme)}; give one of ${known}` });
  }
  refuseUnknown(options, [...COMMON, ...(options.scheme === "hmac" ? HMAC : options.scheme === "hubspot" ? ["url"] : [])], path);
  const secrets = Array.isArray(options.secret) ? (options.secret as readonly SecretSource[]) : [options.secret as SecretSource];
  if (secrets.length === 0)
    throw new ConfigError({ path: `${path}.secret`, message: `${path}.secret is empty; nothing could be verified` });
  for (const [index, secret] of secrets.entries())
    checkSecret(secret, Array.isArray(options.secret) ? `${path}.secret[${index}]` : `${path}.secret`);
  const toleranceMs = durationMs(options.tolerance ?? "5m", `${path}.tolerance`);
  const contextAt = async (
    now: number,
  ): Promise<{ readonly secrets: readonly string[]; readonly now: number; readonly toleranceMs: number }> => ({
    secrets: await Promise.all(secrets.map(async (secret) => await readSecret(secret, `${path}.secret`))),
    now,
    toleranceMs,
  });
  if (options.scheme === "hmac") {
    checkHmac(options, path);
    return async (request, now) => await verifyPlainHmac(options, request, await contextAt(now));
  }
  const verify = SCHEMES[options.scheme];
  const { url } = options;
  if (url !== undefined && !URL.canParse(url))
    throw new ConfigError({ path: `${path}.url`, message: `${path}.url is ${shown(url)}; give the full URL` });
  return async (request, now) => await verify(url === undefined ? request : { ...request, url }, await contextAt(now));
}

function checkHmac(options: PlainHmac, path: string): void {
  const refuse = (name: string, problem: string): never => {
    throw new ConfigError({ path: `${path}.${name}`, message: `${path}.${name} ${problem}` });
  };
  const { header, prefix, encoding, hash, id, timestamp } = options;
  if (!isHeaderName(header)) refuse("header", `is ${shown(header)}; give the header that holds the signature`);
  if (prefix !== undefined && typeof prefix !== "string") refuse("prefix", `is ${shown(prefix)}; give a text`);
  if (encoding !== undefined && encoding !== "hex" && encoding !== "base64")
    refuse("encoding", `is ${shown(encoding)}; give "hex" or "base64"`);
  if (hash !== undefined && !["sha256", "sha512", "sha1"].includes(hash))
    refuse("hash", `is ${shown(hash)}; give "sha256", "sha512" or "sha1"`);
  const place: unknown = typeof id === "object" && (id as unknown) !== null ? Object.entries(id) : undefined;
  const [where, name] = (Array.isArray(place) && place.length === 1 ? place[0] : []) as readonly unknown[];
  if (!(where === "header" ? isHeaderName(name) : where === "json" && typeof name === "string" && name !== "")) {
    refuse("id", `is ${shown(id)}; say where the event's id stands: { header: "X-Event-Id" } or { json: "event.id" }`);
  }
  if (timestamp === undefined) return;
  refuseUnknown(timestamp, ["header", "unit"], `${path}.timestamp`);
  if (!isHeaderName(timestamp.header)) refuse("timestamp.header", `is ${shown(timestamp.header)}; give a header`);
  if (timestamp.unit !== "s" && timestamp.unit !== "ms") refuse("timestamp.unit", `is ${shown(timestamp.unit)}; give "s" or "ms"`);
}
