/** Secrets are planted in every place that has one, everything is made to fail, and then all that was kept, told or printed is searched. */
import { createHash } from "node:crypto";
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Pool } from "pg";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { CliEnd } from "../../cli/holdfast.ts";
import { cliHere } from "../../cli/in-process.ts";
import { serve, type TestServer } from "../../client/server.ts";
import { testDatabase, type TestDatabase } from "../../postgres/server.ts";
import { startGateway, type GatewayProcess } from "../gateway-process.ts";
import { found, plant, plantKey } from "./secrets.ts";

const NAMES = [
  "BEARER",
  "USER",
  "PASSWORD",
  "HEADER",
  "QUERY",
  "CLIENT_ID",
  "CLIENT_SECRET",
  "REFRESH",
  "OPS",
  "SLACK_PATH",
  "ROUTING",
] as const;
const env: Readonly<Record<string, string>> = {
  ...Object.fromEntries(NAMES.map((name) => [`CANARY_${name}`, plant(name.toLowerCase())])),
  CANARY_INBOX: plantKey(),
  CANARY_CALLBACK: plantKey(),
  CANARY_LETTERS: plantKey(),
  CANARY_ALERTS: plantKey(),
};
/** What no config names: tokens that the other side gives, and what callers send along. */
const met = {
  access: plant("access"),
  rotated: plant("rotated"),
  authorization: plant("authorization"),
  cookie: plant("cookie"),
  apiKey: plant("api-key"),
  setCookie: plant("set-cookie"),
};
/** A payload is kept as it was sent: that is what a replay sends. It shows that the search finds what is there. */
const PAYLOAD = plant("payload");
const secret = (name: string): { readonly env: string } => ({ env: `CANARY_${name}` });
const opsToken = env["CANARY_OPS"] as string;

let upstream: TestServer;
/** Made while the gateway runs. */
let made = "";
const secrets = (): Readonly<Record<string, string>> => ({ ...env, ...met, made });

/** An API at its worst: it tells in its errors what was sent to it. */
beforeAll(async () => {
  Object.assign(process.env, env);
  upstream = await serve((seen, response) => {
    const path = seen.url.split("?")[0] ?? "";
    if (path.endsWith("/token")) {
      response.writeHead(200, { "content-type": "application/json" });
      response.end(JSON.stringify({ access_token: met.access, token_type: "bearer", expires_in: 3_600, refresh_token: met.rotated }));
    } else if (path.endsWith("/reset")) response.destroy();
    else if (path.endsWith("/refused")) {
      const echo = JSON.stringify({ error: { code: "NO", message: `refused ${seen.url}`, headers: seen.headers } });
      const told = { "x-echo": String(seen.headers.authorization ?? seen.headers["x-api-key"] ?? seen.url), "x-request-id": seen.url };
      response.writeHead(path.includes("/401/") ? 401 : 422, { "content-type": "application/json", location: seen.url, ...told }).end(echo);
    } else if (path.endsWith("/down"))
      response.writeHead(503, { "x-echo": JSON.stringify(seen.headers) }).end(JSON.stringify(seen.headers));
    else response.writeHead(201, { "content-type": "application/json", "set-cookie": `session=${met.setCookie}` }).end('{"id":1}');
  });
});
afterAll(async () => {
  for (const name of Object.keys(env)) delete process.env[name];
  await upstream[Symbol.asyncDispose]();
});

