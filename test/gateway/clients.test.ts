/** Official clients, curl and Python through the gateway on a bad day, by another base URL and nothing else. */
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import Anthropic from "@anthropic-ai/sdk";
import { Octokit } from "@octokit/rest";
import OpenAI from "openai";
import { Stripe } from "stripe";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { flakyApi, type FlakyApi } from "../../src/testing/index.ts";
import { CHUNKS, SCRIPT } from "../sdk/providers.ts";
import { cli } from "../cli/holdfast.ts";
import { startGateway, type GatewayProcess } from "./gateway-process.ts";

const run = promisify(execFile);
let provider: FlakyApi;
let gateway: GatewayProcess;

beforeAll(async () => {
  provider = await flakyApi(SCRIPT);
  const api = { baseUrl: provider.url, retry: { maxAttempts: 4, backoff: { base: 5, cap: 10 } }, breaker: false, retryBudget: false };
  gateway = await startGateway(
    { apis: { llm: { ...api, repeatable: true }, stripe: { ...api, idempotency: {} }, github: { ...api, repeatable: true } } },
    { args: ["--api-port", "stripe=0"] },
  );
});

afterAll(async () => {
  await gateway[Symbol.asyncDispose]();
  await provider.close();
});

/** Everything that can be mended goes wrong, and then it works. */
beforeEach(() => {
  provider.setRules([
    { when: { nth: 1 }, then: { status: 503 } },
    { when: { nth: 2 }, then: { reset: "after" } },
    { when: { nth: 3 }, then: { status: 429 } },
  ]);
});

const chat = { model: "gpt-test", messages: [{ role: "user" as const, content: "Hello" }] };
const message = { model: "claude-test", max_tokens: 16, messages: [{ role: "user" as const, content: "Hello" }] };
const at = (path: string): string => `${gateway.url}/to/${path}`;

test("openai completes and streams", async () => {
  const client = new OpenAI({ apiKey: "sk-test", baseURL: at("llm/v1"), maxRetries: 0, logLevel: "off" });
  expect((await client.chat.completions.create(chat)).choices[0]?.message.content).toBe("Holdfast!");
  const streaming = new OpenAI({ apiKey: "sk-test", baseURL: at("llm/stream"), maxRetries: 0, logLevel: "off" });
  const chunks: string[] = [];
  for await (const chunk of await streaming.chat.completions.create({ ...chat, stream: true })) {
    chunks.push(chunk.choices[0]?.delta.content ?? "");
  }
  expect(chunks).toEqual(CHUNKS);
});

test("anthropic completes and streams", async () => {
  const client = new Anthropic({ apiKey: "sk-test", baseURL: at("llm"), maxRetries: 0, logLevel: "off" });
  expect((await client.messages.create(message)).content).toEqual([{ type: "text", text: "Holdfast!" }]);
  const streaming = new Anthropic({ apiKey: "sk-test", baseURL: at("llm/stream"), maxRetries: 0, logLevel: "off" });
  const texts: string[] = [];
  for await (const event of await streaming.messages.create({ ...message, stream: true })) {
    if (event.type === "content_block_delta" && event.delta.type === "text_delta") texts.push(event.delta.text);
  }
  expect(texts).toEqual(CHUNKS);
});

test("octokit reads and writes", async () => {
  const octokit = new Octokit({ baseUrl: at("github"), auth: "ghp-test" });
  expect((await octokit.rest.repos.get({ owner: "ada", repo: "engine" })).data.full_name).toBe("ada/engine");
  expect((await octokit.rest.issues.create({ owner: "ada", repo: "engine", title: "It leaks" })).data.number).toBe(7);
});

test("stripe, whose client knows a host and no path, writes once, under one key", async () => {
  const before = provider.ledger.requests("POST /v1/customers").length;
  const effects = provider.ledger.subjects("POST /v1/customers").length;
  const { hostname: host, port } = new URL(gateway.apiUrls["stripe"] ?? "");
  const stripe = new Stripe("sk_test_x", { host, port, protocol: "http", maxNetworkRetries: 0, telemetry: false });
  expect((await stripe.customers.create({ email: "ada@example.com" })).id).toBe("cus_1");
  const requests = provider.ledger.requests("POST /v1/customers").slice(before);
  expect(requests.map(({ status, ending }) => status ?? ending)).toEqual([503, "reset", 429, 200]);
  expect(new Set(requests.map(({ key }) => key)).size).toBe(1);
  expect(provider.ledger.subjects("POST /v1/customers").length - effects).toBe(1);
});

test("at an API's own port there is nothing but that API", async () => {
  const own = gateway.apiUrls["stripe"] ?? "";
  provider.setRules([]);
  const before = provider.ledger.requests().length;
  for (const path of ["/v1/lanes", "/to/llm/v1/models", "/healthz", "/"]) {
    const answer = await fetch(own + path);
    // The other side knows no such path, and says so; the gateway's own would have told of lanes, models or health.
    expect([path, answer.headers.get("holdfast-outcome")]).toEqual([path, "failed"]);
  }
  expect(provider.ledger.requests().length - before).toBe(4);
  const { stderr, code } = await cli(["serve", "--port", "0", "--api-port", "strype=0"], { cwd: gateway.folder });
  expect([code, stderr]).toEqual([2, expect.stringContaining('--api-port gives a port to "strype"') as string]);
});

const body = JSON.stringify(chat);

test("curl writes, and reads a stream", async () => {
  const { stdout } = await run("curl", ["-sf", at("llm/v1/chat/completions"), "-H", "content-type: application/json", "-d", body]);
  expect(JSON.parse(stdout)).toMatchObject({ object: "chat.completion" });
  const streamed = await run("curl", ["-sfN", at("llm/stream/chat/completions"), "-H", "content-type: application/json", "-d", body]);
  expect(streamed.stdout.match(/^data: /gm)).toHaveLength(CHUNKS.length + 1);
});

const PYTHON = `
import json, sys, urllib.request
base, body = sys.argv[1], sys.argv[2].encode()
def post(path):
    return urllib.request.urlopen(urllib.request.Request(base + path, data=body, headers={"content-type": "application/json"}))
print(json.load(post("/v1/chat/completions"))["object"])
for line in post("/stream/chat/completions"):
    if line.startswith(b"data: {"):
        print(json.loads(line[6:])["choices"][0]["delta"]["content"])
`;

test("a script of Python's standard library writes, and reads a stream", async () => {
  const { stdout } = await run("python3", ["-c", PYTHON, at("llm"), body]);
  expect(stdout.trim().split("\n")).toEqual(["chat.completion", ...CHUNKS]);
});
