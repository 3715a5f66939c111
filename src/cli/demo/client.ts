import type { ApiOptions } from "../../api/api-options.ts";
import { bearer } from "../../api/auth.ts";
import { defineApi } from "../../api/define-api.ts";
import { retry } from "../../client/retry.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Plan } from "./plan.ts";
import { ENDPOINTS, type ApiName } from "./weather.ts";

/** What the definitions ask the other side for by themselves. */
export interface Questions {
  /** A new token of the CRM. */
  readonly token: () => Promise<string>;
  /** A lead's enrolment at the sequencer; undefined where there is none. */
  readonly enrolmentOf: (lead: string) => Promise<object | undefined>;
}

/** Both through the smallest door: a function that is tried a few times. */
export function questionsTo(baseUrls: Readonly<Record<ApiName, string>>, clock: Clock): Questions {
  const json = (url: string, method: string): Promise<unknown> =>
    retry(
      async ({ signal }) => {
        const response = await fetch(url, { method, signal });
        if (!response.ok) throw new Error(`${method} ${url} answered ${response.status}`);
        return (await response.json()) as unknown;
      },
      { maxAttempts: 6, backoff: { base: "500ms", cap: "10s" }, timeout: { attempt: "10s" }, clock },
    );
  return {
    token: async () => ((await json(`${baseUrls.crm}/oauth/token`, "POST")) as { access_token: string }).access_token,
    async enrolmentOf(lead) {
      const found = (await json(`${baseUrls.sequencer}/enrolments?lead=${encodeURIComponent(lead)}`, "GET")) as { items: object[] };
      return found.items[0];
    },
  };
}

/**
 * The four APIs as the job defines them: this is all the reliability code that the job has. Times are the profiles' own,
 * whatever the speed of the story.
 */
export function clientApis(
  plan: Plan,
  baseUrls: Readonly<Record<ApiName, string>>,
  { token, enrolmentOf }: Questions,
): Readonly<Record<ApiName, ApiOptions>> {
  const { perSecond } = plan;
  const concurrency = Math.max(16, Math.ceil(perSecond * 1.5));
  const breaker = {
    openFor: Math.max(500, plan.storyMs * 0.03),
    maxOpenFor: Math.max(1_000, plan.storyMs * 0.045),
  } as const;
  // A batch may spend more on retries than the default of a tenth.
  const patient = {
    concurrency,
    retryBudget: { ratio: 0.5, minPerSecond: 5 },
    breaker: { ...breaker, window: 30, minimumCalls: 20, failureRate: 0.7 },
  } as const satisfies ApiOptions;
  return {
    enrichment: defineApi({
      ...patient,
      baseUrl: baseUrls.enrichment,
      profile: "enrichment",
      // What the contract allows: this is what paces the whole job.
      rateLimit: { limit: perSecond, per: "1s", burst: Math.max(1, perSecond) },
      endpoints: { [ENDPOINTS.enrichment]: {} },
    }),
    scoring: defineApi({
      ...patient,
      baseUrl: baseUrls.scoring,
      // A completion may be asked for twice: it costs money, but changes nothing.
      profile: "llm",
      classify: [{ when: { status: 500, body: "INVALID_FIELD" }, then: "permanent", because: "validation reported as 500" }],
    }),
    crm: defineApi({
      ...patient,
      baseUrl: baseUrls.crm,
      profile: "crm",
      idempotency: { header: "Idempotency-Key", required: true },
      // More than the CRM really takes, as contracts are: its 429 say so.
      rateLimit: { limit: perSecond * 1.8, per: "1s", burst: Math.max(3, perSecond * 2.5) },
      auth: bearer(token),
      breaker: { ...breaker, window: 10, minimumCalls: 5 },
    }),
    sequencer: defineApi({
      ...patient,
      baseUrl: baseUrls.sequencer,
      // No `idempotency`: it is blind to keys, so where the outcome is unknown it is asked before anything is sent again.
      profile: "sequencer",
      endpoints: {
        [ENDPOINTS.sequencer]: {
          async reconcile({ body }) {
            const { lead } = JSON.parse(body ?? "{}") as { lead: string };
            const enrolment = await enrolmentOf(lead);
            return enrolment === undefined ? { happened: false } : { happened: true, response: Response.json(enrolment, { status: 201 }) };
          },
        },
      },
    }),
  };
}