function configFor(store: unknown, folder: string): object {
  const api = (auth: object | undefined): object => ({
    baseUrl: upstream.url,
    retry: { maxAttempts: 2, backoff: ["5ms"] },
    breaker: false,
    idempotency: {},
    ...(auth === undefined ? {} : { auth }),
  });
  const oauth = { type: "oauth2", tokenUrl: `${upstream.url}/token`, clientId: secret("CLIENT_ID"), clientSecret: secret("CLIENT_SECRET") };
  return {
    store,
    apis: {
      bearer: api({ type: "bearer", token: secret("BEARER") }),
      basic: api({ type: "basic", username: secret("USER"), password: secret("PASSWORD") }),
      header: api({ type: "header", name: "X-Api-Key", value: secret("HEADER") }),
      query: api({ type: "query", name: "api_key", value: secret("QUERY") }),
      oauth: api({ ...oauth, grant: "client-credentials" }),
      refresh: api({ ...oauth, grant: "refresh-token", refreshToken: secret("REFRESH"), keepIn: join(folder, "kept-on-purpose") }),
      open: api(undefined),
      safe: { ...api(undefined), durability: "before-send" },
    },
    tokens: [{ name: "ops", token: secret("OPS"), scopes: ["call", "read", "operate"] }],
    inboxes: {
      shop: {
        verify: { scheme: "standard-webhooks", secret: secret("INBOX") },
        forwardTo: { api: "open", endpoint: "POST /hooks/refused" },
      },
    },
    alerts: {
      to: [
        { type: "slack", url: secret("SLACK_URL") },
        { type: "webhook", url: `${upstream.url}/alerts`, secret: secret("ALERTS") },
        { type: "pagerduty", routingKey: secret("ROUTING"), url: `${upstream.url}/pagerduty/down` },
      ],
      critical: ["bearer POST /401/refused"],
      every: "1s",
    },
    callbacks: { secret: secret("CALLBACK"), allow: ["127.0.0.1/32"], retry: { maxAttempts: 1 } },
    deadLetters: { webhook: { url: `${upstream.url}/letters`, secret: secret("LETTERS") } },
  };
}

const APIS = ["bearer", "basic", "header", "query", "oauth", "refresh", "open", "safe"];

/** Calls of every API that go well, are refused, are told of, break off, and wait in the queue. */
async function misuse({ url }: GatewayProcess): Promise<void> {
  const token = { "holdfast-token": opsToken };
  for (const api of APIS) {
    const own = { authorization: `Bearer ${met.authorization}`, cookie: `c=${met.cookie}`, "x-secret-key": met.apiKey };
    // An API with a credential of its own gets that, and callers' credentials for one that has none pass through.
    const headers = { ...token, ...own, "content-type": "application/json" };
    const body = JSON.stringify({ note: PAYLOAD });
    for (const path of ["ok", "refused", "401/refused", "reset", "down"]) {
      const answer = await fetch(`${url}/to/${api}/${path}`, {
        method: "POST",
        headers: { ...headers, "idempotency-key": `${api} ${path}` },
        body,
      });
      await answer.text();
      await (await fetch(`${url}/to/${api}/${path}`, { headers })).text();
    }
    const queued = {
      api,
      method: "POST",
      path: "/refused",
      json: { note: PAYLOAD },
      key: `${api} queued`,
      callback: `${upstream.url}/callback`,
    };
    await fetch(`${url}/v1/operations`, {
      method: "POST",
      headers: { ...token, "content-type": "application/json" },
      body: JSON.stringify(queued),
    });
  }
  // What is wrong about a request is told, and what stood in it is not.
  for (const wrong of ["nobody", opsToken.slice(0, -1), met.authorization])
    await fetch(`${url}/v1/lanes`, { headers: { authorization: `Bearer ${wrong}` } });
  const answer = await fetch(`${url}/v1/tokens`, {
    method: "POST",
    headers: { ...token, "content-type": "application/json" },
    body: JSON.stringify({ name: "made", scopes: ["read"] }),
  });
  made = ((await answer.json()) as { token: string }).token;
  await fetch(`${url}/in/shop`, {
    method: "POST",
    headers: { "webhook-id": "1", "webhook-signature": `v1,${env["CANARY_INBOX"]}` },
    body: "{}",
  });
}

/** Everything that the gateway answers to whoever may read and operate. */
async function told({ url }: GatewayProcess): Promise<string> {
  const headers = { "holdfast-token": opsToken };
  const { paths } = (await (await fetch(`${url}/openapi.json`)).json()) as {
    paths: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  };
  const texts: string[] = [];
  const get = async (path: string): Promise<string> => {
    const answer = await fetch(`${url}${path}`, { headers });
    const text = `${JSON.stringify([...answer.headers])}${await answer.text()}`;
    texts.push(text);
    return text;
  };
  for (const [path, methods] of Object.entries(paths))
    if ("get" in methods && !path.includes("{") && path !== "/v1/events") await get(path);
  for (const [list, one] of [
    ["/v1/dead-letters?limit=200", "/v1/dead-letters/"],
    ["/v1/operations?limit=200", "/v1/operations/"],
  ] as const) {
    const { items } = (await (await fetch(`${url}${list}`, { headers })).json()) as { items: readonly { id: string }[] };
    expect(items.length).toBeGreaterThan(5);
    for (const { id } of items) await get(`${one}${id}`);
  }
  return texts.join("\n");
}

