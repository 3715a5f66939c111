import { afterEach, describe, expect, it } from "vitest";
import { memory } from "../../src/adapters/store/memory/index.ts";
import { adminWorld, requestOf, type AdminWorld, type WorldOptions } from "./admin-world.ts";

let worlds: AdminWorld[] = [];
afterEach(async () => {
  for (const world of worlds) await world[Symbol.asyncDispose]();
  worlds = [];
});

/** A world whose answers fit the schemas that OpenAPI tells of them: every answer in this file is held to them. */
async function open(options: WorldOptions = {}): Promise<AdminWorld> {
  const world = await adminWorld(options);
  worlds.push(world);
  const routes = world.app.routes;
  return {
    ...world,
    ask: async (method, path, asked) => {
      const answer = await world.ask(method, path, asked);
      const { pathname } = new URL(`http://h${path}`);
      const route = routes.find((one) => one.method === method && templateFits(one.path, pathname));
      const schema = route?.answers[answer.status]?.schema;
      if (schema !== undefined) schema.parse(answer.body);
      return answer;
    },
  };
}

function templateFits(template: string, pathname: string): boolean {
  const [wanted, given] = [template.split("/"), pathname.split("/")];
  return wanted.length === given.length && wanted.every((part, index) => part.startsWith("{") || part === given[index]);
}

const refusing = async (): Promise<Response> => Response.json({ error: "no" }, { status: 422 });
const contact = { api: "crm", method: "POST", path: "/contacts", json: { email: "ada@example.com" } };

async function until(look: () => Promise<boolean>): Promise<void> {
  while (!(await look())) await new Promise((resolve) => setTimeout(resolve, 10));
}

describe("operations", () => {
  it("are accepted with 202 once they are on disk, found again, and end", async () => {
    const world = await open();
    const { status, body, headers } = await world.ask("POST", "/v1/operations", {
      as: "call",
      body: { ...contact, key: "k1", labels: { lead: "42" } },
    });
    expect([status, body.known, headers.get("holdfast-operation")]).toEqual([202, false, body.id]);
    expect((await world.ask("POST", "/v1/operations", { body: { ...contact, key: "k1", labels: { lead: "42" } } })).body).toEqual({
      id: body.id,
      known: true,
    });
    const other = await world.ask("POST", "/v1/operations", { body: { ...contact, json: { email: "eve@example.com" }, key: "k1" } });
    expect([other.status, other.body.code]).toEqual([422, "idempotency-mismatch"]);
    await until(async () => (await world.ask("GET", `/v1/operations/${body.id}`)).body.state === "succeeded");
    const found = (await world.ask("GET", `/v1/operations/${body.id}`)).body;
    expect(found).toMatchObject({
      key: "k1",
      labels: { lead: "42" },
      answer: { status: 201 },
      request: { body: { text: '{"email":"ada@example.com"}' } },
    });
    expect(found.attempts[0]).toMatchObject({ attempt: 1, verdict: { kind: "success" }, because: { code: "answered" } });
  });

  it("are filtered by API, lane, state and label, and come in pages", async () => {
    const world = await open();
    for (let number = 0; number < 5; number += 1) {
      await world.ask("POST", "/v1/operations", {
        body: { ...contact, api: number < 3 ? "crm" : "mail", delay: "1h", labels: { n: String(number % 2) } },
      });
    }
    const ids = async (query: string): Promise<number> => (await world.ask("GET", `/v1/operations?${query}`)).body.items.length;
    expect(await ids("api=crm")).toBe(3);
    expect(await ids("state=parked")).toBe(5);
    expect(await ids("state=succeeded")).toBe(0);
    expect(await ids("label.n=0&api=mail")).toBe(1);
    expect(await ids(`lane=${encodeURIComponent("mail:POST /contacts")}`)).toBe(2);
    const seen = new Set<string>();
    let pages = 0;
    for (let next: string | null = ""; next !== null; pages += 1) {
      const { body } = await world.ask("GET", `/v1/operations?limit=2${next === "" ? "" : `&after=${next}`}`);
      for (const { id } of body.items) seen.add(id);
      ({ next } = body);
    }
    expect([seen.size, pages]).toEqual([5, 3]);
  });

  it("are cancelled, and told so where there is nothing left to cancel", async () => {
    const world = await open();
    const { id } = (await world.ask("POST", "/v1/operations", { body: { ...contact, delay: "1h" } })).body;
    expect((await world.ask("POST", `/v1/operations/${id}/cancel`, { body: { reason: "a mistake" } })).body.result).toBe("cancelled");
    expect((await world.ask("POST", `/v1/operations/${id}/cancel`)).body.code).toBe("conflict");
    expect((await world.ask("POST", "/v1/operations/none/cancel")).status).toBe(404);
    expect((await world.ask("GET", `/v1/operations/${id}`)).body.because.detail).toBe("a mistake");
  });

  it("what is wrong is told by its path", async () => {
    const world = await open();
    const paths = async (method: string, path: string, body?: unknown): Promise<unknown> => {
      const answer = await world.ask(method, path, body === undefined ? {} : { body });
      return [answer.status, answer.body.code, ...(answer.body.errors ?? []).map((error: { path: string }) => error.path)];
    };
    expect(await paths("POST", "/v1/operations", { ...contact, api: 7, callbak: "x" })).toEqual([
      400,
      "invalid-request",
      "body.api",
      "body.callbak",
    ]);
    expect(await paths("POST", "/v1/operations", { ...contact, body: "two" })).toEqual([400, "config", "enqueue.body"]);
    expect(await paths("POST", "/v1/operations", { ...contact, headers: { authorization: "Bearer x" } })).toEqual([
      400,
      "config",
      "enqueue.headers.authorization",
    ]);
    expect(await paths("POST", "/v1/operations", { ...contact, api: "none" })).toEqual([404, "unknown-api"]);
    expect(await paths("GET", "/v1/operations?stat=ready")).toEqual([400, "invalid-request", "query.stat"]);
    expect(await paths("GET", "/v1/operations?api=crm&api=mail")).toEqual([400, "invalid-request", "query.api"]);
    expect(await paths("GET", "/v1/operations?limit=1000")).toEqual([400, "invalid-request", "query.limit"]);
    expect(await paths("GET", "/v1/operations/nope?x=1")).toEqual([400, "invalid-request", "query.x"]);
    expect(await paths("GET", "/v1/operations/nope")).toEqual([404, "not-found"]);
    expect(await paths("POST", "/v1/operations")).toEqual([400, "invalid-request"]);
  });
});

