import { afterEach, describe, expect, test } from "vitest";
import { memory } from "../../src/adapters/store/memory/index.ts";
import type { ApiOptions } from "../../src/api/api-options.ts";
import { createHoldfast, type Holdfast } from "../../src/client/holdfast.ts";
import type { Store, StoreFactory } from "../../src/ports/store.ts";
import type { Advice, AdviceKind } from "../../src/signals/advice/advice.ts";
import { manualClock, seededRandom, type ManualClock } from "../../src/testing/index.ts";

/** How the other side answers, now. */
type Answer = (path: string, init: RequestInit) => Response | Promise<Response>;

interface World {
  readonly hf: Holdfast<"crm">;
  readonly clock: ManualClock;
  readonly store: Store;
  answer: Answer;
  post(path: string, headers?: Record<string, string>): Promise<Response | undefined>;
}

const OK: Answer = () => Response.json({ id: 7 }, { status: 201 });
const open: World[] = [];

afterEach(async () => {
  for (const { hf, clock } of open.splice(0)) {
    const closed = hf.close({ grace: "1ms" });
    await clock.advance("1s");
    await closed;
  }
});

async function shared(): Promise<StoreFactory> {
  const store = await memory()();
  return async () => ({ ...store, close: async () => undefined });
}

async function world({
  store = memory(),
  clock = manualClock(),
  api = {},
  advice = true,
}: { store?: StoreFactory; clock?: ManualClock; api?: Partial<ApiOptions>; advice?: boolean } = {}): Promise<World> {
  const made: { answer: Answer } = { answer: OK };
  const opened = await store();
  const hf = await createHoldfast({
    store: async () => opened,
    clock,
    history: advice,
    random: seededRandom(3),
    apis: {
      crm: {
        baseUrl: "https://crm.test",
        retry: { maxAttempts: 3, backoff: { base: "100ms", jitter: "none" } },
        retryBudget: false,
        breaker: false,
        endpoints: { "POST /contacts": {}, "POST /scores": { repeatable: true } },
        ...api,
      },
    },
    transport: async (input, init) => {
      await new Promise<void>((resolve) => clock.setTimer(resolve, 20));
      return await made.answer(new URL(input).pathname, init ?? {});
    },
  });
  const one: World = {
    ...{ hf, clock, store: opened },
    get answer() {
      return made.answer;
    },
    set answer(answer: Answer) {
      made.answer = answer;
    },
    post: (path, headers = {}) =>
      hf
        .fetch("crm")(path, { method: "POST", body: "{}", headers })
        .catch(() => undefined),
  };
  open.push(one);
  return one;
}

/** So many calls a second, for so long. */
async function load({ clock, post }: World, perSecond: number, forSeconds: number, path = "/scores"): Promise<void> {
  for (let second = 0; second < forSeconds; second += 1) {
    for (let nth = 0; nth < perSecond; nth += 1) {
      void post(path);
      await clock.advance(1_000 / perSecond);
    }
  }
  await clock.advance("5s");
}

async function items({ hf, clock }: Pick<World, "hf" | "clock">): Promise<readonly Advice[]> {
  await clock.advance("11s");
  return (await hf.advice()).items;
}

/** The only advice but for what is to be done about dead letters. */
async function only(from: World, kind: AdviceKind): Promise<Advice> {
  const all = (await items(from)).filter((advice) => advice.kind !== "dead-letters");
  expect(all.map((advice) => advice.kind)).toEqual([kind]);
  return all[0] as Advice;
}

/** The other side takes so many a second, and refuses what is more. */
function limited(clock: ManualClock, limit: number): Answer {
  let [second, taken] = [0, 0];
  return () => {
    const now = Math.floor(clock.monotonic() / 1_000);
    if (now !== second) [second, taken] = [now, 0];
    taken += 1;
    return taken <= limit ? Response.json({}) : Response.json({ error: { code: "RATE_LIMITED" } }, { status: 429 });
  };
}

const INVALID = Response.json({ error: { code: "INVALID_FIELD", message: "employees must be a number" } }, { status: 500 });

