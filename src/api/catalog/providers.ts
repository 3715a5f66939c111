import { anthropicFacts } from "./anthropic.ts";
import type { ProviderFacts } from "./facts.ts";
import { hubspotFacts } from "./hubspot.ts";
import { openaiFacts } from "./openai.ts";
import { outreachFacts } from "./outreach.ts";
import { rechargeFacts } from "./recharge.ts";
import { salesforceFacts } from "./salesforce.ts";
import { shopifyFacts } from "./shopify.ts";
import { stripeFacts } from "./stripe.ts";

/** All providers with the sources of what is known of them, in the order of the reference page. */
export const providers: readonly ProviderFacts[] = [
  stripeFacts,
  shopifyFacts,
  rechargeFacts,
  hubspotFacts,
  salesforceFacts,
  outreachFacts,
  openaiFacts,
  anthropicFacts,
];
