import { afterEach, describe, expect, it, vi } from "vitest";
import { memory } from "../../src/adapters/store/memory/index.ts";
import type { AlertOptions } from "../../src/client/alert-options.ts";
import type { Holdfast } from "../../src/client/holdfast.ts";
import { createHoldfast } from "../../src/client/holdfast.ts";
import type { StoreFactory } from "../../src/ports/store.ts";
import type { AlertNotice } from "../../src/signals/alerts/notice.ts";
import { verifyStandardWebhook } from "../../src/policy/webhook/standard-webhooks.ts";
import { manualClock, type ManualClock } from "../../src/testing/index.ts";

/** How the other side answers, now. */
type Answer = (url: string, init: RequestInit) => Promise<Response> | Response;

interface World {
  readonly hf: Holdfast<"crm" | "mail">;
  readonly clock: ManualClock;
  /** What people were told, as `rule tier change`, and all of it. */
  readonly told: readonly string[];
  readonly notices: readonly AlertNotice[];
  answer: Answer;
  /** So many calls, spread evenly over the time. */
  calls(count: number, minutes: number, path?: string): Promise<void>;
}

const OK: Answer = () => Response.json({});
const STATUS =
  (status: number): Answer =>
  () =>
    Response.json({ error: "no" }, { status });
const engines: { readonly hf: { close(options?: object): Promise<void> }; readonly clock: ManualClock }[] = [];

afterEach(async () => {
  for (const { hf, clock } of engines.splice(0)) {
    const closed = hf.close({ grace: "1ms" });
    await clock.advance("1s");
    await closed;
  }
});

async function world(
  options: Partial<AlertOptions> = {},
  store: StoreFactory = memory(),
  clock: ManualClock = manualClock(),
): Promise<World> {
  const notices: AlertNotice[] = [];
  const made: { answer: Answer } = { answer: OK };
  const hf = await createHoldfast({
    store,
    clock,
    random: () => 0.5,
    apis: {
      crm: {
        baseUrl: "https://crm.test",
        retry: { maxAttempts: 2, backoff: { base: "10ms", jitter: "none" } },
        breaker: false,
        retryBudget: false,
      },
      mail: { baseUrl: "https://mail.test", retry: { maxAttempts: 1 }, retryBudget: false },
    },
    transport: async (input, init) => await made.answer(input, init),
    alerts: { to: [{ type: "function", tell: (notice) => void notices.push(notice) }], ...options },
  });
  engines.push({ hf, clock });
  return {
    hf,
    clock,
    notices,
    get told() {
      return notices.map(({ rule, tier, change }) => `${rule} ${tier} ${change}`);
    },
    get answer() {
      return made.answer;
    },
    set answer(answer) {
      made.answer = answer;
    },
    async calls(count, minutes, path = "/contacts") {
      for (let call = 0; call < count; call += 1) {
        const done = hf
          .fetch("crm")(path)
          .catch(() => undefined);
        await clock.advance((minutes * 60_000) / count);
        await done;
      }
    },
  };
}