/** Every file that the gateway has written, but for the one that holds a refresh token by its own option. */
function filesIn(folder: string): string {
  const names = (readdirSync(folder, { recursive: true }) as string[]).filter(
    (name) => name !== "kept-on-purpose" && statSync(join(folder, name)).isFile(),
  );
  return names.map((name) => readFileSync(join(folder, name), "latin1")).join("\n");
}

/** Every row of every table, bytes as the text that they are. */
async function rowsOf(url: string): Promise<string> {
  const pool = new Pool({ connectionString: url, max: 1 });
  try {
    const { rows: tables } = await pool.query<{ name: string }>(
      "SELECT format('%I.%I', schemaname, tablename) AS name FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema')",
    );
    const texts: string[] = [];
    for (const { name } of tables) {
      const { rows } = await pool.query<Record<string, unknown>>(`SELECT * FROM ${name}`);
      for (const row of rows)
        for (const value of Object.values(row))
          texts.push(Buffer.isBuffer(value) ? value.toString("latin1") : (JSON.stringify(value) ?? ""));
    }
    return texts.join("\n");
  } finally {
    await pool.end();
  }
}

async function hasCome(path: string): Promise<void> {
  while (!upstream.seen.some(({ url }) => url.startsWith(path))) await new Promise((resolve) => setTimeout(resolve, 50));
}

describe.each(["sqlite", "postgres"])("over %s", (backend) => {
  let folder: string;
  let database: TestDatabase | undefined;
  let gateway: GatewayProcess;
  let end: CliEnd;
  let events = "";
  let answers: string;
  let printed: string;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "holdfast-canary-"));
    process.env["CANARY_SLACK_URL"] = `${upstream.url}/slack/${env["CANARY_SLACK_PATH"]}/down`;
    if (backend === "postgres") {
      database = await testDatabase();
      process.env["CANARY_STORE"] = database.url;
    }
    const store = database === undefined ? "sqlite:holdfast.db" : secret("STORE");
    upstream.seen.splice(0);
    gateway = await startGateway(configFor(store, folder), { folder });
    const stop = new AbortController();
    const stream = await fetch(`${gateway.url}/v1/events`, { headers: { "holdfast-token": opsToken }, signal: stop.signal });
    const reading = (async () => {
      for await (const chunk of stream.body ?? []) events += Buffer.from(chunk).toString();
    })().catch(() => undefined);
    await misuse(gateway);
    for (const path of ["/slack/", "/alerts", "/pagerduty", "/callback", "/letters"]) await hasCome(path);
    answers = await told(gateway);
    const commands = [
      ["config", "check"],
      ["config", "check", "--json"],
      ["config", "schema"],
      ["doctor", "--probe"],
      ["status"],
      ["dlq", "list", "--json"],
      ["dlq", "export"],
      ["dlq", "export", "--format", "csv"],
      ["dlq", "replay", "--all", "--config", "holdfast.config.json"],
      ["ops", "list", "--json"],
      ["tokens", "list", "--json"],
    ];
    const ends: CliEnd[] = [];
    for (const command of commands) ends.push(await cliHere(command, { cwd: folder }));
    printed = ends.map(({ stdout, stderr }) => `${stdout}\n${stderr}`).join("\n");
    stop.abort();
    await reading;
    end = await gateway.end("SIGTERM");
  });
  afterAll(async () => {
    delete process.env["CANARY_SLACK_URL"];
    delete process.env["CANARY_STORE"];
    await gateway[Symbol.asyncDispose]();
    await database?.dispose();
    rmSync(folder, { recursive: true, force: true });
  });

  it("the secrets were used, so that there was something to give away", () => {
    const sent = upstream.seen.map(({ url, headers, body }) => `${url} ${JSON.stringify(headers)} ${body.toString()}`).join("\n");
    const used = found(sent, secrets());
    for (const name of ["BEARER", "PASSWORD", "HEADER", "QUERY", "CLIENT_SECRET", "REFRESH", "SLACK_PATH", "ROUTING"])
      expect(used).toContain(`CANARY_${name}`);
    expect(used).toEqual(expect.arrayContaining(["access", "authorization", "cookie", "apiKey"]));
  });

  it("the search finds a payload, which is kept as it was sent", async () => {
    const kept = database === undefined ? filesIn(folder) : await rowsOf(database.url);
    expect(found(kept, { PAYLOAD })).toEqual(["PAYLOAD"]);
    expect(found(answers, { PAYLOAD })).toEqual(["PAYLOAD"]);
  });

  it("the store holds none", async () => {
    const kept = `${filesIn(folder)}\n${database === undefined ? "" : await rowsOf(database.url)}`;
    expect(found(kept, secrets())).toEqual([]);
  });

  it("no answer, event, metric or page tells one", () => {
    expect(found(answers, secrets())).toEqual([]);
    expect(events.length).toBeGreaterThan(1_000);
    expect(found(events, secrets())).toEqual([]);
  });

  it("the gateway's output says none, nor any payload", () => {
    expect(end.stdout).toContain("listening on");
    expect(found(`${end.stdout}\n${end.stderr}`, { ...secrets(), PAYLOAD })).toEqual([]);
  });

  it("no command prints one", () => {
    expect(found(printed, secrets())).toEqual([]);
  });

  it("alerts, callbacks and webhooks carry none", () => {
    const out = upstream.seen.filter(({ url }) => /^\/(?:alerts|callback|letters|slack|pagerduty)/.test(url));
    const bodies = out.map(({ body }) => body.toString()).join("\n");
    const { CANARY_ROUTING: _, ...others } = secrets() as { CANARY_ROUTING: string };
    // PagerDuty's events are sent with its key in them.
    expect(found(bodies, others)).toEqual([]);
    expect(found(bodies, { PAYLOAD })).toEqual([]);
  });
});

