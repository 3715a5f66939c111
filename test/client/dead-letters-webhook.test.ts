import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { memory } from "../../src/adapters/store/memory/index.ts";
import { sqlite } from "../../src/adapters/store/sqlite/index.ts";
import type { LetterWebhookOptions } from "../../src/api/letter-webhook-options.ts";
import { createHoldfast, type Holdfast } from "../../src/client/holdfast.ts";
import { verifyStandardWebhook } from "../../src/policy/webhook/standard-webhooks.ts";
import type { StoreFactory } from "../../src/ports/store.ts";
import { pause, serve, type Seen, type TestServer } from "./server.ts";

const SECRET = `whsec_${Buffer.from("twenty-four bytes or more of it").toString("base64")}`;
const RETRY = { maxAttempts: 50, backoff: { base: 20, cap: 50 } };

let folder: string;
let receiver: TestServer;
/** What the receiver answers. */
let status: number;
let hf: Holdfast<"crm"> | undefined;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "holdfast-webhook-"));
  status = 204;
  receiver = await serve((_, response) => void response.writeHead(status).end());
});

afterEach(async () => {
  await hf?.close();
  hf = undefined;
  await receiver[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true, force: true });
});

/** An engine whose CRM refuses everything, and says of each what the request asks it to. */
async function open(webhook: Partial<LetterWebhookOptions> = {}, store: StoreFactory = memory()): Promise<Holdfast<"crm">> {
  const { url: own = `${receiver.url}/letters?team=growth` } = webhook;
  return (hf = await createHoldfast({
    store,
    apis: { crm: { baseUrl: "http://crm.test", retry: { maxAttempts: 1 }, breaker: false } },
    deadLetters: { webhook: { retry: RETRY, ...webhook, url: own } },
    transport: async (url, init) => {
      if (!url.startsWith("http://crm.test")) return await fetch(url, init);
      return Response.json({ error: await new Response(init.body).text() }, { status: 422 });
    },
  }));
}

const bury = async (error: string, labels: Record<string, string> = {}): Promise<void> => {
  await hf!.fetch("crm", { labels })("/contacts", { method: "POST", body: error });
};

interface Told {
  readonly type: string;
  readonly data: { readonly id: string; readonly group: string; readonly labels: object };
}
const bodyOf = ({ body }: Seen): Told => JSON.parse(body.toString()) as Told;
const idOf = ({ headers }: Seen): string => String(headers["webhook-id"]);

async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) await pause(5);
}

const delivered = (count: number) => async (): Promise<boolean> => {
  const { items } = await hf!.operations.list({ api: "@dead-letter-webhook", state: "succeeded" });
  return items.length >= count;
};

