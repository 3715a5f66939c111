/** `POST /in/{source}` by HTTP alone: a started process, real signatures, and the ledger of what the events were sent on to. */
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { signWebhook } from "../../src/policy/webhook/standard-webhooks.ts";
import { flakyApi, type FlakyApi } from "../../src/testing/flaky-api/flaky-api.ts";
import { startGateway, type GatewayProcess } from "./gateway-process.ts";

const SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const OTHER_SECRET = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";
let api: FlakyApi;
let gateway: GatewayProcess;

beforeAll(async () => {
  api = await flakyApi({ endpoints: { "POST /hooks": { subject: "body.event" } } });
  const folder = mkdtempSync(join(tmpdir(), "holdfast-gateway-"));
  writeFileSync(join(folder, "secret"), `${SECRET}\n`);
  const verify = { scheme: "standard-webhooks", secret: { file: join(folder, "secret") } };
  const forwardTo = { api: "app", endpoint: "POST /hooks" };
  gateway = await startGateway(
    {
      apis: { app: { baseUrl: api.url } },
      inboxes: {
        shop: { verify, forwardTo, maxBytes: 1_000 },
        secretless: { verify: { scheme: "github", secret: { env: "HOLDFAST_TEST_NO_SUCH_SECRET" } }, forwardTo },
      },
      tokens: [{ name: "ops", token: { sha256: "00".repeat(32) }, scopes: ["read"] }],
    },
    { folder },
  );
});
afterAll(async () => {
  await gateway[Symbol.asyncDispose]();
  await api[Symbol.asyncDispose]();
});

interface Answer {
  readonly status: number;
  readonly body: { readonly code?: string; readonly detail?: string; readonly taken?: number; readonly duplicates?: number };
}

async function deliver(
  id: string,
  body: string,
  { secret = SECRET, sent = body, source = "shop" }: { readonly secret?: string; readonly sent?: string; readonly source?: string } = {},
): Promise<Answer> {
  const headers = await signWebhook({ id, now: Date.now(), body, secrets: [secret] });
  const response = await fetch(`${gateway.url}/in/${source}`, { method: "POST", body: sent, headers });
  return { status: response.status, body: (await response.json()) as Answer["body"] };
}

/** Waits until this many effects are there; the test's own time is the bound. */
async function effects(count: number): Promise<ReadonlyMap<string, number>> {
  for (;;) {
    const seen = api.ledger.effects("POST /hooks");
    if ([...seen.values()].reduce((sum, one) => sum + one, 0) >= count) return seen;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

it("20 deliveries of one event at once are one effect; another event is another", async () => {
  // Spaces that a JSON reader would lose: what is verified is what came.
  const body = '{ "event":  "one" }';
  const answers = await Promise.all(Array.from({ length: 20 }, () => deliver("evt_1", body)));
  expect(answers.map(({ status }) => status)).toEqual(Array.from({ length: 20 }, () => 200));
  expect(answers.reduce((sum, answer) => sum + (answer.body.taken ?? 0), 0)).toBe(1);
  expect((await deliver("evt_2", '{"event":"two"}')).status).toBe(200);
  expect(Object.fromEntries(await effects(2))).toEqual({ one: 1, two: 1 });
});

it("one id with another body is a conflict, and is not sent on", async () => {
  expect((await deliver("evt_3", '{"event":"three"}')).status).toBe(200);
  expect(await deliver("evt_3", '{"event":"not three"}')).toMatchObject({ status: 409, body: { code: "conflict" } });
  expect([...(await effects(3)).keys()]).not.toContain("not three");
});

it("what its sender did not sign is refused, and so is what is too long or comes to nobody", async () => {
  const forged = '{"event":"forged"}';
  expect(await deliver("evt_4", forged, { secret: OTHER_SECRET })).toMatchObject({ status: 401, body: { code: "signature-wrong" } });
  expect(await deliver("evt_4", '{"event":"real"}', { sent: forged })).toMatchObject({ status: 401 });
  const bare = await fetch(`${gateway.url}/in/shop`, { method: "POST", body: forged });
  expect([bare.status, ((await bare.json()) as Answer["body"]).code]).toEqual([401, "signature-missing"]);
  expect(await deliver("evt_4", JSON.stringify({ event: "x".repeat(1_000) }))).toMatchObject({ status: 413 });
  expect(await deliver("evt_4", forged, { source: "nobody" })).toMatchObject({ status: 404, body: { code: "no-route" } });
  expect((await fetch(`${gateway.url}/in/shop`)).status).toBe(405);
  // The id was not taken by any of them.
  expect(await deliver("evt_4", '{"event":"four"}')).toMatchObject({ status: 200, body: { taken: 1 } });
  expect([...(await effects(4)).keys()].sort()).toEqual(["four", "one", "three", "two"]);
  expect(api.ledger.doubled()).toEqual([]);
});

it("a secret that is not there is our fault, and the sender is not told where it should stand", async () => {
  const { status, body } = await deliver("evt_5", "{}", { source: "secretless" });
  expect([status, body.code]).toEqual([500, "internal"]);
  expect(JSON.stringify(body)).not.toContain("HOLDFAST_TEST_NO_SUCH_SECRET");
});
