import { entryOf, type CatalogEntry } from "./entry.ts";
import { documented, fact, inSdk, observed, quoted, type ProviderFacts } from "./facts.ts";

const ERRORS = "https://developers.openai.com/api/docs/guides/error-codes";
const LIMITS = "https://developers.openai.com/api/docs/guides/rate-limits";
const OVERVIEW = "https://developers.openai.com/api/reference/overview";
const SDK = "https://github.com/openai/openai-node";
const ANSWERS = inSdk(
  SDK,
  "The SDK, too, repeats these after time-outs and broken connections: an answer is made out of the input, and a repeat costs money.",
);
const RESPONSES = inSdk(
  SDK,
  "The SDK, too, repeats these. Where an answer is stored, a repeat stores another, and a conversation may be continued twice: write repeatable: false where you use conversations.",
);

export const openaiFacts: ProviderFacts = {
  title: "OpenAI",
  name: "openai",
  read: "2026-11-22",
  usage: 'defineApi({ ...openai, auth: bearer(env("OPENAI_API_KEY")) })',
  options: {
    baseUrl: fact("https://api.openai.com", documented(OVERVIEW, "The API stands below https://api.openai.com/v1.")),
    profile: fact("llm", inSdk(SDK, "The SDK, too, retries completions after 408, 409, 429 and 5xx.")),
    repeatable: fact(
      false,
      inSdk(
        SDK,
        "Batches, files, fine-tuning jobs and conversations stand below the same URL, and each repeat would make another. What may be repeated is listed by endpoint.",
      ),
    ),
    requestIdHeader: fact(
      "X-Client-Request-Id",
      quoted(
        OVERVIEW,
        "Your own id of a request, up to 512 ASCII characters, which OpenAI logs and can look up. The answer's own is x-request-id.",
      ),
    ),
    keepHeaders: fact(
      ["OpenAI-Organization", "OpenAI-Project"],
      documented(OVERVIEW, "They say which organization and project a request counts for."),
    ),
  },
  classify: [
    fact(
      {
        id: "openai:insufficient-quota",
        when: { status: 429, body: { path: "error.type", is: "insufficient_quota" } },
        then: "throttled",
        quota: "billing",
        because: "the account is out of credit or over a spend limit",
      },
      documented(
        ERRORS,
        "429, you exceeded your current quota: out of credits, or at the maximum monthly spend. Retrying does not restore access.",
      ),
    ),
    fact(
      {
        id: "openai:billing",
        when: {
          status: { anyOf: [400, 402, 403, 429] },
          body: {
            path: "error.code",
            is: [
              "insufficient_quota",
              "credit_balance_exhausted",
              "organization_spend_limit_exceeded",
              "project_spend_limit_exceeded",
              "organization_usage_limit_exceeded",
            ],
          },
        },
        then: "throttled",
        quota: "billing",
        because: "the account is out of credit or over a spend limit",
      },
      quoted(
        ERRORS,
        "error.code has the cause: credit_balance_exhausted, organization_spend_limit_exceeded, project_spend_limit_exceeded, organization_usage_limit_exceeded.",
      ),
    ),
    fact(
      {
        id: "openai:request-too-large",
        when: { status: 429, body: "Request too large for" },
        then: "permanent",
        effect: "none",
        because: "this one request wants more tokens than the limit of a whole minute",
      },
      observed(
        "Request too large for gpt-4o … on tokens per min (TPM): Limit 30000, Requested 36278. The input or output tokens must be reduced in order to run successfully.",
        "https://github.com/Aider-AI/aider/issues/1880",
      ),
    ),
  ],
  hintHeaders: [
    fact(
      { name: "x-ratelimit-reset-requests", unit: "duration", remaining: "x-ratelimit-remaining-requests" },
      documented(
        `${LIMITS}#rate-limits-in-headers`,
        "The time until the limit of requests is back at its initial state, such as 1s. Retry-After is used first.",
      ),
    ),
    fact(
      { name: "x-ratelimit-reset-tokens", unit: "duration", remaining: "x-ratelimit-remaining-tokens" },
      documented(`${LIMITS}#rate-limits-in-headers`, "The time until the limit of tokens is back at its initial state, such as 6m0s."),
    ),
  ],
  endpoints: {
    "POST /v1/responses": fact({ repeatable: true }, RESPONSES),
    "POST /v1/chat/completions": fact({ repeatable: true }, ANSWERS),
    "POST /v1/completions": fact({ repeatable: true }, ANSWERS),
    "POST /v1/embeddings": fact({ repeatable: true }, ANSWERS),
    "POST /v1/moderations": fact({ repeatable: true }, ANSWERS),
    "POST /v1/images/generations": fact({ repeatable: true }, ANSWERS),
    "POST /v1/images/edits": fact({ repeatable: true }, ANSWERS),
    "POST /v1/audio/speech": fact({ repeatable: true }, ANSWERS),
    "POST /v1/audio/transcriptions": fact({ repeatable: true }, ANSWERS),
    "POST /v1/audio/translations": fact({ repeatable: true }, ANSWERS),
    "POST /v1/vector_stores/{id}/search": fact({ repeatable: true }, inSdk(SDK, "A search that is sent by POST and gives a list.")),
  },
  leftOut: [
    fact(
      "rate limits",
      documented(LIMITS, "They differ by model and by usage tier, in requests and in tokens a minute. Set rateLimit for your own."),
    ),
    fact("idempotency keys", inSdk(SDK, "The SDK makes keys but sends none: its idempotencyHeader is not set.")),
    fact("the meaning of 409", inSdk(SDK, "The SDK retries it, for lock timeouts; completions have none.")),
  ],
};

/** OpenAI: credit told from rates, completions that may be repeated and batches that may not. */
export const openai: CatalogEntry = entryOf(openaiFacts);