describe("what comes from outside", () => {
  it("__proto__ changes nothing, wherever it stands", async () => {
    const world = await open();
    const texts = [
      '{"api":"crm","method":"POST","path":"/c","__proto__":{"scopes":["operate"]}}',
      '{"api":"crm","method":"POST","path":"/c","delay":"1h","labels":{"__proto__":"x"}}',
      '{"api":"crm","method":"POST","path":"/c","delay":"1h","json":{"__proto__":{"polluted":true},"constructor":{"prototype":{"polluted":true}}}}',
    ];
    const statuses = [];
    for (const body of texts) statuses.push((await world.ask("POST", "/v1/operations", { body })).status);
    expect(statuses[0]).toBe(400);
    expect(statuses[2]).toBe(202);
    await world.ask("GET", "/v1/operations?label.__proto__=x&__proto__=y");
    await world.ask("POST", "/v1/dead-letters/replay", {
      body: '{"filter":{"__proto__":{"api":"x"}},"patch":{"__proto__":{"polluted":true}}}',
    });
    expect(({} as Record<string, unknown>)["polluted"]).toBeUndefined();
    const kept = (await world.ask("GET", "/v1/operations?limit=1")).body.items[0].id;
    expect((await world.ask("GET", `/v1/operations/${kept}`)).body.request.body.text).toContain('"__proto__":{"polluted":true}');
  });

  it("deep and huge JSON is refused in bounded time", async () => {
    const world = await open({ parts: { maxBodyBytes: 2_000_000 } });
    const started = performance.now();
    const deep = await world.ask("POST", "/v1/operations", { body: `${"[".repeat(500_000)}${"]".repeat(500_000)}` });
    expect([deep.status, deep.body.code]).toEqual([400, "invalid-request"]);
    const huge = await world.ask("POST", "/v1/operations", { body: JSON.stringify("x".repeat(3_000_000)) });
    expect([huge.status, huge.body.code]).toEqual([413, "body-too-large"]);
    const many = Object.fromEntries(Array.from({ length: 100_000 }, (_, number) => [`k${number}`, 1]));
    const wide = await world.ask("POST", "/v1/operations", { body: many });
    expect([wide.status, wide.body.errors.length <= 60]).toEqual([400, true]);
    expect(performance.now() - started).toBeLessThan(2_000);
    const fine = await world.ask("POST", "/v1/operations", { body: { ...contact, delay: "1h", json: { a: [[[["[[[["]]]] } } });
    expect(fine.status).toBe(202);
  });

  it("only JSON is read", async () => {
    const world = await open();
    const answer = await world.ask("POST", "/v1/operations", {
      body: "api=crm",
      headers: { "content-type": "application/x-www-form-urlencoded" },
    });
    expect([answer.status, answer.body.code]).toEqual([415, "unsupported-media-type"]);
    expect((await world.ask("POST", "/v1/operations", { body: "{" })).body.code).toBe("invalid-request");
  });
});

