import { describe, expect, test } from "vitest";
import type { ApiOptions } from "./api-options.ts";
import { bearer } from "./auth.ts";
import { defineApi } from "./define-api.ts";
import { resolveApi } from "./resolve-api.ts";

/** What somebody may write in JSON or JavaScript, whatever the types say. */
function resolve(options: unknown): ReturnType<typeof resolveApi> {
  return resolveApi("crm", options as ApiOptions);
}

function refusal(path: string, told?: string): unknown {
  return expect.objectContaining({ code: "config", path, message: expect.stringContaining(told ?? path) });
}

describe("an API that says nothing", () => {
  const api = resolve({});

  test("has the defaults", () => {
    expect(api).toMatchObject({
      name: "crm",
      baseUrl: undefined,
      rateLimits: [],
      concurrency: undefined,
      whenOpen: "refuse",
      quota: undefined,
      idempotency: undefined,
      keyTtlMs: 86_400_000,
      credential: undefined,
      checkJson: false,
      requestIdHeader: "X-Request-Id",
    });
    expect(api.breaker).toMatchObject({ failureRate: 0.5, window: 20, windowMs: 60_000, minimumCalls: 10, openMs: 30_000 });
    expect(api.retryBudget).toBeDefined();
    expect(api.settings("POST /contacts")).toMatchObject({ repeatable: false, durability: "on-failure", cost: 1 });
    expect(api.settings("POST /contacts").policy).toMatchObject({ maxAttempts: 4, totalMs: 120_000, maxHintMs: 60_000 });
  });

  test("can be told apart from one that wants none of it", () => {
    expect(resolve({ breaker: false, retryBudget: false, requestIdHeader: false })).toMatchObject({
      breaker: undefined,
      retryBudget: undefined,
      requestIdHeader: undefined,
    });
  });

  test("is frozen", () => {
    expect(Object.isFrozen(api)).toBe(true);
    expect(Object.isFrozen(api.settings("GET /x"))).toBe(true);
  });
});

describe("what is said closer", () => {
  test("an API's own options win over its profile's, one by one", () => {
    const { policy } = resolve({ profile: "crm", retry: { maxAttempts: 2 }, timeout: { total: "1m" } }).settings("GET /x");
    expect(policy).toMatchObject({ maxAttempts: 2, attemptTimeoutsMs: [30_000], totalMs: 60_000 });
    expect(policy.backoff(0, 0, () => 1)).toBe(2_000);
  });

  test("so do the parts of a backoff", () => {
    const { policy } = resolve({ profile: "crm", retry: { backoff: { jitter: "none" } } }).settings("GET /x");
    expect([0, 1, 9].map((retry) => policy.backoff(retry, 0, () => 0))).toEqual([2_000, 4_000, 60_000]);
  });

  test("a backoff of another kind replaces the whole", () => {
    const list = resolve({ profile: "crm", retry: { backoff: ["1s", "5s"] } }).settings("GET /x").policy;
    expect([0, 1, 2].map((retry) => list.backoff(retry, 0, () => 1))).toEqual([1_000, 5_000, 5_000]);
    const parts = resolve({ profile: "job", retry: { backoff: { base: "1s", jitter: "none" } } }).settings("GET /x").policy;
    expect(parts.backoff(0, 0, () => 0)).toBe(1_000);
    const made = resolve({ profile: "crm", retry: { backoff: () => 7 } }).settings("GET /x").policy;
    expect(made.backoff(0, 0, () => 1)).toBe(7);
  });

  test("an endpoint's options win over its API's, and its rules are tried first", () => {
    const api = resolve({
      profile: "crm",
      rateLimit: { limit: 10, burst: 10 },
      retry: { maxAttempts: 5 },
      durability: "none",
      classify: [{ id: "api", when: { status: 409 }, then: "concurrent", because: "busy" }],
      endpoints: {
        "POST /contacts/search": {
          repeatable: true,
          retry: { backoff: { base: "1s" } },
          timeout: { attempt: "5s" },
          durability: "before-send",
          cost: 5,
          classify: [{ id: "own", when: { status: 409 }, then: "duplicate", because: "there" }],
        },
      },
    });
    const own = api.settings("POST /contacts/search");
    expect(own).toMatchObject({ repeatable: true, durability: "before-send", cost: 5 });
    expect(own.policy).toMatchObject({ maxAttempts: 5, attemptTimeoutsMs: [5_000], totalMs: 600_000 });
    expect([0, 9].map((retry) => own.policy.backoff(retry, 0, () => 1))).toEqual([1_000, 60_000]);
    expect(own.classifier.rules.map(({ id }) => id)).toEqual(["own", "api"]);
    const other = api.settings("POST /contacts");
    expect(other).toMatchObject({ repeatable: false, durability: "none", cost: 1 });
    expect(other.classifier.rules.map(({ id }) => id)).toEqual(["api"]);
  });

  test("repeatable may be taken back from a profile that has it", () => {
    const api = resolve({ profile: "llm", repeatable: false, endpoints: { "POST /v1/messages": { repeatable: true } } });
    expect(api.settings("POST /v1/messages/batches").repeatable).toBe(false);
    expect(api.settings("POST /v1/messages").repeatable).toBe(true);
  });

  test("a rule without a name is known by its place", () => {
    const rules = [{ when: { status: 409 }, then: "concurrent", because: "busy" }];
    const api = resolve({ classify: rules, endpoints: { "POST /x": { classify: rules } } });
    expect(api.settings("POST /x").classifier.rules.map(({ id }) => id)).toEqual([
      'apis.crm.endpoints["POST /x"].classify[0]',
      "apis.crm.classify[0]",
    ]);
  });
});

