import { once } from "node:events";
import { connect } from "node:net";
import { afterEach, describe, expect, it, vi } from "vitest";
import { manualClock } from "../manual-clock.ts";
import { flakyApi } from "./flaky-api.ts";
import type { FlakyApi } from "./flaky-api.ts";
import type { FlakyApiOptions } from "./flaky-options.ts";
import type { FaultScript } from "./script.ts";

const running: FlakyApi[] = [];
afterEach(async () => {
  await Promise.all(running.splice(0).map((api) => api.close()));
});

/** An API with contacts, whose first request meets a fault. */
async function apiWith(fault: FaultScript, options?: FlakyApiOptions): Promise<FlakyApi> {
  const api = await flakyApi(
    { endpoints: { "POST /contacts": { subject: "body.email" } }, rules: [{ when: { nth: 1 }, then: fault }] },
    options,
  );
  running.push(api);
  return api;
}

function post(api: FlakyApi, init: RequestInit = {}): Promise<Response> {
  return fetch(`${api.url}/contacts`, { method: "POST", body: '{"email":"a@example.com"}', ...init });
}

/** Effects that the one contact met. */
function effects(api: FlakyApi): number {
  return api.ledger.effects("POST /contacts").get("a@example.com") ?? 0;
}

/** Everything that comes over a plain socket, until the other side ends or resets. */
async function raw(api: FlakyApi): Promise<{ text: string; pieces: number; ended: string | undefined }> {
  const socket = connect(api.port, "127.0.0.1");
  socket.write(`POST /contacts HTTP/1.1\r\nhost: x\r\ncontent-length: 25\r\nconnection: close\r\n\r\n{"email":"a@example.com"}`);
  const pieces: string[] = [];
  socket.on("data", (piece) => pieces.push(String(piece)));
  const ended = await once(socket, "end").then(
    () => "end",
    (error: unknown) => (error as NodeJS.ErrnoException).code,
  );
  socket.destroy();
  return { text: pieces.join(""), pieces: pieces.length, ended };
}

describe("a status fault", () => {
  it.each([500, 502, 503, 504, 429, 408, 529, 418])("answers %i instead of doing the work, once", async (status) => {
    const api = await apiWith({ status });
    const response = await post(api);
    expect(response.status).toBe(status);
    expect(await response.json()).toHaveProperty("error.code", String(status));
    expect(effects(api)).toBe(0);

    expect((await post(api)).status).toBe(201);
    expect(effects(api)).toBe(1);
  });

  it("answers with the headers and the body that it is given", async () => {
    const api = await apiWith({
      status: 503,
      headers: { "x-region": "eu", "content-type": "text/html" },
      text: "<h1>Sorry, {{body.email}}</h1>",
    });
    const response = await post(api);
    expect(response.headers.get("x-region")).toBe("eu");
    expect(response.headers.get("content-type")).toBe("text/html");
    expect(await response.text()).toBe("<h1>Sorry, a@example.com</h1>");
  });

  it("can do the work all the same: the 500 that lies", async () => {
    const api = await apiWith({ status: 500, effect: true });
    expect((await post(api)).status).toBe(500);
    expect(effects(api)).toBe(1);
  });

  it("below 300 it does the work, unless it says otherwise", async () => {
    const accepted = await apiWith({ status: 202, json: { id: "{{ledger.id}}" } });
    expect(await (await post(accepted)).json()).toEqual({ id: "1" });
    expect(effects(accepted)).toBe(1);

    const lying = await apiWith({ status: 200, json: { ok: true }, effect: false });
    expect((await post(lying)).status).toBe(200);
    expect(effects(lying)).toBe(0);
  });
});

describe("a fault in place of success", () => {
  it("leaves refusals as they are: what the endpoint refuses, it refuses in its own words", async () => {
    const api = await flakyApi({
      endpoints: { "POST /contacts": { key: { header: "idempotency-key", required: true } } },
      rules: [{ then: { status: 202, json: "accepted" } }],
    });
    running.push(api);
    expect((await post(api)).status).toBe(400);
    expect((await post(api, { headers: { "idempotency-key": "k" } })).status).toBe(202);
  });
});

describe("a reset", () => {
  it("before the effect leaves nothing behind", async () => {
    const api = await apiWith({ reset: "before" });
    await expect(post(api)).rejects.toMatchObject({ cause: { code: "ECONNRESET" } });
    expect(effects(api)).toBe(0);
  });

  it("after the effect loses the answer, not the effect", async () => {
    const api = await apiWith({ reset: "after" });
    await expect(post(api)).rejects.toMatchObject({ cause: { code: "ECONNRESET" } });
    expect(effects(api)).toBe(1);
    expect(api.ledger.requests()).toMatchObject([{ ending: "reset", effect: true, subject: "a@example.com" }]);
  });

  it("is a real RST on the wire, with not one byte of an answer", async () => {
    expect(await raw(await apiWith({ reset: "after" }))).toEqual({ text: "", pieces: 0, ended: "ECONNRESET" });
  });
});