describe("dead letters", () => {
  it("are listed, grouped, discarded and replayed, and a run is a resource", async () => {
    let answer = refusing;
    const world = await open({ transport: () => answer() });
    for (let number = 0; number < 3; number += 1) await world.ask("POST", "/v1/operations", { body: { ...contact, json: { number } } });
    await until(async () => (await world.ask("GET", "/v1/dead-letters")).body.items.length === 3);
    const { items } = (await world.ask("GET", "/v1/dead-letters?state=open&reason=permanent")).body;
    expect((await world.ask("GET", `/v1/dead-letters/${items[0].id}`)).body).toMatchObject({
      reason: "permanent",
      attempts: [{ attempt: 1 }],
    });
    const groups = (await world.ask("GET", "/v1/dead-letters/groups")).body.items;
    expect(groups).toMatchObject([{ open: 3, total: 3, state: "open" }]);
    const { fingerprint } = groups[0];
    const acknowledged = await world.ask("POST", `/v1/dead-letters/groups/${fingerprint}/state`, {
      body: { state: "acknowledged", reason: "seen" },
    });
    expect(acknowledged.body.state).toBe("acknowledged");
    expect((await world.ask("POST", "/v1/dead-letters/discard", { body: { ids: [items[0].id], reason: "a test" } })).body).toEqual({
      discarded: 1,
    });
    expect((await world.ask("POST", "/v1/dead-letters/replay", { body: {} })).status).toBe(400);

    answer = async () => Response.json({ id: 1 }, { status: 201 });
    const begun = await world.ask("POST", "/v1/dead-letters/replay", {
      body: { group: fingerprint, canary: 1, patch: { mended: true }, reason: "mended" },
    });
    expect([begun.status, begun.headers.get("location")]).toEqual([202, `/v1/replays/${begun.body.id}`]);
    await until(async () => (await world.ask("GET", `/v1/replays/${begun.body.id}`)).body.state === "finished");
    expect((await world.ask("GET", `/v1/replays/${begun.body.id}`)).body).toMatchObject({ resolved: 2, failedAgain: 0, by: "all" });
    expect((await world.ask("GET", "/v1/replays")).body.items).toHaveLength(1);
    expect((await world.ask("GET", "/v1/replays/none")).status).toBe(404);
  });

  it("a run is stopped after the letter under way", async () => {
    let answer = refusing;
    const world = await open({ transport: () => answer() });
    for (let number = 0; number < 3; number += 1) await world.ask("POST", "/v1/operations", { body: { ...contact, json: { number } } });
    await until(async () => (await world.ask("GET", "/v1/dead-letters")).body.items.length === 3);
    const { promise: held, resolve: release } = Promise.withResolvers<void>();
    answer = async () => {
      await held;
      return Response.json({}, { status: 201 });
    };
    const { id } = (await world.ask("POST", "/v1/dead-letters/replay", { body: { filter: {} } })).body;
    expect((await world.ask("POST", `/v1/replays/${id}/stop`)).body.state).toBe("stopping");
    release();
    await until(async () => (await world.ask("GET", `/v1/replays/${id}`)).body.state === "finished");
    expect((await world.ask("GET", `/v1/replays/${id}`)).body.stopped).toBe("stopped by its caller");
    expect((await world.ask("GET", "/v1/dead-letters?state=open")).body.items.length).toBeGreaterThanOrEqual(2);
  });
});

