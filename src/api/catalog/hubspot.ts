import { entryOf, inAnyWindow, type CatalogEntry } from "./entry.ts";
import { documented, fact, inSdk, observed, quoted, type ProviderFacts, type Source } from "./facts.ts";

const LIMITS = "https://developers.hubspot.com/docs/developer-tooling/platform/usage-guidelines";
const ERRORS = "https://developers.hubspot.com/docs/api-reference/error-handling";
const SEARCH = documented(
  "https://developers.hubspot.com/docs/api/crm/search",
  "To search your CRM, make a POST request to the object's search endpoint; it filters, sorts and reads.",
);
const READ = quoted(
  "https://developers.hubspot.com/docs/api-reference/latest/crm/objects/contacts/guide",
  "Reads up to 100 records by id in one POST request.",
);
const UPSERT = documented(
  "https://developers.hubspot.com/docs/api-reference/latest/crm/objects/custom-objects/batch/upsert-custom-objects",
  "Creates or updates records identified by a unique property, so a repeat finds what the first left.",
);
const UPDATE: Source = documented(
  "https://developers.hubspot.com/docs/api-reference/legacy/crm/objects/contacts/batch/update-contacts",
  "Provided property values will be overwritten: a repeat writes the same values again.",
);

export const hubspotFacts: ProviderFacts = {
  title: "HubSpot",
  name: "hubspot",
  read: "2026-11-22",
  usage: 'defineApi({ ...hubspot, auth: bearer(env("HUBSPOT_TOKEN")) })',
  options: {
    baseUrl: fact(
      "https://api.hubapi.com",
      documented(
        "https://developers.hubspot.com/docs/api-reference/latest/crm/objects/contacts/batch/upsert-contacts",
        "All endpoints stand there.",
      ),
    ),
    profile: fact("crm", documented(ERRORS, "Pause for a few seconds and retry after timeouts and 503s.")),
    rateLimit: fact(
      inAnyWindow(100, "10s"),
      documented(
        LIMITS,
        "Per 10 seconds: 100 requests for a private app of a Free or Starter account, 110 for an OAuth app, more for higher tiers.",
      ),
    ),
  },
  classify: [
    fact(
      {
        id: "hubspot:daily-limit",
        when: { status: 429, body: { path: "policyName", is: "DAILY" } },
        then: "throttled",
        quota: "period",
        because: "the account's daily limit is used up until midnight in its own time zone",
      },
      documented(LIMITS, "policyName tells which limit was hit; the daily limit resets at midnight based on your time zone setting."),
    ),
    fact(
      {
        id: "hubspot:burst-limit",
        when: { status: 429, body: { path: "policyName", is: ["SECONDLY", "TEN_SECONDLY_ROLLING"] } },
        then: "throttled",
        quota: "burst",
        because: "too many requests within seconds",
      },
      inSdk(
        "https://github.com/HubSpot/hubspot-api-nodejs",
        "RetryDecorator waits 10 s after policyName TEN_SECONDLY_ROLLING, and 1 s after the secondly limit of searches.",
      ),
    ),
    fact(
      {
        id: "hubspot:contact-exists",
        when: { status: 409, endpoint: "POST /crm/*/contacts", body: "Contact already exists" },
        then: "duplicate",
        because: "a contact with this address is already there",
      },
      observed(
        '409 {"message":"Contact already exists. Existing ID: 37765128953","category":"CONFLICT"}. The contact that is there may have other properties than those sent: use an upsert where that matters.',
        "https://github.com/HubSpot/hubspot-api-nodejs/issues/545",
      ),
    ),
    fact(
      {
        id: "hubspot:locked",
        when: { status: 423 },
        then: "concurrent",
        because: "the records are locked for two seconds by a large sync",
      },
      documented(ERRORS, "423 Locked when a large volume of data is synced; locks last for 2 seconds."),
    ),
    fact(
      {
        id: "hubspot:migrating",
        when: { status: 477 },
        then: "throttled",
        quota: "period",
        because: "the account is being moved to another data centre",
      },
      documented(ERRORS, "477 Migration in Progress, with Retry-After in seconds, typically up to 24 hours."),
    ),
  ],
  hintHeaders: [
    fact(
      { name: "X-HubSpot-RateLimit-Interval-Milliseconds", unit: "ms", remaining: "X-HubSpot-RateLimit-Remaining" },
      documented(LIMITS, "The window that Max and Remaining apply to. Retry-After is documented for 477 only."),
    ),
  ],
  endpoints: {
    "POST /crm/v3/objects/{objectType}/search": fact({ repeatable: true }, SEARCH),
    "POST /crm/objects/{version}/{objectType}/search": fact({ repeatable: true }, SEARCH),
    "POST /crm/v3/objects/{objectType}/batch/read": fact({ repeatable: true }, READ),
    "POST /crm/objects/{version}/{objectType}/batch/read": fact({ repeatable: true }, READ),
    "POST /crm/v3/objects/{objectType}/batch/upsert": fact({ repeatable: true }, UPSERT),
    "POST /crm/objects/{version}/{objectType}/batch/upsert": fact({ repeatable: true }, UPSERT),
    "POST /crm/v3/objects/{objectType}/batch/update": fact({ repeatable: true }, UPDATE),
    "POST /crm/objects/{version}/{objectType}/batch/update": fact({ repeatable: true }, UPDATE),
    "PATCH /crm/v3/objects/{objectType}/{objectId}": fact({ repeatable: true }, UPDATE),
    "PATCH /crm/objects/{version}/{objectType}/{objectId}": fact({ repeatable: true }, UPDATE),
  },
  leftOut: [
    fact(
      "idempotency keys",
      documented(
        "https://developers.hubspot.com/docs/api-reference/error-handling",
        "No key is documented; objectWriteTraceId only tells the items of a batch apart.",
      ),
    ),
    fact(
      "the limit of searches: five a second for the whole account",
      quoted(
        "https://developers.hubspot.com/docs/api-reference/latest/crm/search-the-crm",
        "Searches have a limit of their own, and their answers no limit headers; a second 429 waits longer.",
      ),
    ),
    fact(
      "the daily limit: 250,000 requests and more, by tier",
      documented(LIMITS, "It is counted by the day of the account's time zone, which a bucket cannot know."),
    ),
    fact(
      "207 answers of batches",
      documented(`${ERRORS}#multi-status-errors`, "Each item has a status of its own; the answer as a whole is a success."),
    ),
  ],
};

/** HubSpot's CRM: daily limits told from bursts, contacts that exist, searches and upserts that may be repeated. */
export const hubspot: CatalogEntry = entryOf(hubspotFacts);