describe("the default rules", () => {
  it("tell nobody of five minutes of single 429s that the next attempt solves, nor of a healthy day", async () => {
    const here = await world();
    await here.calls(600, 10);
    let calls = 0;
    here.answer = () =>
      (calls += 1) % 50 === 0 ? new Response(null, { status: 429, headers: { "retry-after": "0" } }) : Response.json({});
    await here.calls(300, 5);
    here.answer = OK;
    await here.calls(300, 10);
    expect(here.notices).toEqual([]);
  });

  it("error rate: a warning after five minutes over 2 %, critical after one over 10 %, and its end", async () => {
    const here = await world({ rules: { "retry-rate": false } });
    let calls = 0;
    await here.calls(60, 5);
    here.answer = () => Response.json({}, { status: (calls += 1) % 20 === 0 ? 422 : 200 });
    await here.calls(160, 8);
    expect(here.told).toEqual(["error-rate warning fired"]);
    expect(here.notices[0]).toMatchObject({
      subject: "crm GET /contacts",
      words: expect.stringMatching(/of \d+ calls failed in five minutes/),
    });
    here.answer = STATUS(422);
    await here.calls(60, 3);
    expect(here.told.slice(1)).toEqual(["error-rate critical escalated"]);
    here.answer = OK;
    await here.calls(200, 10);
    expect(here.told.at(-1)).toBe("error-rate warning resolved".replace("warning", here.notices.at(-1)?.tier ?? ""));
    expect(here.hf.alerts?.firing()).toEqual([]);
  });

  it("retry rate: what needs a second attempt, though it succeeds", async () => {
    const here = await world();
    let calls = 0;
    here.answer = () => Response.json({}, { status: (calls += 1) % 3 === 0 ? 503 : 200 });
    await here.calls(120, 4);
    expect(here.told).toEqual(["retry-rate critical fired"]);
  });

  it("breaker: open for a minute, critical from five on, over when it has closed", async () => {
    const here = await world({ rules: { "error-rate": false, "retry-rate": false } });
    const send = async (minutes: number): Promise<void> => {
      const done = here.hf
        .fetch("mail")("/send")
        .catch(() => undefined);
      await here.clock.advance(minutes * 60_000);
      await done;
    };
    here.answer = STATUS(503);
    for (let call = 0; call < 12; call += 1) await send(0.01);
    expect(here.told).toEqual([]);
    for (let minute = 0; minute < 7; minute += 1) await send(1);
    expect(here.told).toEqual(["breaker-open warning fired", "breaker-open critical escalated"]);
    here.answer = OK;
    for (let minute = 0; minute < 8; minute += 1) await send(1);
    expect(here.told.slice(2)).toEqual(["breaker-open critical resolved"]);
  });

  it("dead letters: a new group once, and a flood of letters", async () => {
    const here = await world({ rules: { "error-rate": false } });
    const write = async (name: string): Promise<void> => {
      const done = here.hf
        .fetch("crm")("/contacts", { method: "POST", body: JSON.stringify({ name }) })
        .catch(() => undefined);
      await here.clock.advance(1_000);
      await done;
    };
    here.answer = STATUS(422);
    await write("a");
    await here.clock.advance("30s");
    expect(here.told).toEqual(["dead-letter-group warning fired"]);
    expect(here.notices[0]?.words).toContain("crm: ");
    for (let call = 0; call < 51; call += 1) await write(String(call));
    await here.clock.advance("15m");
    expect(here.told).toEqual(["dead-letter-group warning fired", "dead-letters critical fired", "dead-letter-group warning resolved"]);
  });

  it("exhausted: at once, of endpoints that were marked critical, and of no others", async () => {
    const here = await world({ critical: ["crm GET /invoices"], rules: { "dead-letter-group": false } });
    here.answer = STATUS(503);
    await here.calls(1, 0.5, "/contacts");
    expect(here.told).toEqual([]);
    await here.calls(1, 0.5, "/invoices");
    expect(here.told).toEqual(["exhausted critical fired"]);
  });

  it("latency and throughput: against the day before", async () => {
    const here = await world({ rules: { throughput: { minimum: 10 } } });
    const slow =
      (ms: number): Answer =>
      () =>
        new Promise((resolve) => here.clock.setTimer(() => resolve(Response.json({})), ms));
    here.answer = slow(20);
    await here.calls(180, 90);
    expect(here.told).toEqual([]);
    here.answer = slow(500);
    await here.calls(40, 4);
    expect(here.told).toEqual(["latency critical fired"]);
    here.answer = slow(20);
    await here.calls(40, 10);
    expect(here.told.slice(1)).toEqual(["latency critical resolved"]);
    await here.clock.advance("40m");
    expect(here.told.slice(2)).toEqual(["throughput warning fired", "throughput critical escalated"]);
  });

  it("oldest ready: work that is due and that nobody does", async () => {
    const here = await world();
    let open = true;
    here.answer = () => (open ? new Promise<Response>(() => undefined) : Response.json({}));
    await here.hf.operations.pause({ api: "crm", endpoint: "POST /contacts", partition: "" });
    await here.hf.enqueue("crm", "POST /contacts", { json: {}, key: ["a"] });
    await here.clock.advance("4m");
    expect(here.told).toEqual([]);
    await here.clock.advance("2m");
    expect(here.told).toEqual(["oldest-ready warning fired"]);
    await here.clock.advance("15m");
    expect(here.told).toEqual(["oldest-ready warning fired", "oldest-ready critical escalated"]);
    open = false;
    await here.hf.operations.resume({ api: "crm", endpoint: "POST /contacts", partition: "" });
    await here.clock.advance("3m");
    expect(here.told.slice(2)).toEqual(["oldest-ready critical resolved"]);
  });
});

