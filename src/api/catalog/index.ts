/**
 * `holdfast/catalog`: what providers document of their APIs, as options to spread in. Where each datum comes from stands beside
 * it, and on the reference page. The facts themselves are withheld: they are for the page, and change with it.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { bearer, createHoldfast, defineApi, env } from "holdfast";
 * import { stripe } from "holdfast/catalog";
 *
 * const hf = await createHoldfast({
 *   apis: { stripe: defineApi({ ...stripe, auth: bearer(env("STRIPE_KEY")) }) },
 * });
 * assert.equal(stripe.idempotency?.ttl, "24h");
 * await hf.close();
 * ```
 */
export { anthropic } from "./anthropic.ts";
export { hubspot } from "./hubspot.ts";
export { openai } from "./openai.ts";
export { outreach } from "./outreach.ts";
export { recharge } from "./recharge.ts";
export { salesforce } from "./salesforce.ts";
export { shopify } from "./shopify.ts";
export { stripe } from "./stripe.ts";

export type { CatalogEntry } from "./entry.ts";
export type { CatalogRule } from "./facts.ts";