describe("lanes", () => {
  const path = `/v1/lanes/${encodeURIComponent("crm:POST /contacts")}`;

  it("are held open and closed, given back, paused and resumed", async () => {
    let calls = 0;
    const world = await open({
      transport: async () => {
        calls += 1;
        return Response.json({});
      },
    });
    await world.hf.fetch("crm")("/contacts", { method: "POST", body: "{}" });
    expect((await world.ask("GET", path)).body).toMatchObject({ breaker: "closed", holds: [] });
    const held = await world.ask("POST", `${path}/open`, { body: { for: "10m", reason: "maintenance" } });
    expect(held.body).toMatchObject({ breaker: "open", holds: [{ what: "open", by: "all", why: "maintenance" }] });
    await expect(world.hf.fetch("crm")("/contacts", { method: "POST", body: "{}" })).rejects.toMatchObject({ code: "circuit-open" });
    expect((await world.ask("POST", `${path}/auto`)).body).toMatchObject({ breaker: "closed", holds: [] });
    expect((await world.ask("POST", `${path}/close`, { body: {} })).body.holds).toMatchObject([{ what: "closed" }]);
    await world.ask("POST", `${path}/auto`);
    expect((await world.ask("POST", `${path}/pause`)).body.queue.paused).toBe(true);
    const before = calls;
    await world.ask("POST", "/v1/operations", { body: contact });
    expect((await world.ask("GET", path)).body.queue).toMatchObject({ due: 1, paused: true });
    expect(calls).toBe(before);
    await world.ask("POST", `${path}/resume`);
    await until(async () => calls === before + 1);
    expect((await world.ask("POST", "/v1/lanes/crm:nope/open")).status).toBe(404);
    expect((await world.ask("POST", `${path}/auto`, { body: { for: "1m" } })).status).toBe(400);
  });

  it("a pause with an end is ended, also where the one who made it is gone", async () => {
    const store = memory();
    const first = await open({ store });
    await first.hf.fetch("crm")("/contacts", { method: "POST", body: "{}" });
    expect((await first.ask("POST", `${path}/pause`, { body: { for: 20 } })).body.queue.paused).toBe(true);
    await first[Symbol.asyncDispose]();
    await new Promise((resolve) => setTimeout(resolve, 30));
    const second = await open({ store });
    await second.ask("GET", "/v1/lanes");
    expect((await second.hf.operations.backlog()).filter(({ paused }) => paused)).toEqual([]);
  });

  it("a breaker that was held stays held over a restart", async () => {
    const store = memory();
    const first = await open({ store });
    await first.hf.fetch("crm")("/contacts", { method: "POST", body: "{}" });
    await first.ask("POST", `${path}/open`);
    await first[Symbol.asyncDispose]();
    const second = await open({ store });
    expect((await second.ask("GET", path)).body).toMatchObject({ breaker: "open", holds: [{ what: "open" }] });
  });
});

describe("tokens, accounts and the audit log", () => {
  it("a token is made, told once, works at once, and is taken back", async () => {
    const world = await open();
    const made = await world.ask("POST", "/v1/tokens", {
      body: { name: "ci", scopes: ["read"], apis: ["crm"], expiresIn: "1h", reason: "for the build" },
    });
    expect([made.status, /^hf_[\w-]{43}$/.test(made.body.token)]).toEqual([201, true]);
    expect((await world.ask("GET", "/v1/operations", { as: made.body.token })).status).toBe(200);
    expect((await world.ask("POST", "/v1/operations", { as: made.body.token, body: contact })).status).toBe(403);
    const listed = await world.ask("GET", "/v1/tokens");
    expect(listed.body.items).toMatchObject([{ name: "ci", scopes: ["read"], apis: ["crm"] }]);
    expect(JSON.stringify(listed.body)).not.toContain(made.body.token);
    expect((await world.ask("POST", "/v1/tokens", { body: { name: "ci", scopes: ["read"] } })).status).toBe(400);
    await world.ask("DELETE", "/v1/tokens/ci");
    expect((await world.ask("GET", "/v1/operations", { as: made.body.token })).status).toBe(401);
    expect((await world.ask("DELETE", "/v1/tokens/ci")).status).toBe(404);
    expect((await world.ask("POST", "/v1/tokens", { as: "operate", body: { name: "up", scopes: ["call"] } })).status).toBe(403);
  });

  it("every action is in the log with who, what, when and why, also one that failed, and no payload", async () => {
    const world = await open();
    await world.ask("POST", "/v1/operations/none/cancel", { as: "operate", body: { reason: "try" } });
    await world.ask("POST", "/v1/dead-letters/replay", { body: { filter: {}, patch: { card: "4242-secret" }, reason: "again" } });
    const { items } = (await world.ask("GET", "/v1/audit")).body;
    expect(items).toMatchObject([
      { who: "operate", client: "192.0.2.1", action: "cancelOperation", target: "/v1/operations/none/cancel", why: "try" },
      { who: "all", action: "replayDeadLetters", why: "again", outcome: "done", details: { filter: {}, patch: "not kept" } },
    ]);
    expect(items[0].outcome).toMatch(/^failed: there is no operation none/);
    expect(JSON.stringify(items)).not.toContain("4242");
  });

  it("a token that is limited to an API, or bound to an account, sees and does nothing beyond", async () => {
    const world = await open();
    await world.ask("POST", "/v1/operations", { body: { ...contact, delay: "1h", partition: "other" } });
    const mail = (await world.ask("POST", "/v1/operations", { body: { ...contact, api: "mail", delay: "1h" } })).body.id;
    const acme = await world.ask("POST", "/v1/operations", { as: "acme", body: { ...contact, delay: "1h" } });
    expect((await world.ask("GET", `/v1/operations/${acme.body.id}`)).body.partition).toBe("acme");
    expect((await world.ask("GET", "/v1/operations", { as: "acme" })).body.items).toHaveLength(1);
    expect((await world.ask("GET", "/v1/operations", { as: "crm-only" })).body.items).toHaveLength(2);
    for (const as of ["acme", "crm-only"]) {
      expect((await world.ask("GET", `/v1/operations/${mail}`, { as })).status).toBe(404);
      expect((await world.ask("POST", `/v1/operations/${mail}/cancel`, { as })).status).toBe(404);
      expect((await world.ask("POST", "/v1/dead-letters/replay", { as, body: { filter: {} } })).status).toBe(403);
      expect((await world.ask("GET", "/v1/audit", { as })).status).toBe(403);
      expect((await world.ask("POST", "/v1/tokens", { as, body: { name: "x", scopes: ["read"] } })).status).toBe(403);
    }
    expect((await world.ask("POST", "/v1/operations", { as: "crm-only", body: { ...contact, api: "mail" } })).status).toBe(403);
    expect((await world.ask("POST", "/v1/operations", { as: "acme", body: { ...contact, partition: "other" } })).status).toBe(403);
    expect((await world.ask("GET", "/v1/operations", { as: "acme", headers: { "holdfast-account": "other" } })).status).toBe(403);
    const named = await world.ask("POST", "/v1/operations", {
      body: { ...contact, delay: "1h" },
      headers: { "holdfast-account": "named" },
    });
    expect((await world.ask("GET", `/v1/operations/${named.body.id}`)).body.partition).toBe("named");
  });
});

