/** Providers whose SDKs are tested, as a flaky API. */
import type { FlakyScript, RuleScript } from "../../src/testing/index.ts";

export const CHUNKS: readonly string[] = ["Hold", "fast", "!"];

/** What the APIs answer on a good day, as far as their SDKs look at it. */
export const SCRIPT: FlakyScript = {
  endpoints: {
    "POST /v1/chat/completions": {
      effect: false,
      answer: {
        json: {
          id: "chatcmpl-1",
          object: "chat.completion",
          choices: [{ index: 0, message: { role: "assistant", content: "Holdfast!" } }],
        },
      },
    },
    "POST /stream/chat/completions": {
      effect: false,
      answer: {
        stream: {
          events: [
            ...CHUNKS.map((content) => ({
              data: { id: "chatcmpl-1", object: "chat.completion.chunk", choices: [{ index: 0, delta: { content } }] },
            })),
            "[DONE]",
          ],
          every: 5,
        },
      },
    },
    "POST /v1/messages": {
      effect: false,
      answer: { json: { id: "msg_1", type: "message", role: "assistant", content: [{ type: "text", text: "Holdfast!" }] } },
    },
    "POST /stream/v1/messages": {
      effect: false,
      answer: {
        stream: {
          events: [
            {
              event: "message_start",
              data: { type: "message_start", message: { id: "msg_1", type: "message", role: "assistant", content: [], usage: {} } },
            },
            { event: "content_block_start", data: { type: "content_block_start", index: 0, content_block: { type: "text", text: "" } } },
            ...CHUNKS.map((text) => ({
              event: "content_block_delta",
              data: { type: "content_block_delta", index: 0, delta: { type: "text_delta", text } },
            })),
            { event: "content_block_stop", data: { type: "content_block_stop", index: 0 } },
            { event: "message_stop", data: { type: "message_stop" } },
          ],
          every: 5,
        },
      },
    },
    "POST /v1/customers": {
      key: { header: "Idempotency-Key" },
      answer: { status: 200, json: { id: "cus_1", object: "customer", email: "ada@example.com" } },
    },
    "GET /repos/{owner}/{repo}": { answer: { json: { id: 1, full_name: "ada/engine" } } },
    "POST /repos/{owner}/{repo}/issues": { answer: { status: 201, json: { number: 7, title: "It leaks" } } },
    "GET /v1/customers/{id}": { answer: { json: { id: "cus_1", object: "customer", email: "ada@example.com" } } },
  },
};

/** Everything that goes wrong, one after the other; the fifth try is good. */
export const BAD_DAY: readonly RuleScript[] = [
  { when: { nth: 1 }, then: { status: 503 } },
  { when: { nth: 2 }, then: { reset: "before" } },
  { when: { nth: 3 }, then: { reset: "after" } },
  { when: { nth: 4 }, then: { status: 429, retryAfter: "2s" } },
];