describe("headers that dead letters keep", () => {
  test("are a short list, the key's header, and those that are named", () => {
    const { keepHeaders } = resolve({ idempotency: { header: "X-Key" }, keepHeaders: ["X-Tenant"] });
    expect([...keepHeaders]).toEqual(expect.arrayContaining(["content-type", "stripe-version", "x-key", "x-tenant"]));
    expect(keepHeaders.has("authorization")).toBe(false);
  });

  test.each([
    "Authorization",
    "cookie",
    "X-Api-Key",
    "api-key",
    "X-Shopify-Access-Token",
    "X-Recharge-Access-Token",
    "Proxy-Authorization",
    "X-Client-Secret",
    "Stripe-Signature",
    "x-amz-security-token",
  ])("never %s", (name) => {
    expect(() => resolve({ keepHeaders: ["Accept", name] })).toThrow(refusal("apis.crm.keepHeaders[1]", "credential"));
  });

  test("nor the one that the API's own credential goes into", () => {
    const auth = { type: "header", name: "X-Caller", value: "v" };
    expect(() => resolve({ auth, keepHeaders: ["x-caller"] })).toThrow(refusal("apis.crm.keepHeaders[0]", "credential"));
    expect(() => resolve({ keepHeaders: ["x-caller"] })).not.toThrow();
  });
});

describe("the request id's header", () => {
  test("makes room for a key that goes into the same", () => {
    expect(resolve({ idempotency: { header: "X-Request-ID" } }).requestIdHeader).toBeUndefined();
  });

  test("never overwrites a credential or a key", () => {
    expect(() => resolve({ auth: bearer("t"), requestIdHeader: "Authorization" })).toThrow(
      refusal("apis.crm.requestIdHeader", "credential"),
    );
    expect(() => resolve({ idempotency: {}, requestIdHeader: "idempotency-key" })).toThrow(refusal("apis.crm.requestIdHeader", "key"));
    expect(() => resolve({ auth: bearer("t"), idempotency: { header: "authorization" } })).toThrow(
      refusal("apis.crm.idempotency.header", "credential"),
    );
  });
});

const RULE = { when: { status: 409 }, then: "concurrent", because: "busy" };