describe("hf.advice() on planted faults", () => {
  test("names an error that never succeeds on a retry", async () => {
    const crm = await world();
    let calls = 0;
    crm.answer = (_path, { headers }) => (new Headers(headers).get("x-bad") === null ? Response.json({}) : INVALID.clone());
    for (; calls < 300; calls += 1) {
      void crm.post("/scores", calls % 10 === 0 ? { "x-bad": "1" } : {});
      await crm.clock.advance("50ms");
    }
    await crm.clock.advance("5s");
    const all = await items(crm);
    // And does not ask to send its dead letters again, although the endpoint answers.
    expect(all).toMatchObject([{ kind: "permanent-error", endpoint: "POST /scores", numbers: { operations: 30, retries: 60 } }]);
  });

  test("is silent once the rule is there, but for what the rule has kept", async () => {
    const crm = await world({
      api: { classify: [{ when: { status: 500, body: "INVALID_FIELD" }, then: "permanent", because: "validation" }] },
    });
    crm.answer = (_path, { headers }) => (new Headers(headers).get("x-bad") === null ? Response.json({}) : INVALID.clone());
    for (let calls = 0; calls < 300; calls += 1) {
      void crm.post("/scores", calls % 10 === 0 ? { "x-bad": "1" } : {});
      await crm.clock.advance("50ms");
    }
    await crm.clock.advance("5s");
    expect(await items(crm)).toMatchObject([{ kind: "dead-letters", numbers: { open: 30 } }]);
  });

  test("names the rate at which 429s come", async () => {
    const crm = await world();
    crm.answer = limited(crm.clock, 9);
    await load(crm, 6, 40);
    await load(crm, 14, 30);
    const advice = (await items(crm)).find(({ kind }) => kind === "rate-limit");
    expect(advice?.numbers).toMatchObject({ took: 9, limit: 8 });
    expect(advice?.config).toEqual({ under: "apis.crm", line: '"rateLimit": { "limit": 8, "per": "1s", "burst": 1 }' });
  });

  test("names how long outages last", async () => {
    const crm = await world({ api: { breaker: { openFor: "5s", maxOpenFor: "10s", minimumCalls: 5 }, retry: { maxAttempts: 1 } } });
    for (let outage = 0; outage < 3; outage += 1) {
      crm.answer = OK;
      await load(crm, 4, 60);
      crm.answer = () => Response.json({}, { status: 503 });
      await load(crm, 4, 40);
    }
    crm.answer = OK;
    await load(crm, 4, 20);
    const advice = await only(crm, "breaker");
    expect(advice).toMatchObject({ confidence: "medium", numbers: { outages: 3 } });
    expect(advice.numbers["recoveryMs"]).toBeGreaterThan(35_000);
    expect(advice.numbers["recoveryMs"]).toBeLessThan(60_000);
  });

  test("names writes in doubt that have no key, and their dead letters", async () => {
    const crm = await world();
    let calls = 0;
    crm.answer = () => {
      calls += 1;
      if (calls % 8 === 0) throw Object.assign(new TypeError("fetch failed"), { cause: { code: "ECONNRESET" } });
      return Response.json({});
    };
    await load(crm, 10, 10, "/contacts");
    const advice = (await items(crm)).find(({ kind }) => kind === "idempotency");
    expect(advice).toMatchObject({ endpoint: "POST /contacts", numbers: { unknown: 12, letters: 12 } });
  });

  test("names an SDK that retries around our retries", async () => {
    const crm = await world({ api: { retry: { maxAttempts: 2, backoff: { base: "10ms", jitter: "none" } } } });
    crm.answer = () => {
      throw Object.assign(new TypeError("fetch failed"), { cause: { code: "ECONNREFUSED", syscall: "connect" } });
    };
    for (let call = 0; call < 8; call += 1) {
      for (const retry of ["0", "1"]) {
        void crm.post("/scores", { "x-stainless-retry-count": retry, "x-api-key": String(call) });
        await crm.clock.advance("1s");
      }
    }
    const advice = (await items(crm)).find(({ kind }) => kind === "nested-retries");
    expect(advice).toMatchObject({
      endpoint: "POST /scores",
      numbers: { sdkRetries: 8 },
      command: 'new Client({ fetch: hf.fetch("crm"), maxRetries: 0 })',
    });
  });

  test("says nothing of a day on which everything went well, or a few retries helped", async () => {
    const crm = await world();
    let calls = 0;
    crm.answer = () => Response.json({}, { status: (calls += 1) % 40 === 0 ? 503 : 200 });
    await load(crm, 20, 60);
    expect(await items(crm)).toEqual([]);
    expect((await crm.hf.advice()).basis).toMatchObject({ endpoints: 1 });
  });
});

describe("what advice is drawn from", () => {
  const refusing = async (crm: World): Promise<void> => {
    crm.answer = limited(crm.clock, 9);
    await load(crm, 6, 40);
    await load(crm, 14, 30);
  };

  test("outlives its process, and is read by one that counts nothing", async () => {
    const store = await shared();
    const clock = manualClock();
    const first = await world({ store, clock });
    await refusing(first);
    await first.hf.close({ grace: "1ms" });
    const second = await world({ store, clock, advice: false });
    expect((await items(second)).map(({ kind }) => kind)).toContain("rate-limit");
  });

  test("is what several processes have counted, together", async () => {
    const store = await shared();
    const clock = manualClock();
    const [one, two] = [await world({ store, clock }), await world({ store, clock })];
    for (const crm of [one, two]) {
      crm.answer = (_path, { headers }) => (new Headers(headers).get("x-bad") === null ? Response.json({}) : INVALID.clone());
      for (let calls = 0; calls < 80; calls += 1) {
        void crm.post("/scores", calls % 10 === 0 ? { "x-bad": "1" } : {});
        await clock.advance("50ms");
      }
    }
    await clock.advance("5s");
    expect((await items(one)).map(({ kind }) => kind)).not.toContain("permanent-error");
    await clock.advance("2m");
    // Eight operations each were too few to speak of.
    for (const crm of [one, two]) expect(await only(crm, "permanent-error")).toMatchObject({ numbers: { operations: 16 } });
  });

  test("is forgotten after a week", async () => {
    const crm = await world();
    await refusing(crm);
    expect((await items(crm)).length).toBeGreaterThan(0);
    await crm.clock.advance("2m");
    await crm.clock.advance("8d");
    expect((await crm.hf.advice()).items).toEqual([]);
  });

  test("is a sample of operations and dead letters, where nothing was counted", async () => {
    const crm = await world({ advice: false });
    crm.answer = (_path, { body }) => (Buffer.from(body as Uint8Array).includes("bad") ? INVALID.clone() : Response.json({}));
    for (let nth = 0; nth < 120; nth += 1)
      await crm.hf.enqueue("crm", "POST /scores", { json: { nth, is: nth % 4 === 0 ? "bad" : "good" } });
    await crm.clock.advance("2m");
    const advice = (await items(crm)).find(({ kind }) => kind === "permanent-error");
    expect(advice).toMatchObject({ endpoint: "POST /scores", numbers: { operations: 30, retries: 60 } });
  });
});
