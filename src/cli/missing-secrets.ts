import { secretsOf } from "../api/auth.ts";
import { readReference, type SecretReference } from "../api/secret.ts";
import type { HoldfastConfig } from "../client/define-config.ts";

/** Secrets that a config refers to and that are not there now: what would be said when they are wanted. */
export function missingSecrets({
  store,
  apis,
  tokens = [],
  inboxes = {},
  alerts,
  callbacks,
  deadLetters,
}: HoldfastConfig): readonly string[] {
  const named: (readonly [path: string, source: unknown])[] = [
    ["store", store],
    ...Object.entries(apis).flatMap(([name, { auth }]) =>
      auth === undefined ? [] : secretsOf(auth).map(([field, source]) => [`apis.${name}.auth.${field}`, source] as const),
    ),
    ...tokens.map(({ token }, index) => [`tokens[${index}].token`, token] as const),
    ...Object.entries(inboxes).flatMap(([source, { verify }]) => each(`inboxes.${source}.verify.secret`, verify.secret)),
    ...(alerts?.to ?? []).flatMap((sink, index) =>
      (["url", "secret", "routingKey"] as const).map(
        (field) => [`alerts.to[${index}].${field}`, (sink as Readonly<Record<string, unknown>>)[field]] as const,
      ),
    ),
    ...each("callbacks.secret", callbacks?.secret),
    ...each("deadLetters.webhook.secret", deadLetters?.webhook?.secret),
  ];
  return named.flatMap(([path, source]) => (isReference(source) ? missing(source, path) : []));
}

function each(path: string, sources: unknown): readonly (readonly [path: string, source: unknown])[] {
  return Array.isArray(sources) ? sources.map((source: unknown, index) => [`${path}[${index}]`, source] as const) : [[path, sources]];
}

function isReference(source: unknown): source is SecretReference {
  return typeof source === "object" && source !== null && ("env" in source || "file" in source);
}

function missing(source: SecretReference, path: string): readonly string[] {
  try {
    readReference(source, path);
    return [];
  } catch (error) {
    return [error instanceof Error ? error.message : String(error)];
  }
}
