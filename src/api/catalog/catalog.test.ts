import { describe, expect, test } from "vitest";
import { resolveRateLimits } from "../../policy/rate-limit/options.ts";
import { needsBody } from "../../policy/classify/classify.ts";
import { defineApi } from "../define-api.ts";
import { resolveApi } from "../resolve-api.ts";
import { inAnyWindow, type CatalogEntry } from "./entry.ts";
import type { Fact, ProviderFacts } from "./facts.ts";
import * as entryPoint from "./index.ts";
import { providers } from "./providers.ts";

const catalog = { ...entryPoint };
const entries: readonly (readonly [string, CatalogEntry])[] = Object.entries(catalog);

function factsOf({ options, classify, hintHeaders, endpoints, leftOut }: ProviderFacts): readonly Fact<unknown>[] {
  return [...Object.values(options), ...classify, ...hintHeaders, ...Object.values(endpoints), ...leftOut];
}

function isDeeplyFrozen(value: unknown): boolean {
  return typeof value !== "object" || value === null || (Object.isFrozen(value) && Object.values(value).every(isDeeplyFrozen));
}

describe.each(entries)("the entry %s", (name, entry) => {
  test("is an API once a credential is added, and does not change by being used", () => {
    const before = structuredClone(entry);
    const api = defineApi({ baseUrl: "https://example.test", ...entry, auth: { type: "bearer", token: () => Promise.resolve("t") } });
    const resolved = resolveApi(name, api);
    expect(resolved.baseUrl?.protocol).toBe("https:");
    expect(resolved.credential?.headerName).toBe("authorization");
    expect(entry).toEqual(before);
  });

  test("is frozen through and through, as all its users share it", () => {
    expect(isDeeplyFrozen(entry)).toBe(true);
  });

  test("leaves room for rules of the user's own before its own", () => {
    const mine = { id: "mine", when: { status: 418 }, then: "transient", because: "it is a teapot" } as const;
    const resolved = resolveApi(name, defineApi({ ...entry, classify: [mine, ...entry.classify] }));
    expect(resolved.settings("GET /x").classifier.rules.map(({ id }) => id)).toEqual(["mine", ...entry.classify.map(({ id }) => id)]);
  });

  test("names its rules after itself, each once, and has each say why in a clause", () => {
    const ids = entry.classify.map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
    expect(ids.filter((id) => !/^[a-z]+:[a-z-]+$/.test(id) || !id.startsWith(`${name}:`))).toEqual([]);
    expect(entry.classify.filter(({ because }) => !/^\S.{10,}[^.\s]$/.test(because))).toEqual([]);
  });

  test("says how a repeat is made harmless, or that nothing does: a profile's word is not left to stand for all endpoints", () => {
    expect(resolveApi(name, entry).settings("POST /anything/else").repeatable).toBe(false);
  });
});

test("the names are those of the facts, and no entry is without them", () => {
  expect(providers.map(({ name }) => name).toSorted()).toEqual(entries.map(([name]) => name).toSorted());
  expect(providers.every(({ name, usage }) => usage.includes(`...${name},`))).toBe(true);
});

describe.each(providers.map((facts) => [facts.title, facts] as const))("the facts of %s", (_title, facts) => {
  test("say where they come from", () => {
    const sources = factsOf(facts).map(({ source }) => source);
    expect(sources.filter(({ says }) => says.length < 10)).toEqual([]);
    expect(sources.filter(({ basis, url }) => url === undefined && basis !== "observed")).toEqual([]);
    expect(sources.filter(({ url }) => url !== undefined && !(URL.canParse(url) && url.startsWith("https://")))).toEqual([]);
  });

  test("have a day on which the sources were read", () => {
    expect(facts.read).toMatch(/^20\d\d-[01]\d-[0-3]\d$/);
  });

  test("say of keys whether they are honoured", () => {
    const keys = facts.options.idempotency !== undefined;
    expect(facts.leftOut.some(({ value }) => value === "idempotency keys")).toBe(!keys);
  });
});

describe("keys", () => {
  test("are sent to Stripe, under its header, for as long as it keeps them", () => {
    expect(resolveApi("stripe", catalog.stripe).idempotency).toMatchObject({ header: "Idempotency-Key", ttlMs: 86_400_000 });
  });

  test("are sent to nobody else: a key that is not honoured would make a repeat look harmless", () => {
    expect(entries.filter(([, { idempotency }]) => idempotency !== undefined).map(([name]) => name)).toEqual(["stripe"]);
  });
});

