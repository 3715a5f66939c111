import { z } from "zod";

/** What several routes say of the same thing. Instants are wall-clock milliseconds, durations as the config writes them. */

export const page: { readonly limit: z.ZodDefault<z.ZodCoercedNumber>; readonly after: z.ZodOptional<z.ZodString> } = {
  limit: z.coerce.number().int().min(1).max(200).default(50).describe("Items of one page at most; it may hold fewer"),
  after: z.string().max(1_000).optional().describe("The `next` of the page before"),
};

const labelText = z.string().max(256);
export const labels: z.ZodType<Record<string, string>> = z
  .record(z.string().min(1).max(128), labelText)
  .refine((given) => Object.keys(given).length <= 64, "has more than 64 labels");

export const duration: z.ZodType<string | number> = z
  .union([
    z.number().nonnegative(),
    z.string().regex(/^\d+(?:\.\d+)?(?:ms|s|m|h|d)$/, 'is no duration; give "250ms", "30s", "10m", "24h" or "7d"'),
  ])
  .describe('Milliseconds, or a text such as "30s", "10m", "24h"');

/** Parts of shapes that grow: what else they hold is let through and told by the library's reference. */
export const because: z.ZodType = z
  .looseObject({
    code: z.string(),
    rule: z.string().optional(),
    attempt: z.number().optional(),
    maxAttempts: z.number().optional(),
    delayMs: z.number().optional(),
    hintMs: z.number().optional(),
    remainingMs: z.number().optional(),
    retryAfterMs: z.number().optional(),
    budget: z.string().optional(),
    detail: z.string().optional(),
  })
  .describe("Why: a stable code, and the numbers it was made from");

export const attempt: z.ZodType = z.looseObject({
  attempt: z.number(),
  startedAt: z.number(),
  durationMs: z.number(),
  verdict: z.looseObject({
    kind: z.enum(["success", "throttled", "transient", "unauthorized", "conflict", "malformed", "permanent", "cancelled"]),
    effect: z.enum(["none", "unknown", "done"]),
    rule: z.string(),
    because: z.string(),
    status: z.number().optional(),
    code: z.string().optional(),
  }),
  because,
  headers: z.record(z.string(), z.string()).optional().describe("Of the answer, those on the allow-list"),
  bodyExcerpt: z.string().optional().describe("The first bytes of the answer"),
  upstreamRequestId: z.string().optional(),
});

/** The bytes of a body: as text where they are UTF-8, else in base64. */
export const bytes: z.ZodType = z.union([z.strictObject({ text: z.string() }), z.strictObject({ base64: z.string() })]);

export const storedRequest: z.ZodType = z.strictObject({
  method: z.string(),
  url: z.string(),
  headers: z.array(z.tuple([z.string(), z.string()])).optional(),
  body: bytes.optional(),
});

/** A page of items. */
export function pageOf(item: z.ZodType): z.ZodType {
  return z.strictObject({ items: z.array(item), next: z.string().nullable() });
}
