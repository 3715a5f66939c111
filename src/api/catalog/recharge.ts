import { entryOf, type CatalogEntry } from "./entry.ts";
import { documented, fact, observed, quoted, type ProviderFacts } from "./facts.ts";

const DOCS = "https://developer.rechargepayments.com/2021-11";
const LIMITS = "https://docs.getrecharge.com/docs/api-rate-limits";

export const rechargeFacts: ProviderFacts = {
  title: "Recharge",
  name: "recharge",
  read: "2026-11-22",
  usage: 'defineApi({ ...recharge, auth: { type: "header", name: "X-Recharge-Access-Token", value: env("RECHARGE_TOKEN") } })',
  options: {
    baseUrl: fact(
      "https://api.rechargeapps.com",
      documented("https://docs.rechargepayments.com/docs/using-the-api", "The base URL of the REST API."),
    ),
    profile: fact("billing", quoted(LIMITS, "A leaky bucket of 40 requests, as that profile has it.")),
    rateLimit: fact(
      { limit: 2, per: "1s", burst: 40 },
      quoted(LIMITS, "For each token a bucket of 40 requests that leaks 2 a second; after a 429 wait at least 2 seconds."),
    ),
    keepHeaders: fact(
      ["X-Recharge-Version"],
      quoted(DOCS, "The header chooses the API's version; without it a replay would meet the default of the token."),
    ),
  },
  classify: [
    fact(
      {
        id: "recharge:conflict",
        when: { status: 409 },
        then: "concurrent",
        because: "another request is changing the same address or what hangs on it",
      },
      quoted(
        `${DOCS}/responses`,
        "409: you will get this error when you try to send two requests to edit an address or any of its child objects at the same time. The body then says: A call to this route is already in progress.",
      ),
    ),
  ],
  hintHeaders: [fact({ name: "X-Recharge-Limit", unit: "used/limit" }, observed("X-Recharge-Limit: 39/40 tells how full the bucket is."))],
  endpoints: {},
  leftOut: [fact("idempotency keys", observed("None is documented, and no public client sends one."))],
};

/** Recharge: a bucket of 40, and conflicts that pass. */
export const recharge: CatalogEntry = entryOf(rechargeFacts);
