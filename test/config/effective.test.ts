import { Ajv2020 } from "ajv/dist/2020.js";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { configSchema, SHAPES, type Shape } from "../../src/cli/config-schema/index.ts";
import { inForce } from "../../src/cli/in-force/index.ts";
import { checkConfig, type HoldfastConfig } from "../../src/client/define-config.ts";
import { durationMs, type Duration } from "../../src/core/duration.ts";
import { arbitraryOf } from "./arbitrary.ts";

type Given = Readonly<Record<string, unknown>>;

const baseUrl = "https://api.example.com";
const crm = (options: object): object => ({ apis: { crm: { baseUrl, ...options } } });
const rule = (more: object): object => crm({ classify: [{ when: { status: 500 }, then: "permanent", because: "x", ...more }] });
const alerts = (more: object): object => ({ ...crm({}), alerts: { to: [{ type: "slack", url: { env: "X" } }], ...more } });
const inbox = (more: object): object => ({
  apis: { crm: { baseUrl }, erp: { baseUrl } },
  inboxes: { shop: { verify: { scheme: "stripe", secret: { env: "X" } }, forwardTo: { api: "crm", endpoint: "POST /hooks" }, ...more } },
});
const token = (more: object): object => ({ ...crm({}), tokens: [{ name: "ops", token: { env: "X" }, scopes: ["read"], ...more }] });
const verify = (value: Given): object => inbox({ verify: value });
const auth = (value: Given): object => crm({ auth: value });
const sink = (value: Given): object => alerts({ to: [value] });

/** Where a value of each shape may stand, beside what it takes to have an effect. */
const HOSTS: Readonly<Record<string, (value: Given) => object>> = {
  Config: (value) => ({ ...crm({}), ...value }),
  Api: (value) => ({ apis: { crm: value } }),
  Endpoint: (value) => crm({ rateLimit: { limit: 1e6, burst: 1e6 }, endpoints: { "POST /search": value } }),
  Retry: (retry) => crm({ retry }),
  Backoff: (backoff) => crm({ retry: { backoff } }),
  Timeout: (timeout) => crm({ timeout }),
  RateLimit: (rateLimit) => crm({ rateLimit }),
  Concurrency: (concurrency) => crm({ concurrency }),
  Breaker: (breaker) => crm({ breaker }),
  RetryBudget: (retryBudget) => crm({ retryBudget }),
  RetryQuota: (retryQuota) => crm({ retryQuota }),
  Idempotency: (idempotency) => crm({ idempotency }),
  Rule: rule,
  RuleConditions: (when) => rule({ when }),
  JsonCondition: (body) => rule({ when: { body } }),
  HintHeader: (header) => crm({ hintHeaders: [header] }),
  BearerAuth: auth,
  BasicAuth: auth,
  HeaderAuth: auth,
  QueryAuth: auth,
  ClientCredentialsAuth: auth,
  RefreshTokenAuth: auth,
  SecretReference: (reference) => auth({ type: "bearer", token: reference }),
  Token: token,
  TokenHash: (value) => token({ token: value }),
  TokenRateLimit: (rateLimit) => token({ rateLimit }),
  Worker: (worker) => ({ ...crm({}), worker }),
  Gateway: (gateway) => ({ ...crm({}), gateway }),
  DeadLetters: (deadLetters) => ({ ...crm({}), deadLetters }),
  DeadLetterWebhook: (webhook) => ({ ...crm({}), deadLetters: { webhook } }),
  Alerts: (value) => ({ ...crm({}), alerts: value }),
  SlackSink: sink,
  WebhookSink: sink,
  PagerdutySink: sink,
  AlertRules: (rules) => alerts({ rules }),
  AlertRule: (value) => alerts({ rules: { "error-rate": value } }),
  AlertStateRule: (value) => alerts({ rules: { "breaker-open": value } }),
  AlertLevel: (warning) => alerts({ rules: { "error-rate": { warning } } }),
  Callbacks: (callbacks) => ({ ...crm({}), callbacks }),
  Inbox: (value) => ({ ...inbox({}), inboxes: { shop: value } }),
  VerifyByScheme: verify,
  VerifyHubspot: verify,
  VerifyHmac: verify,
  ForwardTo: (forwardTo) => inbox({ forwardTo }),
};

