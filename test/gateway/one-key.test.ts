/** One key is one effect, whether it comes with a call, with `Prefer: respond-async`, or with both. The API here is blind to keys. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { flakyApi, type FlakyApi } from "../../src/testing/index.ts";
import { startGateway, type GatewayProcess } from "./gateway-process.ts";

let api: FlakyApi;
let gateway: GatewayProcess;

beforeAll(async () => {
  api = await flakyApi({
    endpoints: {
      "POST /contacts": { subject: "body.email" },
      "POST /slow": { subject: "body.email", delay: 400 },
      "POST /no": { subject: "body.email" },
    },
    rules: [{ when: { endpoint: "POST /no" }, then: { status: 422 } }],
  });
  const crm = { baseUrl: api.url, retry: { maxAttempts: 1 } };
  gateway = await startGateway({ apis: { crm, strict: { ...crm, durability: "before-send" } } });
});

afterAll(async () => {
  await gateway[Symbol.asyncDispose]();
  await api.close();
});

/** Every key has a contact of its own. */
function send(path: string, key: string, { body = { email: key }, prefer = "" } = {}): Promise<Response> {
  const headers = { "content-type": "application/json", "idempotency-key": key, ...(prefer === "" ? {} : { prefer }) };
  return fetch(`${gateway.url}/to/${path}`, { method: "POST", body: JSON.stringify(body), headers });
}

async function codeOf(response: Response): Promise<readonly [number, unknown]> {
  return [response.status, ((await response.json()) as { readonly code?: unknown }).code];
}

const effects = (key: string): number => api.ledger.effects().get(key) ?? 0;
const attempts = (key: string): number => api.ledger.attempts().get(key) ?? 0;

describe.each(["crm", "strict"])("under one key (%s)", (name) => {
  test("what a call has done is not put into the queue: its answer is given again", async () => {
    const first = await send(`${name}/contacts`, `1 ${name}`);
    const second = await send(`${name}/contacts`, `1 ${name}`, { prefer: "respond-async" });
    expect([first.status, second.status]).toEqual([201, 201]);
    expect([second.headers.get("idempotency-replayed"), second.headers.get("holdfast-outcome")]).toEqual(["true", "replayed"]);
    expect(await second.text()).toBe(await first.text());
    expect(
      await codeOf(await send(`${name}/contacts`, `1 ${name}`, { prefer: "respond-async", body: { email: "b@example.com" } })),
    ).toEqual([422, "idempotency-mismatch"]);
    expect(effects(`1 ${name}`)).toBe(1);
  });

  test("what the queue has done is not sent by a call: its answer is given", async () => {
    const first = await send(`${name}/contacts`, `2 ${name}`, { prefer: "respond-async, wait=20" });
    const second = await send(`${name}/contacts`, `2 ${name}`);
    expect([first.status, second.status]).toEqual([201, 201]);
    expect(second.headers.get("idempotency-replayed")).toBe("true");
    expect(second.headers.get("holdfast-operation")).toBe(first.headers.get("holdfast-operation"));
    expect(await second.text()).toBe(await first.text());
    expect(await codeOf(await send(`${name}/contacts`, `2 ${name}`, { body: { email: "b@example.com" } }))).toEqual([
      422,
      "idempotency-mismatch",
    ]);
    expect(effects(`2 ${name}`)).toBe(1);
  });

  test("while the queue does it a call is told so, or waits for it", async () => {
    const accepted = await send(`${name}/slow`, `3 ${name}`, { prefer: "respond-async" });
    expect(accepted.status).toBe(202);
    const early = await send(`${name}/slow`, `3 ${name}`);
    expect(early.headers.get("retry-after")).toBe("1");
    expect(await codeOf(early)).toEqual([409, "idempotency-in-flight"]);
    const waited = await send(`${name}/slow`, `3 ${name}`, { prefer: "wait=20" });
    expect([waited.status, waited.headers.get("holdfast-outcome")]).toEqual([201, "replayed"]);
    expect(effects(`3 ${name}`)).toBe(1);
  });

  test("while a call does it, it is not accepted a second time", async () => {
    const call = send(`${name}/slow`, `4 ${name}`);
    await expect.poll(() => attempts(`4 ${name}`)).toBe(1);
    expect(await codeOf(await send(`${name}/slow`, `4 ${name}`, { prefer: "respond-async" }))).toEqual([409, "idempotency-in-flight"]);
    expect((await call).status).toBe(201);
    expect(effects(`4 ${name}`)).toBe(1);
  });

  test("what failed in the queue is told, and not sent past it", async () => {
    const failed = await send(`${name}/no`, `5 ${name}`, { prefer: "respond-async, wait=20" });
    expect(await codeOf(failed)).toEqual([502, "operation-failed"]);
    expect(await codeOf(await send(`${name}/no`, `5 ${name}`))).toEqual([502, "operation-failed"]);
    expect(attempts(`5 ${name}`)).toBe(1);
  });

  test("fifty of both kinds at once make one effect", async () => {
    const all = await Promise.all(
      Array.from({ length: 50 }, (_, index) => send(`${name}/slow`, `6 ${name}`, index % 2 === 0 ? {} : { prefer: "respond-async" })),
    );
    // Nobody is told that it is refused for good, and somebody that it is done or will be.
    expect(all.filter(({ status }) => ![201, 202, 409].includes(status))).toEqual([]);
    expect(all.some(({ status }) => status !== 409)).toBe(true);
    await expect.poll(async () => (await send(`${name}/slow`, `6 ${name}`)).status, { timeout: 10_000 }).toBe(201);
    expect(effects(`6 ${name}`)).toBe(1);
  });
});

test("fifty that may all be done later are one operation", async () => {
  const all = await Promise.all(Array.from({ length: 50 }, () => send("crm/contacts", "k-7", { prefer: "respond-async" })));
  expect(all.map(({ status }) => status)).toEqual(Array.from({ length: 50 }, () => 202));
  expect(new Set(all.map(({ headers }) => headers.get("holdfast-operation"))).size).toBe(1);
  await expect.poll(() => effects("k-7")).toBe(1);
});

test("over the API of the gateway nothing is put into the queue that a call has done", async () => {
  await send("crm/contacts", "k-8");
  const body = JSON.stringify({ api: "crm", method: "POST", path: "/contacts", json: { email: "k-8" }, key: "k-8" });
  const answer = await fetch(`${gateway.url}/v1/operations`, { method: "POST", body, headers: { "content-type": "application/json" } });
  expect([answer.status, await answer.json()]).toEqual([200, { known: true, answered: true }]);
  expect(effects("k-8")).toBe(1);
});
