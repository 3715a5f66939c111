import { entryOf, type CatalogEntry } from "./entry.ts";
import { documented, fact, inSdk, observed, quoted, type Fact, type ProviderFacts } from "./facts.ts";
import type { HintHeader } from "../../policy/hints/parse-hint.ts";

const ERRORS = "https://platform.claude.com/docs/en/api/errors";
const LIMITS = "https://platform.claude.com/docs/en/api/rate-limits";
const SDK = "https://github.com/anthropics/anthropic-sdk-typescript";
const ANSWERS = inSdk(
  SDK,
  "The SDK, too, repeats these after time-outs and broken connections: an answer is made out of the input, and a repeat costs money.",
);

/** `anthropic-ratelimit-requests-reset` and its siblings. */
function reset(counted: string): Fact<HintHeader> {
  return fact(
    { name: `anthropic-ratelimit-${counted}-reset`, unit: "rfc3339", remaining: `anthropic-ratelimit-${counted}-remaining` },
    quoted(
      `${LIMITS}#response-headers`,
      "The time when this limit will be fully replenished, in RFC 3339 format. Retry-After is used first.",
    ),
  );
}

export const anthropicFacts: ProviderFacts = {
  title: "Anthropic",
  name: "anthropic",
  read: "2026-11-22",
  usage: 'defineApi({ ...anthropic, auth: { type: "header", name: "x-api-key", value: env("ANTHROPIC_API_KEY") } })',
  options: {
    baseUrl: fact("https://api.anthropic.com", inSdk(SDK, "The SDK's default base URL; the API stands below /v1.")),
    profile: fact("llm", documented(ERRORS, "The SDKs retry connection errors, rate limits and 5xx with exponential backoff.")),
    repeatable: fact(
      false,
      inSdk(
        SDK,
        "Batches and files stand below the same URL, and each repeat would make another. What may be repeated is listed by endpoint.",
      ),
    ),
  },
  classify: [
    fact(
      {
        id: "anthropic:spend-cap",
        when: { status: 429, body: { path: "error.details.error_code", is: "enforced_spend_limit_reached" } },
        then: "throttled",
        quota: "billing",
        because: "the organization has reached the monthly spend cap of its tier",
      },
      quoted(
        `${LIMITS}#reaching-your-spend-cap`,
        "The error type is rate_limit_error as for a rate limit, but there is no retry-after, and it keeps failing until access resumes, which is next month or on a higher tier.",
      ),
    ),
    fact(
      {
        id: "anthropic:spend-limit",
        when: { status: 400, body: "You have reached your specified*API usage limits" },
        then: "throttled",
        quota: "billing",
        because: "the organization or the workspace has reached a spend limit that it set itself",
      },
      quoted(`${LIMITS}#setting-your-own-spend-limit`, "400 with invalid_request_error when usage reaches a spend limit that you set."),
    ),
    fact(
      {
        id: "anthropic:credit-balance",
        when: { status: 400, body: "credit balance is too low" },
        then: "throttled",
        quota: "billing",
        because: "the account is out of credit",
      },
      observed(
        "400 invalid_request_error: Your credit balance is too low to access the Anthropic API.",
        "https://github.com/anthropics/claude-code/issues/4207",
      ),
    ),
    fact(
      {
        id: "anthropic:billing",
        when: { status: 402 },
        then: "throttled",
        quota: "billing",
        because: "there is an issue with the billing or payment information",
      },
      documented(ERRORS, "402 billing_error: there is an issue with your billing or payment information."),
    ),
    fact(
      { id: "anthropic:overloaded", when: { status: 529 }, then: "transient", because: "Anthropic is overloaded, for all its users" },
      documented(ERRORS, "529 overloaded_error: the API is temporarily overloaded."),
    ),
  ],
  hintHeaders: [reset("requests"), reset("tokens"), reset("input-tokens"), reset("output-tokens")],
  endpoints: {
    "POST /v1/messages": fact({ repeatable: true }, ANSWERS),
    "POST /v1/messages/count_tokens": fact({ repeatable: true }, ANSWERS),
    "POST /v1/complete": fact({ repeatable: true }, ANSWERS),
  },
  leftOut: [
    fact(
      "rate limits",
      quoted(LIMITS, "They differ by model and by usage tier, in requests and in tokens a minute. Set rateLimit for your own."),
    ),
    fact("idempotency keys", inSdk(SDK, "The SDK sends none.")),
    fact("409", documented(ERRORS, "conflict_error: resolve the conflict, then retry; so it is no matter of waiting.")),
    fact(
      "errors in a stream",
      documented(ERRORS, "After a 200 an error can come as an event of the stream; that is for whoever reads it."),
    ),
  ],
};

/** Anthropic: spend told from rates, overload, messages that may be repeated and batches that may not. */
export const anthropic: CatalogEntry = entryOf(anthropicFacts);
