/** What somebody outside could fill, block or bend. One test for each line of the rules that none of the others has. */
import { expect, it } from "vitest";
import { systemClock } from "../../src/adapters/clock/system.ts";
import { createHoldfast } from "../../src/client/holdfast.ts";
import { Authenticator, tokenHash, tokenOf } from "../../src/gateway/auth.ts";
import { compileRules } from "../../src/policy/classify/rule.ts";
import { adminWorld } from "./admin-world.ts";

it("wrong tokens from ever new addresses are remembered up to a bound: the oldest address is forgotten", () => {
  const authenticator = new Authenticator(systemClock);
  authenticator.replace("test", [{ name: "a", sha256: tokenHash("right"), scopes: ["read"] }]);
  const tryFrom = (client: string): string | undefined =>
    authenticator.authenticate((name) => (name === "holdfast-token" ? "wrong" : undefined), client).refusal?.code;
  for (let nth = 0; nth < 30; nth += 1) tryFrom("192.0.2.1");
  expect(tryFrom("192.0.2.1")).toBe("too-many-requests");
  for (let nth = 0; nth < 10_000; nth += 1) tryFrom(`2001:db8::${nth.toString(16)}`);
  expect(tryFrom("192.0.2.1")).toBe("unauthorized");
});

it("ever new paths make no lanes without end, and close no breaker that is open", async () => {
  let sent = 0;
  const hf = await createHoldfast({
    apis: {
      crm: { baseUrl: "https://api.example.com", retry: { maxAttempts: 1 }, breaker: { minimumCalls: 2, window: 2, openFor: "1h" } },
    },
    transport: async (input) => {
      sent += 1;
      return new Response("{}", { status: input.includes("/broken") ? 503 : 200 });
    },
  });
  const send = hf.fetch("crm");
  for (let nth = 0; nth < 2; nth += 1) await send("/broken");
  await expect(send("/broken")).rejects.toThrow("open");
  for (let nth = 0; nth < 1_000; nth += 1)
    await send(`/word-${String.fromCodePoint(97 + (nth % 26))}${"x".repeat(nth % 40)}-path/${nth % 7}a`);
  expect(hf.lanes().length).toBeLessThanOrEqual(201);
  const before = sent;
  await expect(send("/broken")).rejects.toThrow("open");
  expect(sent).toBe(before);
  await hf.close();
});

it("a user's rule is matched in linear time: the text that blocks a regular expression does not block it", () => {
  const [rule] = compileRules([{ when: { body: `${"a*".repeat(200)}b` }, then: "permanent", because: "x" }], "classify");
  const started = performance.now();
  expect(rule?.matches({ body: "a".repeat(64 * 1024), attempt: 1 })).toBe(false);
  expect(performance.now() - started).toBeLessThan(1_000);
  const regular = [{ when: { body: /(a+)+b/ as unknown as string }, then: "permanent", because: "x" }] as const;
  expect(() => compileRules(regular, "classify")).toThrow("regular expressions are refused");
});

it("a token has 256 bits at least", () => {
  expect(() => tokenOf(new Uint8Array(31))).toThrow("32 random bytes");
  expect(Buffer.from(tokenOf(new Uint8Array(32)).slice("hf_".length), "base64url")).toHaveLength(32);
});

/** A request for each action of an operator; it need not succeed to be written down. */
const ACTS: Readonly<Record<string, { readonly path: string; readonly body?: object }>> = {
  cancelOperation: { path: "/v1/operations/none/cancel" },
  setDeadLetterGroupState: { path: "/v1/dead-letters/groups/v1:none/state", body: { state: "ignored" } },
  replayDeadLetters: { path: "/v1/dead-letters/replay", body: { filter: {} } },
  discardDeadLetters: { path: "/v1/dead-letters/discard", body: { filter: {}, reason: "x" } },
  stopReplay: { path: "/v1/replays/none/stop" },
  openLane: { path: "/v1/lanes/crm%3APOST%20%2Fx/open" },
  closeLane: { path: "/v1/lanes/crm%3APOST%20%2Fx/close" },
  autoLane: { path: "/v1/lanes/crm%3APOST%20%2Fx/auto" },
  pauseLane: { path: "/v1/lanes/crm%3APOST%20%2Fx/pause" },
  resumeLane: { path: "/v1/lanes/crm%3APOST%20%2Fx/resume" },
  setLimits: { path: "/v1/limits", body: { api: "crm", concurrency: 1, for: "1m", reason: "x" } },
  endLimits: { path: "/v1/limits/crm" },
  createToken: { path: "/v1/tokens", body: { name: "made", scopes: ["read"] } },
  revokeToken: { path: "/v1/tokens/made" },
  createSilence: { path: "/v1/alerts/silences", body: { rule: "error-rate", for: "1h", reason: "x" } },
  endSilence: { path: "/v1/alerts/silences/none" },
  testAlerts: { path: "/v1/alerts/test" },
  resetSync: { path: "/v1/syncs/none/reset", body: { reason: "x" } },
};

it("every action of an operator is written down with who and how it went, and a new one cannot be forgotten", async () => {
  await using world = await adminWorld();
  const acts = world.app.routes.filter(({ scope, method }) => scope === "operate" && method !== "GET");
  for (const { id, method } of acts) {
    const act = ACTS[id];
    expect([id, act === undefined]).toEqual([id, false]);
    await world.ask(method, act?.path ?? "", act?.body === undefined ? {} : { body: act.body });
  }
  const { items } = (await world.ask("GET", "/v1/audit?limit=200")).body as {
    items: readonly { action: string; who: string; outcome: string }[];
  };
  expect(items.map(({ action }) => action)).toEqual(acts.map(({ id }) => id));
  for (const { who, outcome } of items) expect([who, outcome]).toEqual(["all", expect.stringMatching(/^(?:done|failed: .+)$/) as string]);
  expect(items.some(({ outcome }) => outcome === "done")).toBe(true);
});