describe("a bad option names its path", () => {
  test.each<[string, unknown]>([
    ["", null],
    ["", "https://api.example.com"],
    ["", []],
    ["baseUrl", { baseUrl: "api.example.com" }],
    ["baseUrl", { baseUrl: "ftp://example.com" }],
    ["baseUrl", { baseUrl: 443 }],
    ["baseUrl", { baseUrl: "https://ada:pw@example.com" }],
    ["baseUrl", { baseUrl: "https://example.com?v=1" }],
    ["baseUrl", { baseUrl: "https://example.com/#x" }],
    ["profile", { profile: "fast" }],
    ["profile", { profile: "__proto__" }],
    ["profile", { profile: "toString" }],
    ["profile", { profile: 1 }],
    ["retry", { retry: 3 }],
    ["retry", { retry: [] }],
    ["retry.maxAttempts", { retry: { maxAttempts: 0 } }],
    ["retry.maxAttempts", { retry: { maxAttempts: Infinity } }],
    ["retry.maxAttempts", { retry: { maxAttempts: "4" } }],
    ["retry.backoff.base", { retry: { backoff: { base: "soon" } } }],
    ["retry.backoff.cap", { profile: "crm", retry: { backoff: { cap: "1s" } } }],
    ["retry.backoff[1]", { retry: { backoff: ["1s", "later"] } }],
    ["timeout", { timeout: "30s" }],
    ["timeout.attempt", { timeout: { attempt: 0 } }],
    ["timeout.attempt", { timeout: { attempt: [] } }],
    ["timeout.total", { timeout: { total: "never" } }],
    ["maxHint", { maxHint: -1 }],
    ["maxWait", { maxWait: "long" }],
    ["rateLimit", { rateLimit: [] }],
    ["rateLimit", { rateLimit: 10 }],
    ["rateLimit.limit", { rateLimit: { limit: 0 } }],
    ["rateLimit[1].per", { rateLimit: [{ limit: 1 }, { limit: 1, per: "often" }] }],
    ["rateLimit.scope", { rateLimit: { limit: 1, scope: "user" } }],
    ["concurrency", { concurrency: "many" }],
    ["concurrency.max", { concurrency: 0 }],
    ["concurrency.maxQueue", { concurrency: { max: 1, maxQueue: -1 } }],
    ["breaker", { breaker: true }],
    ["breaker.failureRate", { breaker: { failureRate: 2 } }],
    ["breaker.whenOpen", { breaker: { whenOpen: "panic" } }],
    ["retryBudget", { retryBudget: 0.1 }],
    ["retryBudget.ratio", { retryBudget: { ratio: -1 } }],
    ["retryQuota.by", { retryQuota: { limit: 1, per: "1m" } }],
    ["retryQuota.per", { retryQuota: { by: "user", limit: 1, per: 0 } }],
    ["idempotency", { idempotency: "Idempotency-Key" }],
    ["idempotency", { idempotency: true }],
    ["idempotency.header", { idempotency: { header: "Idempotency Key" } }],
    ["idempotency.header", { idempotency: { header: "" } }],
    ["idempotency.ttl", { idempotency: { ttl: "a day" } }],
    ["idempotency.ttl", { idempotency: { ttl: 0 } }],
    ["idempotency.quoted", { idempotency: { quoted: "yes" } }],
    ["idempotency.required", { idempotency: { required: 1 } }],
    ["idempotency.ignore", { idempotency: { ignore: "sentAt" } }],
    ["idempotency.ignore", { idempotency: { ignore: [1] } }],
    ["classify", { classify: RULE }],
    ["classify[0]", { classify: ["5xx"] }],
    ["classify[1].then", { classify: [RULE, { ...RULE, then: "retry" }] }],
    ["classify[0].because", { classify: [{ when: { status: 409 }, then: "concurrent" }] }],
    ["classify[0].when.status", { classify: [{ ...RULE, when: { status: "409" } }] }],
    ["hintHeaders", { hintHeaders: { name: "x-reset", unit: "ms" } }],
    ["hintHeaders[0]", { hintHeaders: ["x-reset"] }],
    ["hintHeaders[0].name", { hintHeaders: [{ name: "x reset", unit: "ms" }] }],
    ["hintHeaders[0].unit", { hintHeaders: [{ name: "x-reset", unit: "minutes" }] }],
    ["hintHeaders[0].remaining", { hintHeaders: [{ name: "x-reset", unit: "ms", remaining: 0 }] }],
    ["auth.type", { auth: "token" }],
    ["auth.token", { auth: { type: "bearer" } }],
    ["repeatable", { repeatable: "sometimes" }],
    ["durability", { durability: "forever" }],
    ["checkJson", { checkJson: "yes" }],
    ["requestIdHeader", { requestIdHeader: true }],
    ["requestIdHeader", { requestIdHeader: "" }],
    ["keepHeaders", { keepHeaders: "X-Tenant" }],
    ["keepHeaders[0]", { keepHeaders: ["X Tenant"] }],
    ["endpoints", { endpoints: ["POST /x"] }],
    ["endpoints", { endpoints: "POST /x" }],
    ['endpoints["contacts"]', { endpoints: { contacts: {} } }],
    ['endpoints["POST /x"]', { endpoints: { "POST /x": true } }],
    ['endpoints["POST /x"].retry.maxAttempts', { endpoints: { "POST /x": { retry: { maxAttempts: 0.5 } } } }],
    ['endpoints["POST /x"].timeout.attempt', { endpoints: { "POST /x": { timeout: { attempt: "x" } } } }],
    ['endpoints["POST /x"].classify', { endpoints: { "POST /x": { classify: RULE } } }],
    ['endpoints["POST /x"].classify[0].then', { endpoints: { "POST /x": { classify: [{ ...RULE, then: 1 }] } } }],
    ['endpoints["POST /x"].repeatable', { endpoints: { "POST /x": { repeatable: 1 } } }],
    ['endpoints["POST /x"].durability', { endpoints: { "POST /x": { durability: "" } } }],
    ['endpoints["POST /x"].cost', { rateLimit: { limit: 9 }, endpoints: { "POST /x": { cost: 0 } } }],
    ['endpoints["POST /x"].cost', { rateLimit: { limit: 9 }, endpoints: { "POST /x": { cost: "2" } } }],
  ])("%s of %j", (path, options) => {
    expect(() => resolve(options)).toThrow(refusal(path === "" ? "apis.crm" : `apis.crm.${path}`));
  });

  test("and none of the same options when they are right", () => {
    expect(() =>
      resolve({
        baseUrl: "https://api.example.com/v1",
        profile: "crm",
        retry: { maxAttempts: 4, backoff: { base: "1s", cap: "2s" } },
        timeout: { attempt: ["1s", "2s"], total: "1m" },
        maxHint: "5m",
        maxWait: 0,
        rateLimit: [
          { limit: 10, per: "1s", burst: 10, scope: "partition" },
          { limit: 1_000, per: "24h" },
        ],
        concurrency: { max: 5, maxQueue: 0 },
        breaker: { failureRate: 1, window: 5, minimumCalls: 5, whenOpen: "wait" },
        retryBudget: { ratio: 0.2, minPerSecond: 0, ttl: "20s" },
        retryQuota: { by: "user", limit: 0, per: "1m" },
        idempotency: { header: "X-Key", quoted: true, ttl: "72h", required: true, ignore: ["meta.sentAt"] },
        classify: [RULE],
        hintHeaders: [{ name: "x-reset", unit: "rfc3339", remaining: "x-left" }],
        auth: bearer(() => "t"),
        repeatable: false,
        durability: "before-send",
        checkJson: true,
        requestIdHeader: "X-Correlation-Id",
        keepHeaders: ["X-Tenant"],
        endpoints: { "POST /x": { cost: 10 } },
      }),
    ).not.toThrow();
  });
});

