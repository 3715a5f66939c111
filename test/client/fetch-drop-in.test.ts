import { getEventListeners } from "node:events";
import { Readable } from "node:stream";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { isHoldfastError } from "../../src/core/errors.ts";
import { explain } from "../../src/core/explain.ts";
import type { Holdfast } from "../../src/client/holdfast.ts";
import { manualClock } from "../../src/testing/index.ts";
import { engineFor } from "./engines.ts";
import { json, pause, serve, type Seen, type TestServer } from "./server.ts";

/** Answers with what it saw; some paths do something of their own. */
let server: TestServer;
let hf: Holdfast<"api">;
let send: typeof globalThis.fetch;
/** Who streams goes on when the test says so. */
let goOn: () => void = () => undefined;
const next = (): Promise<void> => new Promise((resolve) => (goOn = resolve));

beforeAll(async () => {
  server = await serve(async (seen, response) => {
    switch (new URL(seen.url, "http://x").pathname) {
      case "/v1/empty":
        response.writeHead(204).end();
        return;
      case "/v1/not-modified":
        response.writeHead(304, { etag: '"1"' }).end();
        return;
      case "/v1/moved":
        response.writeHead(302, { location: "/v1/elsewhere" }).end("over there");
        return;
      case "/v1/cookies":
        response.writeHead(200, { "content-type": "application/json", "set-cookie": ["a=1; Path=/", "b=2; Path=/"] }).end("{}");
        return;
      case "/v1/events":
        response.writeHead(200, { "content-type": "text/event-stream" });
        for (const event of ["one", "two", "three"]) {
          response.write(`data: ${event}\n\n`);
          await next();
        }
        response.end();
        return;
      case "/v1/drip":
        response.writeHead(200, { "content-type": "application/octet-stream" });
        response.write("first");
        await next();
        response.end("last");
        return;
      case "/v1/hang":
        return;
      case "/v1/hang-in-body":
        response.writeHead(200, { "content-type": "text/event-stream" });
        response.write("data: one\n\n");
        return;
      case "/v1/large":
        json(response, 200, { text: "x".repeat(3_000_000) });
        return;
      default:
        json(response, 200, { method: seen.method, url: seen.url, headers: seen.headers, body: seen.body.toString("latin1") });
    }
  });
  hf = await engineFor(`${server.url}/v1`);
  send = hf.fetch("api");
});

afterAll(async () => {
  await hf.close();
  await server[Symbol.asyncDispose]();
});

interface Echo {
  readonly method: string;
  readonly url: string;
  readonly headers: Record<string, string>;
  readonly body: string;
}

async function echo(input: string | URL | Request, init?: RequestInit): Promise<Echo> {
  const response = await send(input, init);
  expect(response.status).toBe(200);
  return (await response.json()) as Echo;
}

function last(): Seen {
  return server.seen.at(-1) as Seen;
}