describe("a slow answer", () => {
  it("comes when its time has passed and not before; the effect does not wait for it", async () => {
    const clock = manualClock();
    const api = await apiWith({ delay: "30s" }, { clock });
    let answered = false;
    const response = post(api).finally(() => (answered = true));
    await vi.waitFor(() => expect(clock.pending).toBe(1));
    await clock.advance("29s");
    expect([answered, effects(api)]).toEqual([false, 1]);

    await clock.advance("1s");
    expect((await response).status).toBe(201);
  });

  it("takes a time from a range, the same for the same seed", async () => {
    const waits = async (seed: number): Promise<number> => {
      const clock = manualClock();
      const api = await apiWith({ delay: ["1s", "9s"] }, { clock, seed });
      const response = post(api);
      await vi.waitFor(() => expect(clock.pending).toBe(1));
      await clock.next();
      await response;
      return clock.monotonic();
    };
    const [one, same, other] = [await waits(1), await waits(1), await waits(2)];
    expect(one).toBe(same);
    expect(one).not.toBe(other);
    expect(one).toBeGreaterThanOrEqual(1_000);
    expect(one).toBeLessThanOrEqual(9_000);
  });

  it("goes to nobody when the client has left, and the server lives on", async () => {
    const clock = manualClock();
    const api = await apiWith({ delay: "30s" }, { clock });
    const left = new AbortController();
    const response = post(api, { signal: left.signal });
    await vi.waitFor(() => expect(clock.pending).toBe(1));
    left.abort();
    await expect(response).rejects.toThrow("abort");
    await clock.advance("30s");
    expect((await post(api)).status).toBe(201);
  });
});

describe("a hang", () => {
  it.each([
    ["nothing happens", {}, 0],
    ["the work may have been done", { effect: true }, 1],
  ] as const)("never answers, not in a day; %s", async (_title, more, expected) => {
    const clock = manualClock();
    const api = await apiWith({ hang: true, ...more }, { clock });
    const left = new AbortController();
    let answered = false;
    const response = post(api, { signal: left.signal }).finally(() => (answered = true));
    await vi.waitFor(() => expect(api.ledger.requests()).toMatchObject([{ ending: "hung" }]));
    await clock.advance("24h");
    expect(answered).toBe(false);
    left.abort();
    await expect(response).rejects.toThrow("abort");
    expect(effects(api)).toBe(expected);
  });

  it("with a time it ends with a closed connection", async () => {
    const clock = manualClock();
    const api = await apiWith({ hang: "1m" }, { clock });
    const response = post(api);
    await vi.waitFor(() => expect(clock.pending).toBe(1));
    await Promise.all([expect(response).rejects.toThrow("fetch failed"), clock.advance("1m")]);
  });

  it("does not keep the server from closing", async () => {
    const api = await apiWith({ hang: true });
    const response = post(api).catch((error: unknown) => error);
    await vi.waitFor(() => expect(api.ledger.requests()).toHaveLength(1));
    await api.close();
    expect(await response).toBeInstanceOf(TypeError);
  });
});

