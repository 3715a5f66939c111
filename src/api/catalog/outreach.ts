import { entryOf, inAnyWindow, type CatalogEntry } from "./entry.ts";
import { fact, observed, quoted, type ProviderFacts } from "./facts.ts";

const START = "https://developers.outreach.io/api/getting-started";
const REQUESTS = "https://developers.outreach.io/api/making-requests";

export const outreachFacts: ProviderFacts = {
  title: "Outreach",
  name: "outreach",
  read: "2026-11-22",
  usage: "defineApi({ ...outreach, auth: bearer(freshToken) })",
  options: {
    baseUrl: fact("https://api.outreach.io", quoted(START, "The API stands below https://api.outreach.io/api/v2.")),
    profile: fact("sequencer", quoted(START, "An API of sequences and prospects.")),
    rateLimit: fact(
      inAnyWindow(10_000, "1h", "partition"),
      quoted(
        `${START}#rate-limiting`,
        "10,000 requests an hour for each user. Give calls the user as their partition, so that one user's limit is not another's.",
      ),
    ),
  },
  classify: [
    fact(
      {
        id: "outreach:maintenance",
        when: { status: 503, body: { path: "errors.0.id", is: "scheduledServerMaintenance" } },
        then: "throttled",
        quota: "period",
        because: "the API is offline for maintenance, and said until when",
      },
      quoted(`${START}#maintenance`, "503 with error id scheduledServerMaintenance; Retry-After has the end of the maintenance."),
    ),
  ],
  hintHeaders: [
    fact(
      { name: "Retry-After", unit: "rfc3339" },
      quoted(
        `${START}#maintenance`,
        "An ISO 8601 instant, which is none of the forms that HTTP knows. A number of seconds is understood as well.",
      ),
    ),
    fact(
      { name: "X-RateLimit-Reset", unit: "rfc3339", remaining: "X-RateLimit-Remaining" },
      quoted(
        `${START}#rate-limiting`,
        "X-RateLimit-Limit, -Remaining and -Reset come with every answer. Singer's tap-outreach reads the reset as epoch seconds, which Holdfast understands for every API.",
      ),
    ),
  ],
  endpoints: {
    "PATCH /api/v2/{resource}/{id}": fact(
      { repeatable: true },
      quoted(REQUESTS, "Only the attributes and relationships that are sent change: a repeat writes the same values again."),
    ),
  },
  leftOut: [
    fact("idempotency keys", quoted(REQUESTS, "None is documented; retries of POST are not deduplicated.")),
    fact(
      "the limits of Kaia recordings: three a second and 6,000 a day for an organisation",
      quoted(`${START}#rate-limiting`, "They hold for a few endpoints only."),
    ),
    fact(
      "422 with error id validationDuplicateValueError",
      observed("A prospect with this address exists. It also comes when an update changes nothing, so it is left to be a refusal."),
    ),
  ],
};

/** Outreach: an hourly limit per user, and instants where others send seconds. */
export const outreach: CatalogEntry = entryOf(outreachFacts);
