import type { FlakyScript, RuleScript } from "../../testing/flaky-api/script.ts";
import type { Plan } from "./plan.ts";

export type ApiName = "enrichment" | "scoring" | "crm" | "sequencer";

/** In the order in which a lead meets them. */
export const API_NAMES: readonly ApiName[] = ["enrichment", "scoring", "crm", "sequencer"];

/** The endpoint of each API that the main job is about: its ledger is counted by these. */
export const ENDPOINTS: Readonly<Record<ApiName, string>> = {
  enrichment: "GET /people/{lead}",
  scoring: "POST /scores",
  crm: "POST /contacts",
  sequencer: "POST /enrolments",
};

/** The APIs that change something for good: what they did twice is doubled. */
export const WRITING: readonly ApiName[] = ["crm", "sequencer"];

/** How much of a bad day is over: requests that each API has met at its endpoint. */
type Met = Readonly<Record<ApiName, number>>;

const NOTHING_MET: Met = { enrichment: 0, scoring: 0, crm: 0, sequencer: 0 };

/**
 * The four APIs and their bad day. What goes wrong for a while does so for a share of the requests, not of the time: so it is met
 * on a slow machine and with few leads too, and a run that was killed goes on in the weather that it was killed in.
 */
export function badDay(plan: Plan, met: Met = NOTHING_MET): Readonly<Record<ApiName, FlakyScript>> {
  /** A rule for the requests of a stretch of the work, by their numbers; none where that is over. */
  const during = (name: ApiName, from: number, count: number, rule: RuleScript): readonly RuleScript[] => {
    const first = Math.ceil(from * plan.leads) + 1 - met[name];
    const last = first + Math.max(1, Math.ceil(count)) - 1;
    return last < 1 ? [] : [{ ...rule, when: { ...rule.when, endpoint: ENDPOINTS[name], nth: { from: Math.max(1, first), to: last } } }];
  };
  const share = plan.leads;
  const enrich = ENDPOINTS.enrichment;
  const score = ENDPOINTS.scoring;
  const write = ENDPOINTS.crm;
  const enrol = ENDPOINTS.sequencer;
  return {
    enrichment: {
      ...healthy(plan).enrichment,
      rules: [
        ...during("enrichment", 0.1, 0.08 * share, { name: "burst of 503", when: { probability: 0.35 }, then: { status: 503 } }),
        { name: "connection reset", when: { endpoint: enrich, probability: 0.005 }, then: { reset: "before" } },
      ],
    },
    scoring: {
      ...healthy(plan).scoring,
      rules: [
        {
          name: "validation reported as 500",
          when: { endpoint: score, where: { "body.employees": ["n/a", "-", "", "unknown"] } },
          then: { status: 500, json: { error: { code: "INVALID_FIELD", message: "invalid field: employees must be a number" } } },
        },
        { name: "429 with Retry-After", when: { endpoint: score, probability: 0.015 }, then: { status: 429, retryAfter: "1s" } },
        ...during("scoring", 0.62, 0.08 * share, { name: "overloaded", when: { probability: 0.15 }, then: { status: 529 } }),
      ],
    },
    crm: {
      ...healthy(plan).crm,
      auth: { uses: Math.max(50, Math.ceil(0.15 * share)), endpoint: write },
      rules: [
        // Enough to open the breaker and to fail its first probes; of very few leads, not all.
        ...during("crm", 0.35, Math.min(12, Math.max(6, 0.1 * share), share / 3), { name: DEAD_ENDPOINT, then: { reset: "before" } }),
        {
          name: "address refused",
          when: { endpoint: write, where: { "body.email": "*@disposable.example" } },
          then: { status: 422, json: { error: { code: "DISPOSABLE_ADDRESS", message: "disposable addresses are not taken" } } },
        },
        { name: "answer lost after the effect", when: { endpoint: write, probability: 0.01 }, then: { reset: "after" } },
        { name: "500 before the effect", when: { endpoint: write, probability: 0.01 }, then: { status: 500 } },
      ],
    },
    sequencer: {
      ...healthy(plan).sequencer,
      rules: [
        { name: "answer lost after the effect", when: { endpoint: enrol, probability: 0.04 }, then: { reset: "after" } },
        { name: "504 after the effect", when: { endpoint: enrol, probability: 0.01 }, then: { status: 504, effect: true } },
        { name: "502 before the effect", when: { endpoint: enrol, probability: 0.01 }, then: { status: 502 } },
        { name: "look-up fails", when: { endpoint: "GET /enrolments", probability: 0.05 }, then: { status: 503 } },
      ],
    },
  };
}

const DEAD_ENDPOINT = "dead endpoint";

/**
 * The rules of an API's bad day from now on. An endpoint that has begun to be dead stays so for a while, however many calls
 * find that out at once.
 */
export function rulesFrom(name: ApiName, plan: Plan, met: number, outageBegins: boolean): readonly RuleScript[] {
  const rules = badDay(plan, { ...NOTHING_MET, [name]: met })[name].rules ?? [];
  if (!outageBegins) return rules;
  const when = { endpoint: ENDPOINTS[name], between: [0, plan.storyMs * 0.1] } as const;
  return [{ name: DEAD_ENDPOINT, when, then: { reset: "before" } }, ...rules];
}

/** Whether calls have found an endpoint dead. */
export function isOutageMet(misbehaved: Readonly<Record<string, number>>): boolean {
  return (misbehaved[DEAD_ENDPOINT] ?? 0) > 0;
}

/** The same four APIs with nothing wrong: what dead letters are replayed against. They ask for no token. */
export function healthy(plan: Plan): Readonly<Record<ApiName, FlakyScript>> {
  const { perSecond } = plan;
  return {
    enrichment: {
      endpoints: {
        [ENDPOINTS.enrichment]: {
          subject: "path.lead",
          answer: { json: { lead: "{{path.lead}}", industry: "software", verified: true } },
          delay: ["20ms", "120ms"],
        },
      },
    },
    scoring: {
      endpoints: {
        [ENDPOINTS.scoring]: {
          effect: false,
          subject: "body.lead",
          answer: { json: { lead: "{{body.lead}}", grade: "B", model: "scorer-2" } },
          delay: ["100ms", "400ms"],
        },
      },
    },
    crm: {
      endpoints: {
        [ENDPOINTS.crm]: {
          subject: "body.lead",
          key: { header: "Idempotency-Key", required: true },
          answer: { json: { id: "contact-{{ledger.id}}", lead: "{{body.lead}}" } },
          delay: ["50ms", "250ms"],
        },
      },
      limits: [{ name: "leaky bucket", limit: perSecond * 1.6, per: "1s", burst: Math.max(3, perSecond * 2), endpoint: ENDPOINTS.crm }],
    },
    sequencer: {
      endpoints: {
        // Key-blind: whoever sends twice enrols twice.
        [ENDPOINTS.sequencer]: {
          subject: "body.lead",
          answer: { json: { id: "enrolment-{{ledger.id}}", lead: "{{body.lead}}" } },
          delay: ["50ms", "200ms"],
        },
        "GET /enrolments": { lookup: "enrolments", by: "lead" },
      },
    },
  };
}
