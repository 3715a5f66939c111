import type { PipelineDefinition, StepTypes } from "../../durable/pipeline/definition.ts";
import { definePipeline } from "../../durable/pipeline/definition.ts";
import type { Lead } from "./lead.ts";
import { ENDPOINTS } from "./weather.ts";

/**
 * Enrich, score, write to the CRM, enrol: the whole job. A step holds no retry, no wait and no table of keys; it says what the call
 * is about, and what its answer means. It is named after its API.
 */
export const leadPipeline: PipelineDefinition<Lead, StepTypes, string> = definePipeline("lead", {
  subject: ({ id }: Lead) => id,
  labels: ({ id }) => ({ lead: id }),
})
  .step("enrichment", {
    api: "enrichment",
    request: ({ input: { id, email } }) => {
      const domain = email.slice(email.indexOf("@") + 1);
      return { endpoint: `GET /people/${encodeURIComponent(id)}?domain=${encodeURIComponent(domain)}` };
    },
    result: (response) => textIn(response, "industry"),
  })
  .step("scoring", {
    api: "scoring",
    request: ({ input: { id, company, country, employees }, results }) => {
      const size = /^\d+$/.test(employees) ? Number(employees) : employees;
      return { endpoint: ENDPOINTS.scoring, json: { lead: id, company, country, employees: size, industry: results.enrichment } };
    },
    result: (response) => textIn(response, "grade"),
  })
  .step("crm", {
    api: "crm",
    request: ({ input: { id, email, firstName, lastName, company }, results }) => ({
      endpoint: ENDPOINTS.crm,
      json: { lead: id, email, firstName, lastName, company, grade: results.scoring },
    }),
    result: (response) => textIn(response, "id"),
  })
  .step("sequencer", {
    api: "sequencer",
    request: ({ input: { id }, results }) => ({
      endpoint: ENDPOINTS.sequencer,
      json: { lead: id, contact: results.crm, grade: results.scoring, sequence: "welcome" },
    }),
    result: (response) => textIn(response, "id"),
  });

async function textIn(response: Response, field: string): Promise<string> {
  const body = (await response.json()) as Readonly<Record<string, unknown>>;
  const value = body[field];
  if (typeof value !== "string") throw new TypeError(`the answer has no text in ${field}: ${JSON.stringify(body).slice(0, 200)}`);
  return value;
}