describe("what is asked", () => {
  test.each<[string, (base: string) => string | URL | Request]>([
    ["a path", () => "/things?a=1"],
    ["a path without a slash", () => "things?a=1"],
    ["a full URL", (base) => `${base}/v1/things?a=1`],
    ["a URL object", (base) => new URL(`${base}/v1/things?a=1`)],
    ["a Request", (base) => new Request(`${base}/v1/things?a=1`)],
    ["a URL with a fragment", (base) => `${base}/v1/things?a=1#part`],
  ])("may be given as %s", async (_, input) => {
    expect((await echo(input(server.url))).url).toBe("/v1/things?a=1");
  });

  test("a query alone is asked of the base URL itself", async () => {
    expect((await echo("?a=1")).url).toBe("/v1?a=1");
  });

  test("a Request's method, headers and body are sent, and init wins over them", async () => {
    const request = new Request(`${server.url}/v1/things`, {
      method: "PUT",
      headers: { "x-a": "1", "x-b": "1" },
      body: "from the request",
    });
    const own = await echo(request.clone());
    expect(own).toMatchObject({
      method: "PUT",
      body: "from the request",
      headers: { "x-a": "1", "content-type": "text/plain;charset=UTF-8" },
    });
    const overridden = await echo(request, { method: "PATCH", headers: { "x-a": "2" }, body: "from init" });
    expect(overridden).toMatchObject({ method: "PATCH", body: "from init", headers: { "x-a": "2" } });
    expect(overridden.headers["x-b"]).toBeUndefined();
  });

  test.each<[string, HeadersInit]>([
    ["Headers", new Headers({ "x-one": "1", "x-two": "2" })],
    ["an object", { "x-one": "1", "X-Two": "2" }],
    [
      "pairs",
      [
        ["x-one", "1"],
        ["x-two", "2"],
      ],
    ],
  ])("headers may be given as %s", async (_, headers) => {
    expect((await echo("/h", { headers })).headers).toMatchObject({ "x-one": "1", "x-two": "2" });
  });

  test.each<[string, () => BodyInit, string | RegExp, string]>([
    ["a text", () => "hello", "text/plain;charset=UTF-8", "hello"],
    ["URLSearchParams", () => new URLSearchParams({ a: "1", b: "ü" }), "application/x-www-form-urlencoded;charset=UTF-8", "a=1&b=%C3%BC"],
    ["a Blob", () => new Blob(["<b/>"], { type: "text/xml" }), "text/xml", "<b/>"],
    ["an ArrayBuffer", () => new TextEncoder().encode("bytes").buffer, "", "bytes"],
    ["a view", () => new TextEncoder().encode("__bytes__").subarray(2, 7), "", "bytes"],
  ])("a body may be %s", async (_, body, type, sent) => {
    const seen = await echo("/b", { method: "PUT", body: body() });
    expect(seen.headers["content-type"] ?? "").toBe(type);
    expect(seen.body).toBe(sent);
  });

  test("a form goes as multipart, with its files", async () => {
    const form = new FormData();
    form.append("name", "Ada");
    form.append("file", new File(["contents"], "a.txt", { type: "text/plain" }));
    const seen = await echo("/b", { method: "PUT", body: form });
    const boundary = /^multipart\/form-data; boundary=(.+)$/.exec(seen.headers["content-type"] ?? "")?.[1] ?? "none";
    expect(seen.body.split(`--${boundary}`)).toHaveLength(4);
    expect(seen.body).toContain('filename="a.txt"');
  });

  test("what its owner changes afterwards is sent as it was", async () => {
    const parameters = new URLSearchParams({ a: "1" });
    const bytes = new TextEncoder().encode("abc");
    const headers = new Headers({ "x-one": "1" });
    const form = echo("/b", { method: "PUT", body: parameters, headers });
    const view = echo("/b", { method: "PUT", body: bytes });
    parameters.set("a", "2");
    headers.set("x-one", "2");
    bytes.fill(120);
    expect(await form).toMatchObject({ body: "a=1", headers: { "x-one": "1" } });
    expect((await view).body).toBe("abc");
  });

  test("a content length of the caller's does not stand in the way", async () => {
    expect((await echo("/b", { method: "PUT", body: "abc", headers: { "content-length": "99" } })).body).toBe("abc");
  });

  test("the rest of init reaches the transport, an undici dispatcher too", async () => {
    const dispatcher = { dispatch: () => expect.unreachable("the transport is ours") };
    const inits: RequestInit[] = [];
    await using engine = await engineFor(
      server.url,
      {},
      {
        transport: async (_url, init) => {
          inits.push(init);
          return new Response("ok");
        },
      },
    );
    await engine.fetch("api")("/x", { keepalive: true, dispatcher } as RequestInit);
    expect(inits[0]).toMatchObject({ keepalive: true, dispatcher, redirect: "manual" });
  });

  test("the built-in fetch takes the dispatcher that it is given", async () => {
    const dispatched: string[] = [];
    const dispatcher = {
      dispatch(
        { path }: { path: string },
        handler: { onError?: (error: Error) => void; onResponseError?: (controller: unknown, error: Error) => void },
      ) {
        dispatched.push(path);
        const error = Object.assign(new Error("no such door"), { code: "CERT_HAS_EXPIRED" });
        (handler.onResponseError ?? ((_: unknown, e: Error) => handler.onError?.(e)))(undefined, error);
        return true;
      },
    };
    await expect(send("/through", { dispatcher } as unknown as RequestInit)).rejects.toThrow(TypeError);
    expect(dispatched).toEqual(["/v1/through"]);
  });

  test("a URL of another origin is refused, and nothing is sent", async () => {
    const before = server.seen.length;
    await expect(send("https://example.com/v1/things")).rejects.toSatisfy(
      (error) => isHoldfastError(error, "config") && error.message.includes("https://example.com"),
    );
    await expect(send(new URL("http://127.0.0.1:1/x"))).rejects.toSatisfy((error) => isHoldfastError(error, "config"));
    await expect(send("//example.com/x")).resolves.toMatchObject({ status: 200 });
    expect(last().url).toBe("/v1//example.com/x");
    expect(server.seen.length).toBe(before + 1);
  });

  test("a URL that holds a credential is refused before it is written anywhere", async () => {
    const before = server.seen.length;
    const error = await send(server.url.replace("http://", "http://user:hunter2@")).catch((caught: unknown) => caught);
    expect(error).toMatchObject({ code: "config", message: expect.not.stringContaining("hunter2") as string });
    expect(server.seen.length).toBe(before);
  });
});

