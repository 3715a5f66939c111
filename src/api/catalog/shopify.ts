import { entryOf, type CatalogEntry } from "./entry.ts";
import { documented, fact, inSdk, observed, quoted, type ProviderFacts } from "./facts.ts";

const STATUS = "https://shopify.dev/docs/api/usage/response-codes";
const REST_LIMITS = "https://shopify.dev/docs/api/admin-rest/usage/rate-limits";
const LIMITS = "https://shopify.dev/docs/api/usage/limits";
const IDEMPOTENCY = "https://shopify.dev/docs/api/usage/implementing-idempotency";
/** A GraphQL answer is a 200 whatever came of it; only these bodies are looked at. */
const GRAPHQL = { status: 200, endpoint: "POST /admin/api/*graphql.json" } as const;

export const shopifyFacts: ProviderFacts = {
  title: "Shopify",
  name: "shopify",
  read: "2026-11-22",
  usage:
    'defineApi({ ...shopify, baseUrl: "https://example.myshopify.com", auth: { type: "header", name: "X-Shopify-Access-Token", value: env("SHOPIFY_TOKEN") } })',
  options: {
    profile: fact("billing", documented(REST_LIMITS, "A leaky bucket of 40 requests, as that profile has it.")),
    rateLimit: fact(
      { limit: 2, per: "1s", burst: 40 },
      documented(
        REST_LIMITS,
        "For an app and a store, on the standard plan: 2 requests a second out of a bucket of 40 (4 a second on Advanced, 20 on Plus). GraphQL is counted in points, 100 a second on the standard plan: at 2 calls a second that is 50 points a call.",
      ),
    ),
  },
  classify: [
    fact(
      {
        id: "shopify:throttled",
        when: { ...GRAPHQL, body: { path: "errors.0.extensions.code", is: "THROTTLED" } },
        then: "throttled",
        quota: "burst",
        because: "the app's bucket of points holds less than the query costs",
      },
      observed(
        '{"errors":[{"message":"Throttled","extensions":{"code":"THROTTLED"}}],"extensions":{"cost":{…}}}, without data: nothing was run.',
        "https://community.shopify.com/t/throttled/254776",
      ),
    ),
    fact(
      {
        id: "shopify:cost-exceeded",
        when: { ...GRAPHQL, body: { path: "errors.0.extensions.code", is: "MAX_COST_EXCEEDED" } },
        then: "permanent",
        effect: "none",
        because: "the query costs more than a single query may",
      },
      quoted(LIMITS, "A single query may not exceed a cost of 1,000 points; this is enforced before it runs."),
    ),
    fact(
      {
        id: "shopify:idempotency-in-progress",
        when: { ...GRAPHQL, body: '"IDEMPOTENCY_CONCURRENT_REQUEST"' },
        then: "concurrent",
        because: "a request under the same idempotency key is still running",
      },
      documented(
        IDEMPOTENCY,
        "A user error of mutations with the @idempotent directive: this request is currently in progress, please try again.",
      ),
    ),
    fact(
      {
        id: "shopify:frozen",
        when: { status: 402 },
        then: "throttled",
        quota: "billing",
        because: "the shop is frozen until its owner pays the outstanding balance",
      },
      documented(STATUS, "402: the requested shop is frozen; the owner needs to pay the outstanding balance."),
    ),
    fact(
      {
        id: "shopify:locked",
        when: { status: 423 },
        then: "permanent",
        effect: "none",
        because: "the shop is locked; only Shopify's support can unlock it",
      },
      documented(
        STATUS,
        "423: shops are locked if they repeatedly exceed their limit, or if there is an issue with the account; contact support.",
      ),
    ),
    fact(
      {
        id: "shopify:security-rejection",
        when: { status: 430 },
        then: "permanent",
        effect: "none",
        because: "Shopify took the request for an attack; repeating it would look like one",
      },
      documented(STATUS, "430 Shopify Security Rejection: the request was not accepted because it might be malicious."),
    ),
    fact(
      {
        id: "shopify:unavailable",
        when: { status: { anyOf: [530, 540] } },
        then: "transient",
        effect: "none",
        because: "the shop cannot be reached or is disabled for a while",
      },
      documented(STATUS, "530 Origin DNS Error: Cloudflare cannot resolve the name. 540: temporarily disabled, back shortly."),
    ),
  ],
  hintHeaders: [
    fact(
      { name: "X-Shopify-Shop-Api-Call-Limit", unit: "used/limit" },
      documented(REST_LIMITS, "X-Shopify-Shop-Api-Call-Limit: 32/40 tells how full the bucket is."),
    ),
  ],
  endpoints: {},
  leftOut: [
    fact(
      "baseUrl",
      inSdk(
        "https://github.com/Shopify/shopify-app-js",
        "Every shop has its own; the SDK asks for a storeDomain such as my-store.myshopify.com.",
      ),
    ),
    fact(
      "idempotency keys",
      documented(
        IDEMPOTENCY,
        "They go into the mutation, as @idempotent(key: …), not into a header. Say repeatable: true for an endpoint of your own that only sends such mutations.",
      ),
    ),
  ],
};

/** Shopify's Admin API: GraphQL refusals that come as 200, frozen and locked shops, the REST bucket. */
export const shopify: CatalogEntry = entryOf(shopifyFacts);