describe("a config or a process that is broken", () => {
  const written = plant("written");
  const api = (options: object): object => ({ store: "sqlite:holdfast.db", apis: { crm: { baseUrl: "http://127.0.0.1:1", ...options } } });

  it.each([
    ["a credential in a base URL", { store: "memory:", apis: { crm: { baseUrl: `https://user:${written}@api.example.com` } } }],
    ["a base URL that is none", { store: "memory:", apis: { crm: { baseUrl: `//user:${written}@api` } } }],
    ["a secret beside a typo", api({ auth: { type: "bearer", tokn: 1, token: written } })],
    ["a secret of a wrong type", api({ auth: { type: "basic", username: "u", password: [written] } })],
    ["a secret under a wrong name", api({ auth: { type: "bearer", token: { env: [written] } } })],
    ["a list where the store should be", { store: [written], apis: {} }],
    ["a token that is written down", { ...api({}), tokens: [{ name: "a", token: written, scopes: ["read"] }] }],
    ["a hash that is none", { ...api({}), tokens: [{ name: "a", token: { sha256: written }, scopes: ["read"] }] }],
    ["a credential that is kept as a header", api({ keepHeaders: ["Authorization"], auth: { type: "bearer", token: written } })],
    [
      "a token endpoint with a credential",
      api({
        auth: {
          type: "oauth2",
          grant: "client-credentials",
          tokenUrl: `https://u:${written}@a.example`,
          clientId: "a",
          clientSecret: written,
        },
      }),
    ],
    [
      "a webhook's secret that is written down",
      { ...api({}), inboxes: { shop: { verify: { scheme: "stripe", secret: written }, forwardTo: { api: "crm", endpoint: "POST /" } } } },
    ],
    ["a password where the store should be", { store: written, apis: {} }],
    ["a store that cannot be reached", { store: `postgres://user:${written}@127.0.0.1:1/db`, apis: {} }],
  ])("says what is wrong and not what stood there: %s", async (_, config) => {
    const folder = mkdtempSync(join(tmpdir(), "holdfast-broken-"));
    try {
      writeFileSync(join(folder, "holdfast.config.json"), JSON.stringify(config));
      for (const args of [["config", "check"], ["--debug", "serve", "--port", "0"], ["doctor"], ["--debug", "dlq", "list"]]) {
        const { code, stdout, stderr } = await cliHere(args, { cwd: folder });
        // Nothing of it may be served; the others may find what they ask about right.
        const isRefused = code !== 0 || !args.includes("serve");
        expect([args, isRefused, found(`${stdout}\n${stderr}`, { written })]).toEqual([args, true, []]);
      }
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });

  it("a hash of a token tells nothing of it", () => {
    const sha256 = createHash("sha256").update(opsToken).digest("hex");
    expect(found(sha256, { opsToken })).toEqual([]);
    expect(found(Buffer.from(`x${opsToken}y`).toString("base64"), { opsToken })).toEqual(["opsToken"]);
  });
});