describe("statistics and events", () => {
  it("counts what happened, by API and in all", async () => {
    const world = await open();
    await world.hf.fetch("crm")("/contacts", { method: "POST", body: "{}" });
    await world.hf.fetch("mail")("/send", { method: "POST", body: "{}" });
    const { body } = await world.ask("GET", "/v1/stats?window=1m");
    expect(body).toMatchObject({ windowMs: 60_000, apis: { crm: { calls: 1, succeeded: 1 }, mail: { calls: 1 } }, total: { calls: 2 } });
    expect((await world.ask("GET", "/v1/stats?window=1m", { as: "crm-only" })).body.total.calls).toBe(1);
    expect((await world.ask("GET", "/v1/stats?window=2d")).status).toBe(400);
  });

  it("streams what happens to those who may see it, and lets go of who leaves", async () => {
    const world = await open();
    const leave = new AbortController();
    const response = await world.app.fetch(requestOf("GET", "/v1/events?types=call:settled", { as: "crm-only", signal: leave.signal }));
    expect(response.headers.get("content-type")).toBe("text/event-stream");
    const reader = (response.body as unknown as ReadableStream<BufferSource>).pipeThrough(new TextDecoderStream()).getReader();
    expect((await reader.read()).value).toBe(": listening\n\n");
    await world.hf.fetch("mail")("/send", { method: "POST", body: "{}" });
    await world.hf.fetch("crm")("/contacts", { method: "POST", body: "{}" });
    const { value = "" } = await reader.read();
    expect(value).toContain("event: call:settled\n");
    expect(value).toContain('"api":"crm"');
    leave.abort();
    expect((await reader.read()).done).toBe(true);
    expect((await world.ask("GET", "/v1/events?types=secrets")).status).toBe(400);
  });

  it("a client that does not read holds nothing up, and is told how much it missed", async () => {
    const world = await open();
    const response = await world.app.fetch(requestOf("GET", "/v1/events"));
    for (let count = 0; count < 400; count += 1) await world.hf.fetch("crm")("/contacts", { method: "POST", body: "{}" });
    const reader = (response.body as unknown as ReadableStream<BufferSource>).pipeThrough(new TextDecoderStream()).getReader();
    let text = "";
    while (!text.includes("event: dropped")) text += (await reader.read()).value ?? "";
    const dropped = Number(/"dropped":(\d+)/.exec(text)?.[1]);
    expect(text.split("event: call:settled").length - 1 + dropped).toBe(400);
    await reader.cancel();
  });
});