describe("an option that would have no effect", () => {
  test("is refused: a cost where nothing is counted", () => {
    const endpoints = { "POST /x": { cost: 2 } };
    expect(() => resolve({ endpoints })).toThrow(refusal('apis.crm.endpoints["POST /x"].cost', "no effect"));
    expect(() => resolve({ profile: "billing", endpoints })).not.toThrow();
  });

  test("is refused: a cost that never fits", () => {
    const endpoints = { "POST /x": { cost: 6 } };
    expect(() => resolve({ rateLimit: [{ limit: 5 }, { limit: 100, per: "1h" }], endpoints })).toThrow(
      refusal('apis.crm.endpoints["POST /x"].cost', "burst of 5"),
    );
    expect(() => resolve({ rateLimit: [{ limit: 6 }, { limit: 100, per: "1h" }], endpoints })).not.toThrow();
  });
});

describe("an unknown option is refused at each level", () => {
  test.each<[string, (more: object) => unknown]>([
    ["", (more) => more],
    ["retry", (more) => ({ retry: more })],
    ["retry.backoff", (more) => ({ retry: { backoff: more } })],
    ["timeout", (more) => ({ timeout: more })],
    ["rateLimit", (more) => ({ rateLimit: { limit: 1, ...more } })],
    ["rateLimit[1]", (more) => ({ rateLimit: [{ limit: 1 }, { limit: 2, ...more }] })],
    ["concurrency", (more) => ({ concurrency: { max: 1, ...more } })],
    ["breaker", (more) => ({ breaker: more })],
    ["retryBudget", (more) => ({ retryBudget: more })],
    ["retryQuota", (more) => ({ retryQuota: { by: "user", limit: 1, per: "1m", ...more } })],
    ["idempotency", (more) => ({ idempotency: more })],
    ["classify[0]", (more) => ({ classify: [{ ...RULE, ...more }] })],
    ["classify[0].when", (more) => ({ classify: [{ ...RULE, when: { status: 1, ...more } }] })],
    ["hintHeaders[0]", (more) => ({ hintHeaders: [{ name: "x", unit: "ms", ...more }] })],
    ["auth", (more) => ({ auth: { type: "bearer", token: "t", ...more } })],
    ["auth.token", (more) => ({ auth: { type: "bearer", token: { env: "T", ...more } } })],
    ['endpoints["POST /x"]', (more) => ({ endpoints: { "POST /x": more } })],
    ['endpoints["POST /x"].retry', (more) => ({ endpoints: { "POST /x": { retry: more } } })],
    ['endpoints["POST /x"].retry.backoff', (more) => ({ endpoints: { "POST /x": { retry: { backoff: more } } } })],
    ['endpoints["POST /x"].timeout', (more) => ({ endpoints: { "POST /x": { timeout: more } } })],
    ['endpoints["POST /x"].classify[0]', (more) => ({ endpoints: { "POST /x": { classify: [{ ...RULE, ...more }] } } })],
  ])("%s", (level, put) => {
    const at = level === "" ? "apis.crm" : `apis.crm.${level}`;
    expect(() => resolve(put({ typpo: 1 }))).toThrow(refusal(`${at}.typpo`));
    // As JSON has it, where it is a name like any other.
    const parsed = JSON.parse('{"__proto__": {"maxAttempts": 9}}') as object;
    expect(() => resolve(put(Object.fromEntries(Object.entries(parsed))))).toThrow(refusal(`${at}.__proto__`));
  });

  test("and so is null where a default was meant", () => {
    expect(() => resolve({ profile: null })).toThrow(refusal("apis.crm.profile", "null"));
    expect(() => resolve({ retry: { backoff: null } })).toThrow(refusal("apis.crm.retry.backoff", "null"));
    expect(() => resolve({ retry: { maxAttempts: null } })).toThrow(refusal("apis.crm.retry.maxAttempts", "null"));
    expect(() => resolve({ breaker: { window: null } })).toThrow(refusal("apis.crm.breaker.window", "null"));
    expect(() => resolve({ endpoints: { "POST /x": null } })).toThrow(refusal('apis.crm.endpoints["POST /x"]'));
    expect(() => resolve({ endpoints: { "POST /x": { cost: null } } })).toThrow(refusal('apis.crm.endpoints["POST /x"].cost', "null"));
  });
});

