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

/**
 * The four APIs and their bad day. Windows are shares of the plan and stand in story time from the story's start, so a
 * run that was killed goes on in the weather that it was killed in.
 *
 * @param toldMs How much of the story has been told, ms.
 */
export function badDay(plan: Plan, toldMs: number): Readonly<Record<ApiName, FlakyScript>> {
  /** A rule that holds for a part of the story; none where that part is over. */
  const during = (from: number, to: number, rule: RuleScript): readonly RuleScript[] => {
    const [fromMs, toMs] = [from * plan.storyMs - toldMs, to * plan.storyMs - toldMs];
    return toMs <= 0 ? [] : [{ ...rule, when: { ...rule.when, between: [Math.max(0, fromMs), toMs] } }];
  };
  const enrich = ENDPOINTS.enrichment;
  const score = ENDPOINTS.scoring;
  const write = ENDPOINTS.crm;
  const enrol = ENDPOINTS.sequencer;
  return {
    enrichment: {
      ...healthy(plan).enrichment,
      rules: [
        ...during(0.1, 0.18, { name: "burst of 503", when: { endpoint: enrich, probability: 0.35 }, then: { status: 503 } }),
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
        ...during(0.62, 0.7, { name: "overloaded", when: { endpoint: score, probability: 0.15 }, then: { status: 529 } }),
      ],
    },
    crm: {
      ...healthy(plan).crm,
      auth: { validFor: Math.max(8_000, plan.storyMs * 0.22), endpoint: write },
      rules: [
        ...during(0.35, 0.46, { name: "dead endpoint", when: { endpoint: write }, then: { reset: "before" } }),
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
