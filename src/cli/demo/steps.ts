import type { Holdfast } from "../../client/holdfast.ts";
import type { FetchOptions } from "../../client/fetch-door.ts";
import { explain } from "../../core/explain.ts";
import { isHoldfastError } from "../../core/errors.ts";
import { idempotencyKey } from "../../policy/idempotency/key.ts";
import type { Lead } from "./lead.ts";
import { ENDPOINTS, type ApiName } from "./weather.ts";

/** A lead on its way, with what the steps so far have found out. */
export interface LeadOnItsWay {
  readonly lead: Lead;
  /** Index of the step that comes next. */
  step: number;
  /** How often it had to come back later. */
  returns: number;
  /** It is away because a killed process still holds its key. */
  held: boolean;
  industry?: string;
  grade?: string;
  contact?: string;
}

/** How a step ended. */
export type StepEnd =
  | { readonly type: "passed" }
  /** It is a dead letter, and goes no further. */
  | { readonly type: "kept" }
  /** Nothing was decided; it is worth coming back. `held`: a killed process still holds the key of this step. */
  | { readonly type: "later"; readonly afterMs: number; readonly held: boolean };

export interface Step {
  readonly api: ApiName;
  take(traveller: LeadOnItsWay): Promise<StepEnd>;
}

/** The engine of the job. */
export type Engine = Holdfast<ApiName>;

/**
 * Enrich, score, write to the CRM, enrol. A step holds no retry, no wait and no table of keys; it says what the call is about
 * and what its answer means.
 */
export function stepsOf(engine: Engine): readonly Step[] {
  return [
    {
      api: "enrichment",
      async take(traveller) {
        const { lead } = traveller;
        const domain = lead.email.slice(lead.email.indexOf("@") + 1);
        const answer = await ask(engine, "enrichment", `/people/${encodeURIComponent(lead.id)}?domain=${encodeURIComponent(domain)}`);
        if (answer.type === "answered") traveller.industry = textAt(answer.body, "industry");
        return ended(answer);
      },
    },
    {
      api: "scoring",
      async take(traveller) {
        const { id, company, country, employees } = traveller.lead;
        const size = /^\d+$/.test(employees) ? Number(employees) : employees;
        const body = { lead: id, company, country, employees: size, industry: traveller.industry };
        const answer = await write(engine, "scoring", traveller.lead, body);
        if (answer.type === "answered") traveller.grade = textAt(answer.body, "grade");
        return ended(answer);
      },
    },
    {
      api: "crm",
      async take(traveller) {
        const { id, email, firstName, lastName, company } = traveller.lead;
        const body = { lead: id, email, firstName, lastName, company, grade: traveller.grade };
        const answer = await write(engine, "crm", traveller.lead, body);
        if (answer.type === "answered") traveller.contact = textAt(answer.body, "id");
        return ended(answer);
      },
    },
    {
      api: "sequencer",
      async take(traveller) {
        const { lead, contact, grade } = traveller;
        const body = { lead: lead.id, contact, grade, sequence: "welcome" };
        return ended(await write(engine, "sequencer", lead, body));
      },
    },
  ];
}

type Answer = { readonly type: "answered"; readonly body: unknown } | Exclude<StepEnd, { type: "passed" }>;

function ended(answer: Answer): StepEnd {
  return answer.type === "answered" ? { type: "passed" } : answer;
}

/** A write under a key of its own: the same after every restart, because it is made of what the work is about. */
function write(engine: Engine, api: ApiName, lead: Lead, body: unknown): Promise<Answer> {
  const endpoint = ENDPOINTS[api];
  const [method = "", path = ""] = endpoint.split(" ");
  const headers = { "content-type": "application/json", "idempotency-key": idempotencyKey(api, endpoint, [lead.id]) };
  return ask(engine, api, path, { method, headers, body: JSON.stringify(body) }, { labels: { lead: lead.id } });
}

async function ask(engine: Engine, api: ApiName, path: string, init: RequestInit = {}, options: FetchOptions = {}): Promise<Answer> {
  let response: Response;
  try {
    response = await engine.fetch(api, options)(path, init);
  } catch (error) {
    return withoutAnswer(error);
  }
  if (response.ok) return { type: "answered", body: await response.json() };
  await response.body?.cancel();
  const told = explain(response);
  // A refusal that was kept with its answer comes again after a restart; its dead letter was there before it.
  if (told?.deadLetter !== undefined || told?.outcome === "replayed") return { type: "kept" };
  return { type: "later", afterMs: told?.retryAfterMs ?? LATER_MS, held: false };
}

const LATER_MS = 2_000;
/** Errors that no coming back mends: the job itself is wrong, or its store is. */
const FATAL = ["config", "store", "closed", "unknown-api", "idempotency-mismatch", "idempotency-key-missing"] as const;

function withoutAnswer(error: unknown): Answer {
  if (FATAL.some((code) => isHoldfastError(error, code))) throw error;
  if (explain(error)?.deadLetter !== undefined || isHoldfastError(error, "outcome-unknown")) return { type: "kept" };
  const retryAfterMs = isHoldfastError(error) ? error.retryAfterMs : explain(error)?.retryAfterMs;
  return { type: "later", afterMs: retryAfterMs ?? LATER_MS, held: isHoldfastError(error, "idempotency-in-flight") };
}

function textAt(body: unknown, field: string): string {
  const value = (body as Record<string, unknown>)[field];
  if (typeof value !== "string") throw new TypeError(`the answer has no text in ${field}: ${JSON.stringify(body).slice(0, 200)}`);
  return value;
}
