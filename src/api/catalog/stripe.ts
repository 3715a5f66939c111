import { entryOf, inAnyWindow, type CatalogEntry } from "./entry.ts";
import { documented, fact, inSdk, type ProviderFacts } from "./facts.ts";

const ERRORS = "https://docs.stripe.com/error-low-level";
const LIMITS = "https://docs.stripe.com/rate-limits";
const SDK = "https://github.com/stripe/stripe-ruby/blob/master/lib/stripe/api_requestor.rb";

export const stripeFacts: ProviderFacts = {
  title: "Stripe",
  name: "stripe",
  read: "2026-11-22",
  usage: 'defineApi({ ...stripe, auth: bearer(env("STRIPE_KEY")) })',
  options: {
    baseUrl: fact("https://api.stripe.com", inSdk("https://github.com/stripe/stripe-node", "The SDK's default host.")),
    profile: fact("billing", documented(LIMITS, "Retry 429s on an exponential backoff with randomness.")),
    idempotency: fact(
      { header: "Idempotency-Key", ttl: "24h" },
      documented(
        ERRORS,
        "POST requests with the Idempotency-Key header can be repeated safely within 24 hours; afterwards keys expire. API v2 keeps them for 30 days (https://docs.stripe.com/api-v2-overview#idempotency): raise ttl where only /v2 is called.",
      ),
    ),
    rateLimit: fact(
      [inAnyWindow(100, "1s"), inAnyWindow(25, "1s", "endpoint")],
      documented(
        LIMITS,
        "Per account and second: 100 requests in live mode (25 in a sandbox), and 25 for each endpoint unless said otherwise.",
      ),
    ),
    keepHeaders: fact(
      ["Stripe-Account", "Stripe-Context"],
      inSdk(
        "https://github.com/stripe/stripe-node/blob/master/src/RequestSender.ts",
        "The SDK sends the account that a request is made for in them; a replay without them would act on another.",
      ),
    ),
  },
  classify: [
    fact(
      {
        id: "stripe:lock-timeout",
        when: { status: 429, body: { path: "error.code", is: "lock_timeout" } },
        then: "concurrent",
        because: "another request holds the same object; this is a lock, not a rate limit",
      },
      documented(
        `${LIMITS}#object-lock-timeouts`,
        "429 with code lock_timeout: another request or process accesses the object; retry with exponential backoff.",
      ),
    ),
    fact(
      {
        id: "stripe:conflict",
        when: { status: 409 },
        then: "concurrent",
        because: "it conflicts with another request that is still running, perhaps under the same idempotency key",
      },
      inSdk(
        SDK,
        "409 is retried. The documentation: the request conflicts with another request, perhaps due to using the same idempotent key.",
      ),
    ),
    fact(
      {
        id: "stripe:idempotency-error",
        when: { status: 400, body: { path: "error.type", is: "idempotency_error" } },
        then: "permanent",
        because: "the idempotency key was used before with other parameters",
      },
      documented(
        "https://docs.stripe.com/api/idempotent_requests",
        "Incoming parameters are compared with those of the original request, and an error is given if they are not the same.",
      ),
    ),
    fact(
      {
        id: "stripe:card-error",
        when: { status: 402 },
        then: "permanent",
        because: "the parameters were valid but the payment failed, as when a card is declined",
      },
      documented(`${ERRORS}#status-codes`, "402: the parameters were valid but the request failed."),
    ),
    fact(
      {
        id: "stripe:replayed-failure",
        when: { status: "5xx", header: { "idempotent-replayed": "true" } },
        then: "permanent",
        effect: "unknown",
        because:
          "this is the answer stored under the idempotency key; every repeat would get the same, and what it left behind is not known",
      },
      documented(
        ERRORS,
        "The results of POSTs that end in a 500 are stored and given again under the same key, marked Idempotent-Replayed: true; treat a 500 as indeterminate.",
      ),
    ),
  ],
  hintHeaders: [],
  endpoints: {},
  leftOut: [
    fact("Stripe-Should-Retry", documented(ERRORS, "Says whether to retry. Holdfast obeys it for every API.")),
    fact("the header Stripe-Rate-Limited-Reason", documented(LIMITS, "Tells which limiter refused; all of them are retried alike.")),
  ],
};

/** Stripe: keys for 24 hours, locks told from limits, stored failures not asked for again. */
export const stripe: CatalogEntry = entryOf(stripeFacts);
