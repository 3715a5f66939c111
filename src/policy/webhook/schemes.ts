import { verifyGithub } from "./github.ts";
import { verifyHubspot } from "./hubspot.ts";
import { verifyShopify } from "./shopify.ts";
import { verifySlack } from "./slack.ts";
import { verifyStandardWebhook } from "./standard-webhooks.ts";
import { verifyStripe } from "./stripe.ts";
import type { Verify } from "./verification.ts";

export type SchemeName = "standard-webhooks" | "stripe" | "shopify" | "github" | "hubspot" | "slack";

/** Schemes that need to be told nothing but a secret. */
export const SCHEMES: Readonly<Record<SchemeName, Verify>> = {
  "standard-webhooks": verifyStandardWebhook,
  stripe: verifyStripe,
  shopify: verifyShopify,
  github: verifyGithub,
  hubspot: verifyHubspot,
  slack: verifySlack,
};