describe("a webhook for dead letters", { timeout: 20_000 }, () => {
  test("is told of each, of calls and of operations, signed, and of nothing that was sent", async () => {
    await open({ secret: SECRET });
    await bury("email is invalid", { lead: "42" });
    await (await hf!.enqueue("crm", "POST /contacts", { json: "no" })).result().catch(() => undefined);
    await until(delivered(2));
    expect(receiver.seen).toHaveLength(2);
    const { items } = await hf!.deadLetters.list();
    const told = receiver.seen.map(bodyOf).sort((a, b) => a.data.id.localeCompare(b.data.id));
    expect(told.map(({ data }) => data.id)).toEqual(items.map(({ id }) => id).sort());
    expect(told[0]).toMatchObject({
      type: "dead-letter.added",
      data: { api: "crm", endpoint: "POST /contacts", reason: "permanent", status: 422, attempts: 1, labels: { lead: "42" } },
    });
    expect(Object.keys(told[0]!.data)).not.toContain("request");
    for (const seen of receiver.seen) {
      expect(seen.url).toBe("/letters?team=growth");
      const headers = new Headers(seen.headers as Record<string, string>);
      const request = { method: seen.method, url: seen.url, headers, body: new Uint8Array(seen.body) };
      const context = { secrets: [SECRET], now: Date.now(), toleranceMs: 60_000 };
      expect(await verifyStandardWebhook(request, context)).toMatchObject({ state: "verified", events: [{ id: idOf(seen) }] });
      const forged = { ...request, body: new Uint8Array([...seen.body, 32]) };
      expect(await verifyStandardWebhook(forged, context)).toMatchObject({ state: "refused" });
    }
  });

  test("that is out of order is told later, under the same id", async () => {
    status = 500;
    await open();
    await bury("no");
    await until(() => receiver.seen.length >= 2);
    status = 404;
    await until(() => receiver.seen.length >= 4);
    status = 200;
    await until(delivered(1));
    expect(new Set(receiver.seen.map(idOf)).size).toBe(1);
    expect(receiver.seen[0]!.headers["webhook-signature"]).toBeUndefined();
    expect((await hf!.deadLetters.list()).items).toHaveLength(1);
  });

  test("hears from the next process what the last one could not tell", async () => {
    const file = join(folder, "letters.db");
    const script = join(import.meta.dirname, "harness", "letter-then-killed.mjs");
    const child = spawn(process.execPath, [script, file, receiver.url], { stdio: "inherit" });
    const [, signal] = (await once(child, "exit")) as [number | null, string | null];
    expect([signal, receiver.seen.length]).toEqual(["SIGKILL", 0]);
    await open({ url: receiver.url }, sqlite(file));
    await until(delivered(1));
    const { items } = await hf!.deadLetters.list();
    expect(receiver.seen.map((seen) => bodyOf(seen).data.id)).toEqual(items.map(({ id }) => id));
    expect(items).toHaveLength(1);
  });

  test("hears nothing of a letter that was never kept, and of a group only when it begins or regresses", async () => {
    const opened = await memory()();
    let broken = true;
    const add: typeof opened.deadLetters.add = (letters) =>
      broken ? Promise.reject(new Error("disk full")) : opened.deadLetters.add(letters);
    await open({ each: "group" }, async () => ({ ...opened, deadLetters: { ...opened.deadLetters, add } }));
    await expect(bury("one")).rejects.toThrow("disk full");
    broken = false;
    // In the way of this one stands the delivery for the one that was lost.
    await Promise.all([bury("one"), bury("one"), bury("two")]);
    await bury("one");
    await until(delivered(2));
    expect(receiver.seen.map((seen) => bodyOf(seen).type)).toEqual(["dead-letter-group.opened", "dead-letter-group.opened"]);
    const { group } = bodyOf(receiver.seen[0]!).data;
    await hf!.deadLetters.setGroupState(group, "resolved");
    await bury(bodyOf(receiver.seen[0]!).data.group === group ? "one" : "two");
    await bury("two");
    await until(delivered(3));
    expect(bodyOf(receiver.seen[2]!)).toMatchObject({ type: "dead-letter-group.regressed", data: { group } });
    expect(receiver.seen).toHaveLength(3);
  });

  test("that never answers has a dead letter of its own, which tells nobody, and can be sent again", async () => {
    status = 410;
    await open({ retry: { maxAttempts: 2, backoff: { base: 5, cap: 5 } }, secret: () => SECRET });
    await bury("no");
    await until(async () => (await hf!.deadLetters.list()).items.length === 2);
    const [letter] = (await hf!.deadLetters.list({ api: "@dead-letter-webhook" })).items;
    expect(letter).toMatchObject({ reason: "exhausted", attempts: [{}, {}] });
    status = 200;
    expect(await hf!.deadLetters.replay({ filter: { api: "@dead-letter-webhook" } })).toMatchObject({ resolved: 1 });
    expect(new Set(receiver.seen.map(idOf)).size).toBe(1);
    expect(receiver.seen.map(({ headers }) => typeof headers["webhook-signature"])).toEqual(["string", "string", "string"]);
    expect((await hf!.operations.list({ api: "@dead-letter-webhook" })).items).toHaveLength(1);
  });

  test.each<[string, object]>([
    ["deadLetters.webhoook", { webhoook: {} }],
    ["deadLetters.webhook.url", { webhook: {} }],
    ["deadLetters.webhook.url", { webhook: { url: "ftp://hooks.test" } }],
    ["deadLetters.webhook.url", { webhook: { url: "https://user:pass@hooks.test" } }],
    ["deadLetters.webhook.secret", { webhook: { url: "https://hooks.test", secret: [] } }],
    ["deadLetters.webhook.secret[0].env", { webhook: { url: "https://hooks.test", secret: [{ env: "" }] } }],
    ["deadLetters.webhook.each", { webhook: { url: "https://hooks.test", each: "hour" } }],
    ["deadLetters.webhook.wait", { webhook: { url: "https://hooks.test", wait: 1 } }],
  ])("refuses %s that makes no sense", async (path, deadLetters) => {
    const apis = { crm: { baseUrl: "http://crm.test" } };
    await expect(createHoldfast({ apis, deadLetters })).rejects.toMatchObject({ code: "config", path });
  });
});
