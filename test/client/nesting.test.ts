import { afterEach, describe, expect, test } from "vitest";
import { explain } from "../../src/core/explain.ts";
import { createHoldfast, type Holdfast } from "../../src/client/holdfast.ts";
import { retry } from "../../src/client/retry.ts";
import { flakyApi, manualClock, type FlakyApi, type FlakyScript } from "../../src/testing/index.ts";
import { engineFor, QUICK } from "./engines.ts";
import { pause } from "./server.ts";

let api: FlakyApi;
let hf: Holdfast<"api">;

afterEach(async () => {
  await hf.close();
  await api.close();
});

async function start(rules: FlakyScript["rules"] = []): Promise<void> {
  api = await flakyApi({ rules });
  hf = await engineFor(api.url, { breaker: false, retryBudget: false });
}

const wire = (): number => api.ledger.requests().length;
const failure = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => expect.fail("it resolved"),
    (error: unknown) => error,
  );

/** As SDKs do: an answer that is no success becomes an error. */
async function strict(response: Promise<Response>): Promise<Response> {
  const answer = await response;
  if (!answer.ok)
    throw Object.assign(new Error(`HTTP ${answer.status}`), { status: answer.status, headers: answer.headers, cause: answer });
  return answer;
}

describe("three layers of three attempts", () => {
  const layers = (): Promise<Response> =>
    retry(() => hf.call("api", { operation: "sync", effects: "read" }, () => strict(hf.fetch("api")("/things"))), QUICK);

  test.each<[string, NonNullable<FlakyScript["rules"]>[number]["then"]]>([
    ["resets", { reset: "before" }],
    ["503s", { status: 503 }],
    ["503s that say when to come back", { status: 503, retryAfter: { raw: "0.01" } }],
    ["answers that break off", { cut: true }],
  ])("make three attempts on the wire, against %s", async (_, then) => {
    await start([{ then }]);
    const error = await failure(then.cut === true ? layers().then((response) => response.text()) : layers());
    expect(wire()).toBe(3);
    expect(error).toBeInstanceOf(Error);
  });

  test("make as many as it takes, up to three", async () => {
    await start([{ when: { nth: [1, 2] }, then: { status: 503 } }]);
    expect((await layers()).status).toBe(200);
    expect(wire()).toBe(3);
  });

  test("tell who gave up: the explanation of the outermost says that it went no further", async () => {
    await start([{ then: { reset: "before" } }]);
    expect(explain(await failure(layers()))).toMatchObject({ because: { code: "exhausted-below" } });
  });

  test("tell when one loop stands in another", async () => {
    await start([{ then: { reset: "before" } }]);
    const told: string[] = [];
    hf.on("nesting:detected", ({ where }) => told.push(where));
    await failure(layers());
    expect(told.length).toBeGreaterThan(0);
  });
});

describe("loops around each other", () => {
  test("share the budget of the outermost", async () => {
    await start([{ then: { status: 503 } }]);
    // Each inner call may try twice, but the outer allows one retry in all.
    await hf.close();
    hf = await engineFor(api.url, { retry: { maxAttempts: 2, backoff: { base: 1, cap: 1 } }, breaker: false, retryBudget: false });
    await hf.call("api", { operation: "sync", effects: "read" }, async () => {
      for (const path of ["/a", "/b", "/c"]) await hf.fetch("api")(path);
    });
    expect(wire()).toBe(4);
  });

  test("share it with a stand-alone retry() too, for what it calls before it waits", async () => {
    await start([{ then: { status: 503 } }]);
    await retry(() => hf.fetch("api")("/a"), { maxAttempts: 2, backoff: { base: 1, cap: 1 } });
    expect(wire()).toBe(2);
  });

  test("that may not retry decide nothing for those above", async () => {
    await start([{ when: { nth: [1, 2] }, then: { reset: "before" } }]);
    await hf.close();
    hf = await engineFor(api.url, { retry: { maxAttempts: 1 }, breaker: false });
    expect((await retry(() => hf.fetch("api")("/x"), QUICK)).status).toBe(200);
    expect(wire()).toBe(3);
  });

  test("do not mistake another call's failure for their own", async () => {
    await start([{ when: { nth: { from: 1, to: 3 } }, then: { reset: "before" } }]);
    const old = await failure(hf.fetch("api")("/x"));
    let calls = 0;
    const value = await retry(() => {
      calls += 1;
      if (calls < 3) throw old as Error;
      return "fine";
    }, QUICK);
    expect([value, calls]).toEqual(["fine", 3]);
  });
});