describe("bodies that stream in", () => {
  const stream = (): ReadableStream<Uint8Array> =>
    new ReadableStream({
      start(controller) {
        controller.enqueue(new TextEncoder().encode("streamed"));
        controller.close();
      },
    });

  test.each<[string, () => BodyInit]>([
    ["a ReadableStream", stream],
    ["a Node stream", () => Readable.from([Buffer.from("streamed")]) as unknown as BodyInit],
    [
      "an async generator",
      () =>
        (async function* () {
          yield new TextEncoder().encode("streamed");
        })() as unknown as BodyInit,
    ],
  ])("are sent: %s", async (_, body) => {
    expect((await echo("/b", { method: "PUT", body: body() })).body).toBe("streamed");
  });

  test("are sent once, and say so", async () => {
    await using flaky = await serve((_, response) => json(response, 503, {}));
    await using engine = await engineFor(flaky.url);
    const response = await engine.fetch("api")("/b", { method: "PUT", body: stream() });
    expect(response.status).toBe(503);
    expect(flaky.seen).toHaveLength(1);
    expect(explain(response)).toMatchObject({ attempts: 1, outcome: "failed", because: { code: "body-not-replayable" } });
    // The twin: the same as a text is sent again.
    expect(explain(await engine.fetch("api")("/b", { method: "PUT", body: "streamed" }))).toMatchObject({ attempts: 3 });
  });
});

describe("what is answered", () => {
  test("knows its URL, and so do its clones, whether its body was read before or not", async () => {
    for (const path of ["/things", "/drip"]) {
      const response = await send(path);
      goOn();
      expect(response.url).toBe(`${server.url}/v1${path}`);
      expect(response.clone().url).toBe(response.url);
      expect(response.redirected).toBe(false);
      expect(response).toBeInstanceOf(Response);
      await response.text();
    }
  });

  test("can be cloned and read twice", async () => {
    const response = await send("/things");
    const copy = response.clone();
    expect(await copy.json()).toEqual(await response.json());
  });

  test("HEAD has headers and no body", async () => {
    const response = await send("/things", { method: "HEAD" });
    expect([response.status, await response.text()]).toEqual([200, ""]);
    expect(response.headers.get("content-type")).toBe("application/json");
  });

  test.each([
    [204, "/empty"],
    [304, "/not-modified"],
  ])("%i is a success without a body", async (status, path) => {
    const response = await send(path, { headers: { "if-none-match": '"1"' } });
    expect([response.status, response.body, explain(response)]).toEqual([status, null, undefined]);
    expect(response.headers.get("x-should-retry")).toBeNull();
  });

  test("a redirect is answered as it is", async () => {
    const response = await send("/moved");
    expect([response.status, response.headers.get("location"), await response.text()]).toEqual([302, "/v1/elsewhere", "over there"]);
    expect(last().url).toBe("/v1/moved");
  });

  test("a redirect is followed where the caller says so, and refused where the caller says that", async () => {
    expect(await echo("/moved", { redirect: "follow" })).toMatchObject({ url: "/v1/elsewhere" });
    await expect(send("/moved", { redirect: "error" })).rejects.toThrow(TypeError);
    await expect(send(new Request(`${server.url}/v1/moved`, { redirect: "error" }))).rejects.toThrow(TypeError);
    // Every Request says "follow" that says nothing.
    expect((await send(new Request(`${server.url}/v1/moved`))).status).toBe(302);
  });

  test("a redirect is not followed with a credential that would go along", async () => {
    await using engine = await engineFor(`${server.url}/v1`, { auth: { type: "header", name: "X-Api-Key", value: "secret" } });
    await expect(engine.fetch("api")("/moved", { redirect: "follow" })).rejects.toMatchObject({ code: "config", path: "init.redirect" });
    // The twin: fetch itself takes this one off where the origin changes.
    await using bearing = await engineFor(`${server.url}/v1`, { auth: { type: "bearer", token: "secret" } });
    expect((await bearing.fetch("api")("/moved", { redirect: "follow" })).status).toBe(200);
  });

  test("all cookies come through", async () => {
    expect((await send("/cookies")).headers.getSetCookie()).toEqual(["a=1; Path=/", "b=2; Path=/"]);
  });

  test("a body of some megabytes comes whole", async () => {
    expect(((await (await send("/large")).json()) as { text: string }).text).toHaveLength(3_000_000);
  });

  test("events come as they are sent, the first without waiting for the last", async () => {
    const response = await send("/events");
    const decoder = new TextDecoder();
    let text = "";
    for await (const chunk of response.body as unknown as AsyncIterable<Uint8Array>) {
      text += decoder.decode(chunk);
      // The next is not sent before this one is here.
      goOn();
    }
    expect(text).toBe("data: one\n\ndata: two\n\ndata: three\n\n");
  });

  test("the first byte of any long body comes before its last", async () => {
    const reader = ((await send("/drip")).body as ReadableStream<Uint8Array>).getReader();
    expect(new TextDecoder().decode((await reader.read()).value)).toBe("first");
    goOn();
    expect(new TextDecoder().decode((await reader.read()).value)).toBe("last");
  });

  test("nothing is explained where nothing was done", async () => {
    expect(explain(await send("/things"))).toBeUndefined();
  });
});