describe("a broken body", () => {
  const WHOLE = '{"id":"1","email":"a@example.com"}';

  it.each([
    ["half of it", true, WHOLE.slice(0, 17)],
    ["so many bytes of it", 5, WHOLE.slice(0, 5)],
    ["nothing of it", 0, ""],
    ["all of it", 1_000, WHOLE],
  ] as const)("that is cut sends %s, less than its Content-Length promised", async (_title, cut, sent) => {
    const api = await apiWith({ cut });
    const { text, ended } = await raw(api);
    const [head = "", body] = text.split("\r\n\r\n");
    expect(Number(/content-length: (\d+)/.exec(head)?.[1])).toBeGreaterThan(sent.length);
    expect([body, ended]).toEqual([sent, "end"]);
    expect(effects(api)).toBe(1);
  });

  it("that is cut is an error for who reads it, although the status said 201", async () => {
    const api = await apiWith({ cut: true });
    const response = await post(api);
    expect(response.status).toBe(201);
    await expect(response.text()).rejects.toThrow("terminated");
    expect(api.ledger.requests()).toMatchObject([{ ending: "cut", status: 201 }]);
  });

  it("that is malformed arrives whole and is half a JSON text", async () => {
    const api = await apiWith({ malformed: true, status: 200, json: { leads: [1, 2, 3] } });
    const response = await post(api);
    expect(await response.text()).toBe('{"leads"');
    expect(effects(api)).toBe(1);
  });

  it("that is empty has no bytes and no other fault", async () => {
    const api = await apiWith({ empty: true });
    const response = await post(api);
    expect([response.status, await response.text()]).toEqual([201, ""]);
    expect(effects(api)).toBe(1);
  });

  it("that dribbles comes piece by piece at its interval", async () => {
    const clock = manualClock();
    const api = await apiWith({ dribble: { bytes: 10, every: "1s" } }, { clock });
    const answer = raw(api);
    let pauses = 0;
    // Four pieces of a body of 34 bytes, each followed by a pause.
    for (; pauses < 4; pauses += 1) {
      await vi.waitFor(() => expect(clock.pending).toBe(1));
      await clock.next();
    }
    const { text, pieces } = await answer;
    expect(text.endsWith(WHOLE)).toBe(true);
    expect(pieces).toBeGreaterThanOrEqual(4);
    expect(clock.monotonic()).toBe(4_000);
  });
});

describe("a stream of events", () => {
  const EVENTS = [{ event: "token", data: { text: "Hel" } }, "lo", { event: "error", id: "3", data: { type: "overloaded_error" } }];
  const SENT = 'event: token\ndata: {"text":"Hel"}\n\ndata: lo\n\nevent: error\nid: 3\ndata: {"type":"overloaded_error"}\n\n';

  it("answers 200 and says in mid-stream that it failed", async () => {
    const api = await apiWith({ stream: { events: EVENTS } });
    const response = await post(api);
    expect(response.headers.get("content-type")).toBe("text/event-stream");
    expect([response.status, await response.text()]).toEqual([200, SENT]);
  });

  it("breaks off with a reset, or falls silent", async () => {
    const broken = await post(await apiWith({ stream: { events: ["one"], end: "reset" } }));
    await expect(broken.text()).rejects.toThrow("terminated");

    const clock = manualClock();
    const left = new AbortController();
    const silent = await post(await apiWith({ stream: { events: ["one"], end: "hang" } }, { clock }), { signal: left.signal });
    let ended = false;
    const text = silent.text().finally(() => (ended = true));
    await clock.advance("24h");
    expect(ended).toBe(false);
    left.abort();
    await expect(text).rejects.toThrow("abort");
  });

  it("leaves its interval between two events", async () => {
    const clock = manualClock();
    const api = await apiWith({ stream: { events: ["one", "two"], every: "2s" } }, { clock });
    const reader = (await post(api)).body!.getReader();
    const next = async (): Promise<string> => new TextDecoder().decode((await reader.read()).value);
    expect(await next()).toBe("data: one\n\n");
    await vi.waitFor(() => expect(clock.pending).toBe(1));
    await clock.advance("2s");
    expect(await next()).toBe("data: two\n\n");
  });

  it("is cut, halved and emptied as any body is", async () => {
    const stream = { events: ["one", "two"] };
    expect(await (await post(await apiWith({ stream, malformed: true }))).text()).toBe("data: one\n\n");
    expect(await (await post(await apiWith({ stream, empty: true }))).text()).toBe("");
    await expect((await post(await apiWith({ stream, cut: 3 }))).text()).rejects.toThrow("terminated");
  });

  it("can be what a healthy endpoint answers", async () => {
    const api = await flakyApi({
      endpoints: { "POST /chat": { answer: { stream: { events: ["{{body.prompt}}!", "two\nlines"] } } } },
    });
    running.push(api);
    const response = await fetch(`${api.url}/chat`, { method: "POST", body: '{"prompt":"hi"}' });
    expect(await response.text()).toBe("data: hi!\n\ndata: two\ndata: lines\n\n");
  });
});

describe("time", () => {
  it("runs ten times faster at a scale of 0.1", async () => {
    const clock = manualClock();
    const api = await apiWith({ delay: "10s" }, { clock, scale: 0.1 });
    const response = post(api);
    await vi.waitFor(() => expect(clock.pending).toBe(1));
    await clock.next();
    await response;
    expect(clock.monotonic()).toBe(1_000);
  });

  it("is told by the Date header from the same clock", async () => {
    const response = await post(await apiWith({ status: 503 }, { clock: manualClock() }));
    expect(response.headers.get("date")).toBe("Thu, 15 Jan 2026 12:00:00 GMT");
  });
});