describe("a definition that says __proto__", () => {
  test.each([
    ["", '{"__proto__": {"repeatable": true}}', ".__proto__"],
    ["retry", '{"retry": {"__proto__": {"maxAttempts": 9}}}', ".retry.__proto__"],
    ["endpoints", '{"endpoints": {"__proto__": {"repeatable": true}}}', '.endpoints["__proto__"]'],
  ])("in %j is refused, and changes no other object", (_where, json, path) => {
    expect(() => resolve(JSON.parse(json))).toThrow(refusal(`apis.crm${path}`));
    expect(({} as Record<string, unknown>)["repeatable"]).toBeUndefined();
    expect(resolve({ retry: {} }).settings("POST /x")).toMatchObject({ repeatable: false, policy: { maxAttempts: 4 } });
  });
});

describe("a wrong base URL", () => {
  test("is shown without the credential in it", () => {
    expect(() => resolve({ baseUrl: "htps://ada:pa55w0rd@example.com" })).toThrow(
      expect.not.objectContaining({ message: expect.stringContaining("pa55w0rd") }),
    );
  });
});

describe("defineApi", () => {
  test("gives back what it was given, unchanged", () => {
    const options = { baseUrl: "https://api.example.com", profile: "crm" } as const;
    expect(defineApi(options)).toBe(options);
    expect(options).toEqual({ baseUrl: "https://api.example.com", profile: "crm" });
  });

  test("tells a mistake where it was made", () => {
    expect(() => defineApi({ retry: { maxAttempts: -1 } })).toThrow(/retry\.maxAttempts/);
  });
});

describe("reconcile", () => {
  const reconcile = async () => ({ happened: "unknown" }) as const;

  test("belongs to an endpoint", () => {
    const api = resolve({ endpoints: { "POST /enrolments": { reconcile } } });
    expect(api.settings("POST /enrolments").reconcile).toBe(reconcile);
    expect(api.settings("POST /contacts").reconcile).toBeUndefined();
    expect(() => resolve({ reconcile })).toThrow(refusal("apis.crm.reconcile"));
  });

  test("is a function, and stands where it has an effect", () => {
    const at = (endpoint: string) => `apis.crm.endpoints["${endpoint}"].reconcile`;
    const wrong = (endpoint: string, layer: object) => () => resolve({ endpoints: { [endpoint]: { reconcile, ...layer } } });
    expect(wrong("POST /x", { reconcile: "lookup" })).toThrow(refusal(at("POST /x"), '"lookup"'));
    expect(wrong("POST /x", { repeatable: true })).toThrow(refusal(at("POST /x"), "no effect"));
    expect(wrong("PUT /x/{id}", {})).toThrow(refusal(at("PUT /x/{id}"), "no effect"));
  });
});