describe("hf.task", () => {
  test("is one retry budget for calls one after the other, beside each other, and inside each other", async () => {
    await start([{ then: { status: 503 } }]);
    const codes = await hf.task({ retries: 2 }, async () => {
      const one = await hf.fetch("api")("/a");
      const many = await Promise.all(["/b", "/c", "/d"].map((path) => hf.fetch("api")(path)));
      const inner = await retry(() => hf.fetch("api")("/e"), QUICK);
      return [one, ...many, inner].map((response) => explain(response)?.because.code);
    });
    expect(codes).toEqual(["attempts-exhausted", "task-budget", "task-budget", "task-budget", "task-budget"]);
    expect(wire()).toBe(3 + 3 + 1);
  });

  test("inside another is bounded by both", async () => {
    await start([{ then: { status: 503 } }]);
    await hf.task({ retries: 1 }, () => hf.task({ retries: 5 }, () => hf.fetch("api")("/a")));
    expect(wire()).toBe(2);
  });

  test("hands its deadline to all inside: what runs is cut off, what would start late does not", async () => {
    await start([{ when: { endpoint: "GET /hang" }, then: { hang: true } }]);
    const started = performance.now();
    const errors = await hf.task({ retries: 5, deadline: 80 }, async () => {
      const cut = await failure(retry(() => hf.fetch("api")("/hang")));
      const late = await failure(hf.fetch("api")("/quick"));
      return [cut, late];
    });
    expect(errors).toMatchObject([{ code: "deadline" }, { code: "deadline" }]);
    expect(explain(errors[1])).toMatchObject({ attempts: 0, outcome: "refused", because: { code: "deadline" } });
    expect(performance.now() - started).toBeLessThan(5_000);
    expect(api.ledger.requests().map(({ endpoint }) => endpoint)).toEqual(["GET /hang"]);
  });

  test("tells its deadline to the functions inside", async () => {
    await start();
    const deadline = await hf.task({ retries: 0, deadline: "1m" }, () =>
      hf.call("api", { operation: "x", effects: "read" }, (context) => context.deadline),
    );
    expect(Math.abs((deadline ?? 0) - Date.now() - 60_000)).toBeLessThan(5_000);
    expect(await hf.call("api", { operation: "x", effects: "read" }, (context) => context.deadline)).toBeUndefined();
  });

  test("does not reach what is not inside", async () => {
    await start([{ then: { status: 503 } }]);
    let outside: Promise<Response> | undefined;
    const later = Promise.withResolvers<undefined>();
    const elsewhere = later.promise.then(() => hf.fetch("api")("/a"));
    await hf.task({ retries: 0 }, async () => {
      later.resolve(undefined);
      outside = elsewhere;
      await pause(1);
    });
    expect(explain(await outside)?.attempts).toBe(3);
  });

  test.each([
    [{ retries: -1 }, "task.retries"],
    [{ retries: Number.POSITIVE_INFINITY }, "task.retries"],
    [{ retries: 1, deadline: "soon" }, "task.deadline"],
    [{ retries: 1, deadlin: "1s" }, "task.deadlin"],
  ])("with options that make no sense (%o) is refused by their path", async (options, path) => {
    await start();
    await expect(hf.task(options as never, async () => 1)).rejects.toMatchObject({ code: "config", path });
  });
});

describe("a total that nobody asked for", () => {
  test("does not end the retries of what a long call does inside", async () => {
    await start([{ when: { nth: 1 }, then: { status: 503 } }]);
    const clock = manualClock();
    let calls = 0;
    await using engine = await createHoldfast({
      apis: { api: { baseUrl: "http://api.test", retry: QUICK } },
      clock,
      transport: async () => new Response(null, { status: (calls += 1) === 1 ? 503 : 200 }),
    });
    const result = engine.call("api", { operation: "nightly", effects: "read" }, async () => {
      await new Promise<void>((resolve) => clock.setTimer(resolve, 600_000));
      return await engine.fetch("api")("/x");
    });
    await clock.advance("11m");
    expect((await result).status).toBe(200);
    expect(calls).toBe(2);
  });
});
