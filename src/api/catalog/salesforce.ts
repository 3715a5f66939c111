import { entryOf, type CatalogEntry } from "./entry.ts";
import { documented, fact, observed, type ProviderFacts } from "./facts.ts";

const ERRORS = "https://developer.salesforce.com/docs/platform/api-rest/guide/errorcodes.html";
const LIMITS =
  "https://developer.salesforce.com/docs/platform/salesforce-app-limits-cheatsheet/guide/salesforce-app-limits-platform-api.html";

export const salesforceFacts: ProviderFacts = {
  title: "Salesforce",
  name: "salesforce",
  read: "2026-11-22",
  usage: 'defineApi({ ...salesforce, baseUrl: "https://example.my.salesforce.com", auth: bearer(freshToken) })',
  options: {
    profile: fact("crm", documented(LIMITS, "A REST call may take up to 10 minutes; give long queries a timeout.attempt of their own.")),
    keepHeaders: fact(
      ["Sforce-Auto-Assign", "Sforce-Call-Options", "Sforce-Duplicate-Rule-Header"],
      documented(
        "https://developer.salesforce.com/docs/platform/api-rest/guide/headers.html",
        "These request headers change what a write does, so a replay needs them.",
      ),
    ),
  },
  classify: [
    fact(
      {
        id: "salesforce:row-locked",
        when: { status: { anyOf: ["4xx", "5xx"] }, body: "UNABLE_TO_LOCK_ROW" },
        then: "concurrent",
        because: "another transaction holds the record; this one was rolled back",
      },
      observed(
        "The code comes alone, with status 400 or 500, and inside the message of CANNOT_EXECUTE_FLOW_TRIGGER. Not looked for in a 200: there it is one item of a batch, and others were written.",
        "https://gitlab.com/gitlab-org/customers-gitlab-com/-/issues/13770",
      ),
    ),
    fact(
      {
        id: "salesforce:concurrent-limit",
        when: { status: 403, body: "Concurrent*Limit exceeded" },
        then: "throttled",
        quota: "burst",
        because: "too many requests that take longer than 20 seconds are running at once",
      },
      documented(
        LIMITS,
        "Over 25 long-running requests (5 in a developer edition), new ones get REQUEST_LIMIT_EXCEEDED until there are fewer. The message names the limit: ConcurrentRequests (Concurrent API Requests) Limit exceeded.",
      ),
    ),
    fact(
      {
        id: "salesforce:daily-limit",
        when: { status: 403, body: "REQUEST_LIMIT_EXCEEDED" },
        then: "throttled",
        quota: "period",
        because: "the organisation's requests of the last 24 hours are used up",
      },
      documented(ERRORS, "403 with REQUEST_LIMIT_EXCEEDED: you have exceeded API request limits in your org."),
    ),
    fact(
      {
        id: "salesforce:session-expired",
        when: { status: { anyOf: [401, 403] }, body: "INVALID_SESSION_ID" },
        then: "unauthorized",
        because: "the session or the token has expired or is not valid",
      },
      documented(ERRORS, "401: the session ID or OAuth token used has expired or is invalid; the body has the errorCode."),
    ),
    fact(
      {
        id: "salesforce:duplicates",
        when: { status: 400, body: "DUPLICATES_DETECTED" },
        then: "permanent",
        because: "a duplicate rule found records that are alike and refused the write; somebody has to choose",
      },
      observed(
        'Status 400, [{"errorCode":"DUPLICATES_DETECTED","message":"Use one of these records?"}], in the tests of public clients. A match may be fuzzy, so the record that was wanted need not be there. The header Sforce-Duplicate-Rule-Header: allowSave=true saves anyway.',
        "https://developer.salesforce.com/docs/platform/api-rest/guide/headers-duplicaterules.html",
      ),
    ),
  ],
  hintHeaders: [],
  endpoints: {
    "POST /services/data/{version}/parameterizedSearch": fact(
      { repeatable: true },
      documented(
        "https://developer.salesforce.com/docs/platform/api-rest/guide/dome-search.html",
        "A search; POST is for complex ones in a JSON body.",
      ),
    ),
    "PATCH /services/data/{version}/sobjects/{object}/{externalIdField}/{value}": fact(
      { repeatable: true },
      documented(
        "https://developer.salesforce.com/docs/platform/api-rest/guide/resources-sobject-upsert-patch.html",
        "Creates the record if the external ID matches none, and updates the one it matches.",
      ),
    ),
  },
  leftOut: [
    fact(
      "baseUrl",
      documented(
        "https://developer.salesforce.com/docs/platform/api-rest/guide/dome-upsert.html",
        "Every organisation has its own, such as https://example.my.salesforce.com.",
      ),
    ),
    fact(
      "idempotency keys",
      documented(
        "https://developer.salesforce.com/docs/platform/api-rest/guide/headers.html",
        "The list of the REST API's headers has none. The User Interface API has one, off until Salesforce enables it for an organisation.",
      ),
    ),
    fact(
      "the daily limit",
      documented(
        LIMITS,
        "100,000 requests plus some for each licence, in any 24 hours; the answers' Sforce-Limit-Info: api-usage=10018/100000 tells how many are used.",
      ),
    ),
    fact("a limit of concurrent calls", documented(LIMITS, "It counts only those over 20 seconds, for the whole organisation.")),
    fact(
      "answers to collections and composites",
      documented(
        "https://developer.salesforce.com/docs/platform/api-rest/guide/errorcodes.html",
        "They come with 200 and an error in each item that failed.",
      ),
    ),
  ],
};

/** Salesforce's REST API: locked rows, the two limits, expired sessions, duplicate rules, upserts that may be repeated. */
export const salesforce: CatalogEntry = entryOf(salesforceFacts);
