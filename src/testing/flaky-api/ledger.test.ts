import { afterEach, describe, expect, it } from "vitest";
import { manualClock } from "../manual-clock.ts";
import { flakyApi } from "./flaky-api.ts";
import type { FlakyApi } from "./flaky-api.ts";
import type { FlakyApiOptions } from "./flaky-options.ts";

const running: FlakyApi[] = [];
afterEach(async () => {
  await Promise.all(running.splice(0).map((api) => api.close()));
});

async function start(options: FlakyApiOptions = {}): Promise<FlakyApi> {
  const api = await flakyApi(
    {
      endpoints: {
        "POST /contacts": { subject: "body.lead" },
        "POST /notes": { subject: "body.lead" },
        "GET /contacts": { lookup: "contacts", by: "lead" },
      },
      rules: [{ name: "outage", when: { endpoint: "POST /contacts", nth: 2 }, then: { status: 503 } }],
    },
    options,
  );
  running.push(api);
  return api;
}

async function post(api: FlakyApi, path: string, lead: unknown): Promise<void> {
  const response = await fetch(api.url + path, { method: "POST", body: JSON.stringify({ lead }) });
  await response.text();
}

describe("the ledger", () => {
  it("counts effects by subject, for one endpoint or all", async () => {
    const api = await start();
    await post(api, "/contacts", "a");
    await post(api, "/contacts", "b"); // 503
    await post(api, "/contacts", "b");
    await post(api, "/notes", "a");
    expect(api.ledger.effects("POST /contacts")).toEqual(
      new Map([
        ["a", 1],
        ["b", 1],
      ]),
    );
    expect(api.ledger.effects()).toEqual(
      new Map([
        ["a", 2],
        ["b", 1],
      ]),
    );
    expect(api.ledger.subjects("POST /notes")).toEqual(["a"]);
    expect(api.ledger.effects("POST /nowhere")).toEqual(new Map());
  });

  it("counts attempts apart from effects: what was on the wire, whatever came of it", async () => {
    const api = await start();
    for (const lead of ["a", "b", "b"]) await post(api, "/contacts", lead);
    expect(api.ledger.attempts("POST /contacts")).toEqual(
      new Map([
        ["a", 1],
        ["b", 2],
      ]),
    );
  });

  it("calls doubled what one endpoint did twice, not what two endpoints did once", async () => {
    const api = await start();
    await post(api, "/contacts", "a");
    await post(api, "/notes", "a");
    expect(api.ledger.doubled()).toEqual([]);
    await post(api, "/notes", "a");
    expect(api.ledger.doubled()).toEqual([{ endpoint: "POST /notes", subject: "a", count: 2 }]);
    expect(api.ledger.doubled("POST /contacts")).toEqual([]);
  });

  it("names what is missing of what was expected", async () => {
    const api = await start();
    for (const lead of [1, 2, 3]) await post(api, "/contacts", lead); // the second meets the 503
    expect(api.ledger.missing(["1", "2", "3"])).toEqual(["2"]);
    expect(api.ledger.missing(["1"], "POST /notes")).toEqual(["1"]);
  });

  it("shows each request with its instant, its end and the rule that it met", async () => {
    const clock = manualClock();
    const api = await start({ clock });
    await post(api, "/contacts", "a");
    await clock.advance("2s");
    await post(api, "/contacts", "b");
    const start0 = Date.UTC(2026, 0, 15, 12);
    expect(api.ledger.requests()).toEqual([
      { at: start0, endpoint: "POST /contacts", subject: "a", ending: "answered", status: 201, effect: true },
      { at: start0 + 2_000, endpoint: "POST /contacts", subject: "b", ending: "answered", status: 503, rule: "outage", effect: false },
    ]);
    expect(api.ledger.requests("POST /notes")).toEqual([]);
  });

  it("shows only the newest requests when there are many, and still counts all", async () => {
    const api = await start({ requestLog: 3 });
    for (let lead = 1; lead <= 8; lead += 1) await post(api, "/notes", lead);
    expect(api.ledger.requests().map((request) => request.subject)).toEqual(["6", "7", "8"]);
    expect(api.ledger.summary().requests).toBe(8);
  });

  it("keeps the records that effects left", async () => {
    const api = await start();
    await post(api, "/contacts", "a");
    expect(api.ledger.records("contacts")).toEqual([{ id: "1", lead: "a" }]);
    expect(api.ledger.records("nothing")).toEqual([]);
  });

  it("sums up as plain data", async () => {
    const clock = manualClock();
    const api = await start({ clock });
    for (const lead of ["a", "b", "a"]) await post(api, "/contacts", lead);
    await fetch(`${api.url}/contacts?lead=a`);
    await clock.advance("1m");
    const summary = api.ledger.summary();
    expect(JSON.parse(JSON.stringify(summary))).toEqual(summary);
    expect(summary).toEqual({
      startedAt: Date.UTC(2026, 0, 15, 12),
      elapsedMs: 60_000,
      requests: 4,
      effects: 2,
      doubled: 1,
      endpoints: {
        "POST /contacts": { requests: 3, effects: 2, subjects: 1, doubled: 1, endings: { "201": 2, "503": 1 }, repeats: {} },
        "GET /contacts": { requests: 1, effects: 0, subjects: 0, doubled: 0, endings: { "200": 1 }, repeats: {} },
      },
      rules: { outage: 1 },
      limits: {},
      tokens: { issued: 0, refused: 0 },
    });
  });

  it("can still be read after the API was closed", async () => {
    const api = await start();
    await post(api, "/contacts", "a");
    await api.close();
    await api.close();
    expect(api.ledger.subjects()).toEqual(["a"]);
  });
});
