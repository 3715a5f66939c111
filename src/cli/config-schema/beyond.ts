/** A rule that JSON Schema cannot say: it joins two options, needs arithmetic, or asks the URL parser. `config check` says it. */
export interface BeyondSchema {
  /** Where it is told of; `*` stands for any names between. */
  readonly path: string;
  readonly rule: string;
  /** A config that the schema lets through and the check does not. */
  readonly example: object;
}

const baseUrl = "https://api.example.com";
const crm = (options: object): { readonly apis: object } => ({ apis: { crm: { baseUrl, ...options } } });
const search = (options: object): object => ({ "POST /search": options });
const inbox = (options: object): object => ({
  ...crm({}),
  inboxes: {
    shop: { verify: { scheme: "stripe", secret: { env: "SHOP_SECRET" } }, forwardTo: { api: "crm", endpoint: "POST /hooks" }, ...options },
  },
});
const slack = { type: "slack", url: { env: "SLACK_URL" } };
const token = { name: "ops", token: { env: "OPS_TOKEN" }, scopes: ["read"] };

export const BEYOND_SCHEMA: readonly BeyondSchema[] = [
  {
    path: "store",
    rule: "a PostgreSQL URL must parse, and its `schema` is lower-case letters, digits and underscores",
    example: { store: "postgres://[", apis: {} },
  },
  { path: "*.baseUrl", rule: "it must parse, without a credential, a query or a fragment", example: crm({ baseUrl: `${baseUrl}?a=1` }) },
  { path: "*.backoff.cap", rule: "it is not below `base`", example: crm({ retry: { backoff: { base: "2s", cap: "1s" } } }) },
  {
    path: "*.backoff.additive",
    rule: "it has an effect only with jitter `additive`",
    example: crm({ retry: { backoff: { additive: "1s" } } }),
  },
  { path: "*.breaker.minimumCalls", rule: "it is not more than `window`", example: crm({ breaker: { window: 5, minimumCalls: 6 } }) },
  { path: "*.breaker.maxOpenFor", rule: "it is not below `openFor`", example: crm({ breaker: { openFor: "2m", maxOpenFor: "1m" } }) },
  { path: "*.retryBudget.ttl", rule: "it is at least a second", example: crm({ retryBudget: { ttl: "999ms" } }) },
  {
    path: "*.when.status",
    rule: "a range begins with the lower one",
    example: crm({ classify: [{ when: { status: [599, 500] }, then: "transient", because: "x" }] }),
  },
  {
    path: "*.hintHeaders[*].remaining",
    rule: "it has no effect with the unit `used/limit`",
    example: crm({ hintHeaders: [{ name: "X-Used", unit: "used/limit", remaining: "X-Left" }] }),
  },
  { path: "*.keepHeaders[*]", rule: "it is not, and is not named like, a credential", example: crm({ keepHeaders: ["Authorization"] }) },
  {
    path: "*.requestIdHeader",
    rule: "it is not the header of the credential or of the key",
    example: crm({ requestIdHeader: "Idempotency-Key", idempotency: {} }),
  },
  {
    path: "*.idempotency.header",
    rule: "it is not the header of the credential",
    example: crm({ idempotency: { header: "X-Key" }, auth: { type: "header", name: "X-Key", value: { env: "X" } } }),
  },
  {
    path: "*.auth.tokenUrl",
    rule: "it must parse, without a credential or a fragment; http only on this machine",
    example: crm({ auth: oauth2({ tokenUrl: "http://auth.example.com/token" }) }),
  },
  {
    path: "*.auth.clientAuth",
    rule: "`basic` takes a `clientSecret`",
    example: crm({
      auth: {
        type: "oauth2",
        grant: "refresh-token",
        tokenUrl: `${baseUrl}/token`,
        clientId: "us",
        refreshToken: { env: "X" },
        clientAuth: "basic",
      },
    }),
  },
  {
    path: "*.endpoints[*]",
    rule: "no two are the same but for the names in braces",
    example: crm({ endpoints: { "GET /a/{id}": {}, "GET /a/{key}": {} } }),
  },
  {
    path: "*.endpoints[*].cost",
    rule: "the API has a `rateLimit` that counts costs, and its burst holds this much",
    example: crm({ endpoints: search({ cost: 2 }) }),
  },
  {
    path: "*.endpoints[*].usage",
    rule: "the API has a `rateLimit` that counts costs",
    example: crm({ endpoints: search({ usage: "usage.total_tokens" }) }),
  },
  { path: "tokens[*].name", rule: "no two are alike", example: { ...crm({}), tokens: [token, token] } },
  { path: "tokens[*].apis", rule: "they are APIs of this config", example: { ...crm({}), tokens: [{ ...token, apis: ["erp"] }] } },
  { path: "tokens[*].expires", rule: "it is a date that there is", example: { ...crm({}), tokens: [{ ...token, expires: "2027-13-01" }] } },
  {
    path: "worker.laneConcurrency",
    rule: "it is not more than `concurrency`",
    example: { ...crm({}), worker: { concurrency: 5, laneConcurrency: 6 } },
  },
  { path: "worker.lease", rule: "it is at least a second", example: { ...crm({}), worker: { lease: "999ms" } } },
  { path: "worker.pollEvery", rule: "it is at least 10 ms", example: { ...crm({}), worker: { pollEvery: "9ms" } } },
  { path: "gateway.replayBody", rule: "it is not more than `maxBody`", example: { ...crm({}), gateway: { maxBody: 10, replayBody: 11 } } },
  {
    path: "gateway.headersTimeout",
    rule: "it is not more than `requestTimeout`",
    example: { ...crm({}), gateway: { headersTimeout: "2m", requestTimeout: "1m" } },
  },
  { path: "alerts.to[*].name", rule: "no two are alike", example: { ...crm({}), alerts: { to: [slack, slack] } } },
  {
    path: "alerts.to[*].url",
    rule: "PagerDuty's is a full URL",
    example: { ...crm({}), alerts: { to: [{ type: "pagerduty", routingKey: { env: "X" }, url: "nowhere" }] } },
  },
  {
    path: "alerts.rules.*.over",
    rule: "a tier that the rule has not by itself takes one",
    example: { ...crm({}), alerts: { to: [slack], rules: { "dead-letters": { warning: {} } } } },
  },
  { path: "alerts.every", rule: "it is at least a second", example: { ...crm({}), alerts: { to: [slack], every: "999ms" } } },
  {
    path: "callbacks.allow",
    rule: "they are ranges of addresses",
    example: { ...crm({}), callbacks: { secret: { env: "X" }, allow: ["10.1.0.999/16"] } },
  },
  {
    path: "deadLetters.webhook.url",
    rule: "it must parse, without a credential or a fragment",
    example: { ...crm({}), deadLetters: { webhook: { url: `${baseUrl}#part` } } },
  },
  {
    path: "inboxes.*.verify.url",
    rule: "it must parse",
    example: inbox({ verify: { scheme: "hubspot", secret: { env: "X" }, url: "nowhere" } }),
  },
  {
    path: "inboxes.*.forwardTo.api",
    rule: "it is an API of this config",
    example: inbox({ forwardTo: { api: "erp", endpoint: "POST /hooks" } }),
  },
  { path: "apis.*.baseUrl", rule: "an API that an inbox forwards to has one", example: { ...inbox({}), apis: { crm: {} } } },
];

function oauth2(options: object): object {
  return {
    type: "oauth2",
    grant: "client-credentials",
    tokenUrl: "https://auth.example.com/token",
    clientId: "us",
    clientSecret: { env: "X" },
    ...options,
  };
}