describe("inAnyWindow", () => {
  test.each([
    [100, "1s"],
    [25, "1s"],
    [100, "10s"],
    [10_000, "1h"],
    [5, "1s"],
  ] as const)("lets no window see more than %i in %s", (count, per) => {
    const [limit] = resolveRateLimits(inAnyWindow(count, per), "it");
    // A window sees at most a full bucket and what flows in while it lasts.
    expect((limit?.burst ?? 0) + (limit?.limit ?? 0)).toBe(count);
    expect(limit?.burst).toBeGreaterThanOrEqual(1);
  });
});

describe("limits", () => {
  test.each([
    [
      "stripe",
      [
        { limit: 80, perMs: 1_000, burst: 20, scope: "api" },
        { limit: 20, perMs: 1_000, burst: 5, scope: "endpoint" },
      ],
    ],
    ["shopify", [{ limit: 2, perMs: 1_000, burst: 40, scope: "api" }]],
    ["recharge", [{ limit: 2, perMs: 1_000, burst: 40, scope: "api" }]],
    ["hubspot", [{ limit: 80, perMs: 10_000, burst: 20, scope: "api" }]],
    ["outreach", [{ limit: 8_000, perMs: 3_600_000, burst: 2_000, scope: "partition" }]],
    ["salesforce", []],
    ["openai", []],
    ["anthropic", []],
  ] as const)("of %s", (name, limits) => {
    expect(resolveApi(name, catalog[name]).rateLimits).toEqual(limits.map((limit) => ({ ...limit, counts: "cost" })));
  });
});

describe("endpoints", () => {
  test.each([
    ["hubspot", "POST", "/crm/v3/objects/contacts/search", true],
    ["hubspot", "POST", "/crm/objects/2026-03/contacts/search", true],
    ["hubspot", "POST", "/crm/v3/objects/companies/batch/read", true],
    ["hubspot", "POST", "/crm/v3/objects/contacts/batch/upsert", true],
    ["hubspot", "POST", "/crm/v3/objects/contacts/batch/update", true],
    ["hubspot", "PATCH", "/crm/v3/objects/contacts/123", true],
    ["hubspot", "PATCH", "/crm/objects/2026-03/deals/123", true],
    ["hubspot", "POST", "/crm/v3/objects/contacts", false],
    ["hubspot", "POST", "/crm/v3/objects/contacts/batch/create", false],
    ["salesforce", "POST", "/services/data/v65.0/parameterizedSearch", true],
    ["salesforce", "PATCH", "/services/data/v65.0/sobjects/Account/customExtId__c/11999", true],
    ["salesforce", "POST", "/services/data/v65.0/sobjects/Account", false],
    ["salesforce", "POST", "/services/data/v65.0/composite", false],
    ["outreach", "PATCH", "/api/v2/prospects/42", true],
    ["outreach", "POST", "/api/v2/prospects", false],
    ["openai", "POST", "/v1/chat/completions", true],
    ["openai", "POST", "/v1/responses", true],
    ["openai", "POST", "/v1/embeddings", true],
    ["openai", "POST", "/v1/vector_stores/vs_68/search", true],
    ["openai", "POST", "/v1/batches", false],
    ["openai", "POST", "/v1/files", false],
    ["openai", "POST", "/v1/fine_tuning/jobs", false],
    ["anthropic", "POST", "/v1/messages", true],
    ["anthropic", "POST", "/v1/messages/count_tokens", true],
    ["anthropic", "POST", "/v1/messages/batches", false],
    ["anthropic", "POST", "/v1/files", false],
    ["stripe", "POST", "/v1/charges", false],
    ["shopify", "POST", "/admin/api/2026-01/graphql.json", false],
    ["recharge", "POST", "/subscriptions", false],
  ] as const)("of %s: whether %s %s may be repeated", (name, method, path, repeatable) => {
    const api = resolveApi(name, catalog[name]);
    expect(api.settings(api.endpoints.of(method, path)).repeatable).toBe(repeatable);
  });
});

describe("answers that went well", () => {
  const looked = entries.filter(([name, entry]) => needsBody(resolveApi(name, entry).settings("POST /x").classifier, 200));

  test("are not held back to be looked at, except where failures come as a 200", () => {
    expect(looked.map(([name]) => name)).toEqual(["shopify"]);
  });
});

describe("headers kept with what is stored", () => {
  test.each([
    ["stripe", ["stripe-account", "stripe-context"]],
    ["salesforce", ["sforce-auto-assign", "sforce-call-options", "sforce-duplicate-rule-header"]],
    ["recharge", ["x-recharge-version"]],
    ["openai", ["openai-organization", "openai-project"]],
  ] as const)("by %s are those that change what a replay does", (name, names) => {
    const kept = resolveApi(name, catalog[name]).keepHeaders;
    expect(names.filter((header) => !kept.has(header))).toEqual([]);
  });
});
