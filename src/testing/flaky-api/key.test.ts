import { afterEach, describe, expect, it, vi } from "vitest";
import { manualClock } from "../manual-clock.ts";
import type { ManualClock } from "../manual-clock.ts";
import { flakyApi } from "./flaky-api.ts";
import type { FlakyApi } from "./flaky-api.ts";
import type { EndpointScript, FaultScript, KeyScript } from "./script.ts";

const running: FlakyApi[] = [];
afterEach(async () => {
  await Promise.all(running.splice(0).map((api) => api.close()));
});

interface Extra {
  readonly endpoint?: EndpointScript;
  /** What the first request meets. */
  readonly first?: FaultScript;
  readonly clock?: ManualClock;
}

async function apiWith(key: KeyScript, { endpoint, first, clock }: Extra = {}): Promise<FlakyApi> {
  const rules = first === undefined ? [] : [{ when: { nth: 1 }, then: first }];
  const api = await flakyApi(
    { endpoints: { "POST /contacts": { key, subject: "body.email", ...endpoint } }, rules },
    clock === undefined ? {} : { clock },
  );
  running.push(api);
  return api;
}

const ADA = { email: "ada@example.com", name: "Ada" };

interface Answered {
  readonly status: number;
  readonly body: unknown;
  readonly headers: Headers;
}

async function send(api: FlakyApi, body: unknown, key?: string, header = "idempotency-key"): Promise<Answered> {
  const headers = key === undefined ? {} : { [header]: key };
  const response = await fetch(`${api.url}/contacts`, { method: "POST", body: JSON.stringify(body), headers });
  return { status: response.status, body: await response.json(), headers: response.headers };
}

describe("an endpoint that honours an idempotency key", () => {
  const HEADER = { header: "Idempotency-Key" } as const;

  it("gives the same answer again, marked, and takes effect once", async () => {
    const api = await apiWith(HEADER);
    const first = await send(api, ADA, "k1");
    const again = await send(api, ADA, "k1");
    expect([again.status, again.body]).toEqual([first.status, first.body]);
    expect([first.headers.get("idempotency-replayed"), again.headers.get("idempotency-replayed")]).toEqual([null, "true"]);
    expect(api.ledger.effects()).toEqual(new Map([["ada@example.com", 1]]));
    expect(api.ledger.requests().map((request) => request.repeat)).toEqual([undefined, "replayed"]);
  });

  it("takes effect again under another key, or none: the twin of the test above", async () => {
    const api = await apiWith(HEADER);
    for (const key of ["k1", "k2", undefined]) expect((await send(api, ADA, key)).status).toBe(201);
    expect(api.ledger.doubled()).toEqual([{ endpoint: "POST /contacts", subject: "ada@example.com", count: 3 }]);
  });

  it("refuses another payload under the same key", async () => {
    const api = await apiWith(HEADER);
    await send(api, ADA, "k1");
    const other = await send(api, { ...ADA, name: "Grace" }, "k1");
    expect([other.status, other.body]).toMatchObject([422, { error: { code: "KEY_REUSED" } }]);
    expect(api.ledger.summary().endpoints["POST /contacts"]).toMatchObject({ effects: 1, repeats: { mismatch: 1 } });
  });

  it("answers 409 while the first request is being worked on, and the stored answer after", async () => {
    const clock = manualClock();
    const api = await apiWith(HEADER, { first: { delay: "5s" }, clock });
    const first = send(api, ADA, "k1");
    await vi.waitFor(() => expect(clock.pending).toBe(1));
    const early = await send(api, ADA, "k1");
    expect([early.status, early.headers.get("retry-after")]).toEqual([409, "1"]);

    await clock.advance("5s");
    expect((await first).status).toBe(201);
    expect((await send(api, ADA, "k1")).headers.get("idempotency-replayed")).toBe("true");
    expect(api.ledger.doubled()).toEqual([]);
  });

  it("knows the key after a lost answer: the retry gets what was lost", async () => {
    const api = await apiWith(HEADER, { first: { reset: "after" } });
    await expect(send(api, ADA, "k1")).rejects.toThrow("fetch failed");
    expect(await send(api, ADA, "k1")).toMatchObject({ status: 201, body: { id: "1", ...ADA } });
    expect(api.ledger.doubled()).toEqual([]);
  });

  it("does not know the key of a request that it refused", async () => {
    const api = await apiWith(HEADER, { first: { status: 429 } });
    expect((await send(api, ADA, "k1")).status).toBe(429);
    expect((await send(api, { ...ADA, name: "Grace" }, "k1")).status).toBe(201);
  });

  it("forgets a key when its time is over, and then doubles", async () => {
    const clock = manualClock();
    const api = await apiWith({ ...HEADER, ttl: "24h" }, { clock });
    await send(api, ADA, "k1");
    await clock.advance("23h");
    expect((await send(api, ADA, "k1")).headers.get("idempotency-replayed")).toBe("true");
    await clock.advance("1h");
    await send(api, ADA, "k1");
    expect(api.ledger.doubled()).toHaveLength(1);
  });

  it("can want the key, and an empty one is none", async () => {
    const api = await apiWith({ ...HEADER, required: true });
    for (const key of [undefined, ""]) {
      expect(await send(api, ADA, key)).toMatchObject({ status: 400, body: { error: { code: "KEY_REQUIRED" } } });
    }
    expect((await send(api, ADA, "k1")).status).toBe(201);
  });

  it("takes and marks with headers of its own choice", async () => {
    const api = await apiWith({ header: "X-Request-Key", replayedHeader: "idempotent-replayed" });
    await send(api, ADA, "k1", "x-request-key");
    expect((await send(api, ADA, "k1", "x-request-key")).headers.get("idempotent-replayed")).toBe("true");
  });

  it("keeps keys apart by endpoint, and by path", async () => {
    const api = await flakyApi({
      endpoints: { "POST /a/{id}": { key: HEADER, subject: "path.id" }, "POST /b/{id}": { key: HEADER, subject: "path.id" } },
    });
    running.push(api);
    const post = async (path: string) => (await fetch(api.url + path, { method: "POST", headers: { "idempotency-key": "k" } })).status;
    expect([await post("/a/1"), await post("/b/1"), await post("/a/2")]).toEqual([201, 201, 422]);
  });
});