describe("an alert", () => {
  /** A call that dies, and time for it to be seen. */
  async function failOnce(here: World, name = "a"): Promise<void> {
    const before = here.answer;
    here.answer = (url, init) => (url.includes("crm.test") ? Response.json({ error: name }, { status: 422 }) : before(url, init));
    const done = here.hf
      .fetch("crm")(`/${name}`, { method: "POST", body: "{}" })
      .catch(() => undefined);
    await here.clock.advance("30s");
    await done;
    here.answer = before;
  }
  const rules = { "error-rate": false } as const;

  it("is silenced by rule or subject until the silence ends, and is seen all the same", async () => {
    const here = await world({ rules, critical: ["crm POST /a"] });
    const alerts = here.hf.alerts!;
    await alerts.silence({ subject: "crm *", for: "10m", because: "a drill", by: "ada" });
    const silence = await alerts.silence({ rule: "dead-letter-group", for: "1h", because: "a drill", by: "ada" });
    await failOnce(here);
    expect(here.told).toEqual([]);
    expect(alerts.firing().map(({ rule }) => rule)).toEqual(["exhausted", "dead-letter-group"]);
    expect(await alerts.silences()).toHaveLength(2);
    await here.clock.advance("11m");
    expect((await alerts.silences()).map(({ id }) => id)).toEqual([silence.id]);
    await alerts.endSilence(silence.id);
    await expect(alerts.endSilence(silence.id)).rejects.toMatchObject({ code: "not-found" });
    const heard = here.told.length;
    await failOnce(here, "b");
    expect(here.told.slice(heard)).toContain("dead-letter-group warning fired");
    await expect(alerts.silence({ for: "10m", because: " ", by: "ada" })).rejects.toMatchObject({ path: "silence.because" });
    await expect(alerts.silence({ for: 0, because: "x", by: "ada" })).rejects.toMatchObject({ path: "silence.for" });
  });

  it("tells of what a program gave up, once for each letter, unless that is silent or switched off", async () => {
    const here = await world({ rules });
    const alerts = here.hf.alerts!;
    const what = (letter: string) => ({ subject: "exec backup", words: "exit code 3", letter });
    expect(await alerts.givenUp(what("one"))).toHaveLength(1);
    expect(await alerts.givenUp(what("one"))).toHaveLength(1);
    await alerts.silence({ rule: "exhausted", subject: "exec backup", for: "10m", because: "a drill", by: "ada" });
    expect(await alerts.givenUp(what("two"))).toEqual([]);
    await here.clock.advance("11m");
    expect(await alerts.givenUp(what("three"))).toHaveLength(1);
    await vi.waitUntil(async () => {
      await here.clock.advance("1s");
      return here.notices.length >= 2;
    });
    expect(here.notices.map(({ advice }) => /show (\w+)/.exec(advice)?.[1])).toEqual(["one", "three"]);
    const off = await world({ rules: { exhausted: false } });
    expect(await off.hf.alerts!.givenUp(what("four"))).toEqual([]);
  });

  it("is told once by two processes over one store, and not again by a restart", async () => {
    const store = memory();
    const clock = manualClock();
    const here = await world({ rules }, store, clock);
    const other = await world({ rules }, store, clock);
    await failOnce(here);
    await failOnce(other);
    const told = (): readonly string[] => [...here.told, ...other.told];
    expect(told()).toEqual(["dead-letter-group warning fired"]);
    const before = told().length;
    const third = await world({ rules }, store, clock);
    await clock.advance("1m");
    expect(third.hf.alerts?.firing().length).toBeGreaterThan(0);
    expect([...told(), ...third.told]).toHaveLength(before);
  });

  it("reaches a receiver that was down, once it is back, signed and under one id", async () => {
    const secret = `whsec_${Buffer.alloc(32, 7).toString("base64")}`;
    const here = await world({ rules, to: [{ type: "webhook", url: "https://hooks.test/alerts", secret }] });
    const seen: { readonly id: string | null; readonly body: string }[] = [];
    let up = false;
    let taken = 0;
    here.answer = async (url, init) => {
      if (!url.startsWith("https://hooks.test/")) return Response.json({});
      const headers = new Headers(init.headers);
      seen.push({ id: headers.get("webhook-id"), body: init.body as string });
      const body = new TextEncoder().encode(init.body as string);
      const verified = await verifyStandardWebhook(
        { headers, body, method: "POST", url },
        { secrets: [secret], now: here.clock.now(), toleranceMs: 300_000 },
      );
      expect(verified.state).toBe("verified");
      if (!up) return new Response(null, { status: 503 });
      taken += 1;
      return new Response(null, { status: 204 });
    };
    await failOnce(here);
    // Signing is work of other threads, which no clock of ours moves.
    await vi.waitUntil(async () => {
      await here.clock.advance("5s");
      return seen.length > 1;
    });
    up = true;
    await vi.waitUntil(async () => {
      await here.clock.advance("30s");
      return taken > 0;
    });
    // Time that a test moves runs out while other threads sign, so that it may come twice; its id tells.
    expect(new Set(seen.map(({ id }) => id)).size).toBe(1);
    expect(JSON.parse(seen[0]?.body ?? "")).toMatchObject({ type: "alert.fired", data: { rule: "dead-letter-group" } });
  });

  it("takes the form of each receiver", async () => {
    const mails: unknown[] = [];
    const here = await world({
      to: [
        { type: "slack", url: () => "https://slack.test/secret" },
        { type: "pagerduty", routingKey: "key-1", url: "https://pager.test/enqueue" },
        {
          type: "email",
          from: "holdfast@example.com",
          to: ["a@example.com", "b@example.com"],
          transport: { sendMail: async (mail) => mails.push(mail) },
        },
      ],
    });
    const sent = new Map<string, Record<string, unknown>>();
    here.answer = (url, init) => {
      sent.set(url, JSON.parse(init.body as string) as Record<string, unknown>);
      return new Response("ok");
    };
    await here.hf.alerts?.test();
    await vi.waitUntil(async () => {
      await here.clock.advance("1s");
      return sent.size === 2 && mails.length === 1;
    });
    expect(sent.get("https://slack.test/secret")).toMatchObject({ text: expect.stringContaining("this is a test") });
    expect(sent.get("https://pager.test/enqueue")).toMatchObject({
      routing_key: "key-1",
      event_action: "trigger",
      payload: { severity: "warning" },
    });
    expect(mails).toEqual([
      {
        from: "holdfast@example.com",
        to: "a@example.com, b@example.com",
        subject: expect.stringContaining("test"),
        text: expect.stringContaining("alerts arrive here"),
      },
    ]);
    expect(JSON.stringify(await here.hf.operations.list())).not.toContain("slack.test");
  });

  it.each<[string, unknown, string]>([
    ["nobody to tell", { to: [] }, "alerts.to"],
    ["an unknown type", { to: [{ type: "sms" }] }, "alerts.to[0].type"],
    ["a sink without its secret", { to: [{ type: "slack" }] }, "alerts.to[0].url"],
    ["an option of another type", { to: [{ type: "slack", url: "x", secret: "y" }] }, "alerts.to[0].secret"],
    [
      "two of one name",
      {
        to: [
          { type: "slack", url: "x" },
          { type: "slack", url: "y" },
        ],
      },
      "alerts.to[1].name",
    ],
    ["a mail to nobody", { to: [{ type: "email", from: "a@b", to: "c", transport: { sendMail: async () => 1 } }] }, "alerts.to[0].to"],
    ["an endpoint without its API", { to: [{ type: "slack", url: "x" }], critical: ["POST /x"] }, "alerts.critical"],
    ["a look too often", { to: [{ type: "slack", url: "x" }], every: "10ms" }, "alerts.every"],
    ["an unknown option", { to: [{ type: "slack", url: "x" }], evry: "1m" }, "alerts.evry"],
  ])("is refused with %s, by path", async (_, options, path) => {
    await expect(createHoldfast({ apis: {}, alerts: options as AlertOptions })).rejects.toMatchObject({ code: "config", path });
  });
});
