import { ConfigError } from "../../core/errors.ts";
import { shown } from "../../core/shown.ts";
import { canonicalJson } from "./canonical-json.ts";
import { sha256Hex } from "./sha256.ts";

/**
 * A key that is the same for the same logical operation, on every attempt, restart and replay: SHA-256 over the canonical
 * JSON of `[api, endpoint, parts]`, as 64 hex digits. Give what makes the operation what it is (the lead's email, the order
 * and the step), never the time or a random number.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { idempotencyKey } from "holdfast";
 *
 * const key = idempotencyKey("crm", "POST /contacts", ["ada@example.com"]);
 * assert.equal(key, idempotencyKey("crm", "POST /contacts", ["ada@example.com"]));
 * assert.notEqual(key, idempotencyKey("crm", "POST /contacts", ["grace@example.com"]));
 * ```
 */
export function idempotencyKey(api: string, endpoint: string, parts: readonly unknown[]): string {
  if (!(Array.isArray as (value: unknown) => boolean)(parts)) {
    throw new ConfigError({ path: "key", message: `the key parts are ${shown(parts)}; give a list of what tells operations apart` });
  }
  const missing = parts.findIndex((part) => part === undefined || Number.isNaN(part));
  if (missing >= 0) {
    throw new ConfigError({
      path: `key[${missing}]`,
      message: `key[${missing}] is ${String(parts[missing])}: all operations that lack it would share one key, and only the first would be done; give a value, or null where its absence is meant`,
    });
  }
  if (parts.every((part) => part === null || part === "")) {
    throw new ConfigError({
      path: "key",
      message:
        "the key parts are empty, so every operation of this endpoint would share one key; give what tells operations apart, such as the record's id",
    });
  }
  return sha256Hex(canonicalJson([api, endpoint, parts]));
}

/** The key under which a store keeps it: the caller's key, scoped by API, endpoint and partition. No two scopes can run into one. */
export function scopedKey(api: string, endpoint: string, partition: string, key: string): string {
  return JSON.stringify([api, endpoint, partition, key]);
}

/** Hash of what the operation asks for; two payloads under one key differ exactly when this does. */
export function payloadFingerprint(method: string, endpoint: string, payload: unknown, ignore?: ReadonlySet<string>): string {
  return canonicalFingerprint(method, endpoint, canonicalJson(payload, ignore));
}

/** The same for a payload that is canonical JSON already. */
export function canonicalFingerprint(method: string, endpoint: string, payload: string): string {
  return sha256Hex(`${method} ${endpoint}\n${payload}`);
}