describe("an endpoint with a natural key", () => {
  const other = { email: "ada@example.com", name: "Lady Lovelace" };

  it("answers a second request for the same record as it answered the first", async () => {
    const api = await apiWith({ natural: "body.email" });
    const first = await send(api, ADA);
    expect(await send(api, other)).toMatchObject({ status: 201, body: first.body });
    expect(api.ledger.effects()).toEqual(new Map([["ada@example.com", 1]]));
  });

  it("or refuses it as there already", async () => {
    const api = await apiWith({ natural: "body.email", repeat: "conflict" });
    await send(api, ADA);
    expect(await send(api, other)).toMatchObject({ status: 409, body: { error: { code: "ALREADY_EXISTS" } } });
    expect(api.ledger.doubled()).toEqual([]);
  });

  it("or updates the record, which is no second effect", async () => {
    const api = await apiWith({ natural: "body.email", repeat: "update" });
    await send(api, ADA);
    expect(await send(api, other)).toMatchObject({ body: { id: "1", name: "Lady Lovelace" } });
    expect(api.ledger.records("contacts")).toEqual([{ id: "1", ...other }]);
    expect(api.ledger.effects()).toEqual(new Map([["ada@example.com", 1]]));
  });

  it("takes other records for what they are, and wants the field that tells them apart", async () => {
    const api = await apiWith({ natural: "body.email" });
    await send(api, ADA);
    expect(await send(api, { email: "grace@example.com" })).toMatchObject({ status: 201, body: { id: "2" } });
    expect(await send(api, {})).toMatchObject({ status: 422, body: { error: { code: "MISSING_FIELD" } } });
  });
});

describe("a key-blind endpoint", () => {
  it("takes effect on every accepted request, whatever key it carries", async () => {
    const api = await apiWith("blind");
    await send(api, ADA, "k1");
    await send(api, ADA, "k1");
    expect(api.ledger.doubled()).toEqual([{ endpoint: "POST /contacts", subject: "ada@example.com", count: 2 }]);
  });

  it("counts equal bodies as one subject where the script names none and no key came", async () => {
    const api = await flakyApi({ endpoints: { "POST /contacts": {} } });
    running.push(api);
    for (const body of [ADA, ADA, { email: "grace@example.com" }]) await send(api, body);
    expect([...api.ledger.effects().values()]).toEqual([2, 1]);
  });
});