describe("an abort", () => {
  test("before the call sends nothing", async () => {
    const before = server.seen.length;
    const reason = new Error("not today");
    await expect(send("/things", { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    await expect(send("/things", { signal: AbortSignal.abort() })).rejects.toMatchObject({ name: "AbortError" });
    expect(server.seen.length).toBe(before);
  });

  test("ends a call that waits for its answer, with the reason", async () => {
    const controller = new AbortController();
    const call = send("/hang", { signal: controller.signal });
    const reason = new Error("enough");
    setTimeout(() => controller.abort(reason), 20);
    await expect(call).rejects.toBe(reason);
    expect(explain(reason)).toMatchObject({ attempts: 1, because: { code: "cancelled" } });
  });

  test("of a Request's own signal counts too, unless init takes it away", async () => {
    const controller = new AbortController();
    const call = send(new Request(`${server.url}/v1/hang`, { signal: controller.signal }));
    setTimeout(() => controller.abort(), 20);
    await expect(call).rejects.toMatchObject({ name: "AbortError" });
    const gone = new Request(`${server.url}/v1/things`, { signal: AbortSignal.abort() });
    expect((await send(gone, { signal: null })).status).toBe(200);
  });

  test("after the headers ends the body", async () => {
    const controller = new AbortController();
    const response = await send("/hang-in-body", { signal: controller.signal });
    const reader = (response.body as ReadableStream<Uint8Array>).getReader();
    expect(new TextDecoder().decode((await reader.read()).value)).toBe("data: one\n\n");
    const reason = new Error("enough");
    setTimeout(() => controller.abort(reason), 20);
    await expect(reader.read()).rejects.toBe(reason);
  });

  test("in a wait between attempts ends it at once, and no attempt follows", async () => {
    await using flaky = await serve((_, response) => json(response, 503, {}));
    await using engine = await engineFor(flaky.url, { retry: { maxAttempts: 3, backoff: { base: 60_000, cap: 60_000, jitter: "none" } } });
    const controller = new AbortController();
    const reason = new Error("enough");
    engine.on("retry:scheduled", () => setTimeout(() => controller.abort(reason), 10));
    await expect(engine.fetch("api")("/x", { signal: controller.signal })).rejects.toBe(reason);
    expect(flaky.seen).toHaveLength(1);
    expect(explain(reason)).toMatchObject({ attempts: 1, outcome: "failed", because: { code: "cancelled" }, verdict: { status: 503 } });
  });

  test("may come from one signal for ten thousand calls: nothing is left hanging on it", async () => {
    const clock = manualClock();
    const transport = async (): Promise<Response> => Response.json({});
    await using engine = await engineFor("http://api.test", { timeout: { attempt: "30s", total: "60s" } }, { clock, transport });
    const call = engine.fetch("api");
    const controller = new AbortController();
    let added = 0;
    const { signal } = controller;
    const addEventListener = signal.addEventListener.bind(signal);
    signal.addEventListener = (...listener: Parameters<typeof addEventListener>) => {
      added += 1;
      addEventListener(...listener);
    };
    for (let round = 0; round < 100; round += 1) {
      await Promise.all(Array.from({ length: 100 }, async () => await (await call("/x", { signal })).text()));
    }
    expect(added).toBe(1);
    expect(getEventListeners(signal, "abort")).toHaveLength(1);
    // One timer for each length of timeout, which is left to run out, and none for each call.
    expect(clock.pending).toBeLessThanOrEqual(2);
  });

  test("lets the connection go", async () => {
    await using lonely = await serve(() => undefined);
    await using engine = await engineFor(lonely.url);
    const controller = new AbortController();
    const calls = Array.from({ length: 5 }, () =>
      engine
        .fetch("api")("/x", { signal: controller.signal })
        .catch(() => undefined),
    );
    while (lonely.seen.length < 5) await pause(5);
    controller.abort();
    await Promise.all(calls);
    for (let waited = 0; waited < 1_000 && (await lonely.connections()) > 0; waited += 5) await pause(5);
    expect(await lonely.connections()).toBe(0);
  });
});
