import { describe, expect, test } from "vitest";
import { manualClock } from "../testing/manual-clock.ts";
import { HttpAnswer } from "./http-answer.ts";

const answerOf = (headers: Record<string, string>): HttpAnswer => new HttpAnswer(new Response("x", { headers }));

describe("a body", () => {
  test.each<[string, Record<string, string>, boolean]>([
    ["JSON without a length", { "content-type": "application/json" }, true],
    ["JSON of some kind", { "content-type": "application/vnd.api+json; charset=utf-8" }, true],
    ["anything of a megabyte", { "content-type": "text/csv", "content-length": "1048576" }, true],
    ["anything of more", { "content-type": "text/csv", "content-length": "1048577" }, false],
    ["anything without a length", { "content-type": "text/csv" }, false],
    ["events", { "content-type": "text/event-stream; charset=utf-8" }, false],
    ["events with a length", { "content-type": "text/event-stream", "content-length": "10" }, false],
    ["JSON line by line", { "content-type": "application/x-ndjson" }, false],
    ["JSON lines by another name", { "content-type": "application/jsonl" }, false],
    ["a JSON sequence", { "content-type": "application/json-seq" }, false],
    ["parts", { "content-type": "multipart/mixed; boundary=x" }, false],
  ])("is read before it is handed over, or not: %s", (_, headers, small) => {
    expect(answerOf(headers).isSmall).toBe(small);
  });
});

describe("a refusal that says its reason slowly", () => {
  test("is judged by what came, and breaks off later for nobody but its reader", async () => {
    const clock = manualClock();
    let source: ReadableStreamDefaultController<Uint8Array> | undefined;
    const body = new ReadableStream<Uint8Array>({ start: (controller) => void (source = controller) });
    const answer = new HttpAnswer(new Response(body, { status: 503 }));
    source?.enqueue(new TextEncoder().encode("we are "));
    const read = answer.readReason(clock);
    await clock.advance("2s");
    await read;
    expect(answer.excerpt).toBe("we are ");
    expect(clock.pending).toBe(0);
    // Nobody reads on: an error that is nobody's must not end the process. (The runner fails for one that is unhandled.)
    source?.error(new Error("reset"));
    await clock.advance(0);
  });
});

describe("what is kept in a history", () => {
  test("are headers that tell something, and no secret", () => {
    const { kept } = answerOf({
      "content-type": "application/json",
      "retry-after": "3",
      "x-ratelimit-remaining": "0",
      "x-request-id": "up-1",
      "x-session-token": "secret",
      "www-authenticate": "Bearer",
      location: "https://example.com/done?code=secret#part",
    });
    expect(kept).toEqual({
      headers: {
        "content-type": "application/json",
        "retry-after": "3",
        "x-ratelimit-remaining": "0",
        "x-request-id": "up-1",
        location: "https://example.com/done",
      },
      upstreamRequestId: "up-1",
    });
  });
});

describe("a browser's opaque redirect", () => {
  test("is handed over as it is, since no Response can be made of it", () => {
    const opaque = Response.error();
    expect(new HttpAnswer(opaque).hand(true)).toBe(opaque);
  });
});