/** Options that are no setting: one is for editors; `store` and what stands under a name are told of elsewhere. */
const NO_SETTING = new Set(["Config.$schema"]);

const root = configSchema();
const ajv = new Ajv2020({ strict: true, strictTypes: false, strictRequired: false, allowUnionTypes: true });
const accepts = ajv.compile(root);

function isGood(config: object): boolean {
  if (!accepts(config)) return false;
  try {
    checkConfig(config);
    return true;
  } catch {
    return false;
  }
}

/** What `config check` tells of a config. */
function told(config: object): string {
  const { store } = config as HoldfastConfig;
  return JSON.stringify([store, inForce(config as HoldfastConfig)]);
}

/** Two ways to say one thing are one. */
function meaning(value: unknown): unknown {
  if (typeof value === "string" && /^\d+(?:\.\d+)?(?:ms|s|m|h|d)$/.test(value)) return durationMs(value as Duration, "");
  if (Array.isArray(value)) return value.length === 1 ? meaning(value[0]) : [...new Set(value.map((one) => JSON.stringify(meaning(one))))];
  if (typeof value === "object" && value !== null)
    return Object.entries(value)
      .filter(([, one]) => !isEmpty(one))
      .map(([name, one]) => JSON.stringify([name, meaning(one)]))
      .toSorted((a, b) => (a < b ? -1 : 1));
  return value;
}

function isEmpty(value: unknown): boolean {
  return typeof value === "object" && value !== null && Object.values(value).every(isEmpty);
}

/** Draws until two configs that differ in one option of one shape come to two things; what was found instead, if none do. */
function faultOf({ name }: Shape, option: string): string | undefined {
  const host = HOSTS[name] as (value: Given) => object;
  const definition = (root["$defs"] as Readonly<Record<string, Given>>)[name] as Given;
  const values = arbitraryOf(root, (definition["properties"] as Readonly<Record<string, Given>>)[option] as Given);
  const rest = arbitraryOf(root, definition) as fc.Arbitrary<Given>;
  let fault = "no two values of it make a good config";
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const [others, one, other] of fc.sample(fc.tuple(rest, values, values), { numRuns: DRAWS, seed: round })) {
      if (JSON.stringify(meaning(one)) === JSON.stringify(meaning(other))) continue;
      const pair = [host({ ...others, [option]: one }), host({ ...others, [option]: other })] as const;
      if (!pair.every(isGood)) continue;
      if (told(pair[0]) !== told(pair[1])) return undefined;
      fault = `${JSON.stringify(pair[0])} and ${JSON.stringify(pair[1])} come to the same`;
    }
  }
  return fault;
}

/** Drawn from one seed a round, so that who finds a fault finds it again. Most options need one round; the rarest good pair some dozens. */
const DRAWS = 6;
const ROUNDS = 300;

/** What there is but one of: the name of a kind. */
function isKind({ schema }: Shape["options"][string]): boolean {
  return schema === undefined || "const" in schema;
}

describe("every option has an effect", () => {
  test("that `config check` tells of, each in its place", () => {
    expect(SHAPES.map(({ name }) => name).toSorted()).toEqual(Object.keys(HOSTS).toSorted());
    const idle = SHAPES.flatMap((shape) =>
      Object.entries(shape.options).flatMap(([option, said]) => {
        const name = `${shape.name}.${option}`;
        if (isKind(said) || NO_SETTING.has(name)) return [];
        const fault = faultOf(shape, option);
        return fault === undefined ? [] : [`${name}: ${fault}`];
      }),
    );
    expect(idle).toEqual([]);
  });

  test("and one without would be found", () => {
    expect(told(crm({ maxHint: "1s" }))).not.toBe(told(crm({ maxHint: "2s" })));
    expect(told({ ...crm({}), $schema: "a" })).toBe(told({ ...crm({}), $schema: "b" }));
  });
});
