import { describe, expect, it } from "vitest";
import { memory } from "../../src/adapters/store/memory/index.ts";
import type { ReconcileAnswer, ReconcileQuestion } from "../../src/api/reconcile.ts";
import type { ApiOptions } from "../../src/api/api-options.ts";
import { manualClock } from "../../src/testing/manual-clock.ts";
import { bench, CRM, Freezer, hang, KEYED, reset, turn, type Bench, type OtherSide } from "./bench.ts";

/** A process that sent an operation and vanished, and the one that comes after it. */
async function afterOneThatVanished(crm: ApiOptions, answer: OtherSide, endpoint = "POST /contacts"): Promise<{ id: string; next: Bench }> {
  const clock = manualClock();
  const store = memory();
  const freezer = new Freezer();
  const gone = await bench({ apis: { crm }, clock, store, between: freezer.between, answer: hang, worker: { lease: "30s" } });
  const { id } = await gone.hf.enqueue("crm", endpoint, { json: { email: "a@x.test" }, key: "a@x.test" });
  await turn(clock);
  expect(gone.sent).toHaveLength(1);
  freezer.freeze();
  const next = await bench({ apis: { crm }, clock, store, answer, worker: { lease: "30s" } });
  next.hf.work();
  return { id, next };
}

async function ended({ hf, until }: Bench, id: string): Promise<string> {
  const over = async (): Promise<boolean> => ["succeeded", "dead", "cancelled"].includes((await hf.operations.get(id)).state);
  await until(over);
  return (await hf.operations.get(id)).state;
}

describe("an operation whose holder vanished", () => {
  it("is sent again under the same key where the API honours keys", async () => {
    const { id, next } = await afterOneThatVanished(KEYED, () => Response.json({}));
    expect(await ended(next, id)).toBe("succeeded");
    expect(next.sent.map(({ key }) => key)).toEqual(["a@x.test"]);
    await next.close();
  });

  it("is sent again where its method is idempotent, or the endpoint says so", async () => {
    const put = await afterOneThatVanished(CRM, () => Response.json({}), "PUT /contacts/7");
    expect(await ended(put.next, put.id)).toBe("succeeded");
    await put.next.close();
    const search = { ...CRM, endpoints: { "POST /search": { repeatable: true } } };
    const post = await afterOneThatVanished(search, () => Response.json({}), "POST /search");
    expect(await ended(post.next, post.id)).toBe("succeeded");
    await post.next.close();
  });

  it("is never sent again where nobody could tell, and becomes a dead letter that says so", async () => {
    const { id, next } = await afterOneThatVanished(CRM, () => Response.json({}));
    expect(await ended(next, id)).toBe("dead");
    expect(next.sent).toHaveLength(0);
    expect(await next.hf.deadLetters.get(id)).toMatchObject({
      reason: "outcome-unknown",
      because: { code: "outcome-unknown", detail: expect.stringContaining("vanished") as string },
    });
    await next.close();
  });
});

describe("reconcile", () => {
  const asking = (answers: (question: ReconcileQuestion, nth: number) => ReconcileAnswer | Promise<ReconcileAnswer>) => {
    const questions: ReconcileQuestion[] = [];
    const crm: ApiOptions = {
      ...CRM,
      retry: { maxAttempts: 3, backoff: { base: "2s", factor: 1, jitter: "none" } },
      endpoints: { "POST /contacts": { reconcile: async (question) => answers(question, questions.push(question)) } },
    };
    return { crm, questions };
  };

  it("is asked of what a vanished holder may have sent: what happened is done", async () => {
    const { crm, questions } = asking(() => ({ happened: true, response: Response.json({ id: 9 }, { status: 201 }) }));
    const { id, next } = await afterOneThatVanished(crm, () => Response.json({}));
    expect(await ended(next, id)).toBe("succeeded");
    expect(next.sent).toHaveLength(0);
    expect(await (await next.hf.operations.result(id)).json()).toEqual({ id: 9 });
    expect(questions).toMatchObject([
      { operation: id, idempotencyKey: "a@x.test", method: "POST", url: "https://crm.test/contacts", body: '{"email":"a@x.test"}' },
    ]);
    await next.close();
  });

  it("what did not happen is sent, once", async () => {
    const { crm, questions } = asking(() => ({ happened: false }));
    const { id, next } = await afterOneThatVanished(crm, () => Response.json({}));
    expect(await ended(next, id)).toBe("succeeded");
    expect([next.sent.length, questions.length]).toEqual([1, 1]);
    await next.close();
  });

  it("what cannot be told stays in doubt", async () => {
    const { crm } = asking(() => ({ happened: "unknown" }));
    const { id, next } = await afterOneThatVanished(crm, () => Response.json({}));
    expect(await ended(next, id)).toBe("dead");
    expect(next.sent).toHaveLength(0);
    expect(await next.hf.deadLetters.get(id)).toMatchObject({ reason: "outcome-unknown" });
    await next.close();
  });

  it("comes a backoff after a lost answer, so that a late effect can be seen, and before anything is sent again", async () => {
    const { crm, questions } = asking((_question, nth) => (nth === 1 ? { happened: false } : { happened: true }));
    const at: number[] = [];
    const { hf, sent, close, during, clock } = await bench({ apis: { crm }, answer: reset });
    const operation = await hf.enqueue("crm", "POST /contacts", { json: 1 });
    hf.on("attempt:started", () => at.push(clock.monotonic()));
    expect((await during(operation.result())).status).toBe(204);
    expect([sent.length, questions.length]).toEqual([2, 2]);
    expect(sent.map((request) => request.at)).toEqual([0, 2_000]);
    expect(clock.monotonic()).toBe(4_000);
    const { attempts } = await hf.operations.get(operation.id);
    expect(attempts.map(({ because }) => because.code)).toEqual(["ask-before-retry", "ask-before-retry"]);
    await close();
  });

  it("asks through the API's own fetch, under its policies", async () => {
    const crm: ApiOptions = {
      ...CRM,
      retry: { backoff: { base: "1s", jitter: "none" } },
      auth: { type: "bearer", token: "the credential" },
      endpoints: {
        "POST /contacts": {
          reconcile: async ({ fetch }) =>
            (await fetch("/contacts?email=a")).status === 200 ? { happened: true } : { happened: "unknown" },
        },
      },
    };
    const answer: OtherSide = ({ method, nth }) => (method === "POST" ? reset() : Response.json({}, { status: nth === 1 ? 503 : 200 }));
    const { hf, sent, close, during } = await bench({ apis: { crm }, answer });
    const operation = await hf.enqueue("crm", "POST /contacts", { json: 1 });
    expect((await during(operation.result())).status).toBe(204);
    expect(sent.map(({ method, headers }) => [method, headers.get("authorization")])).toEqual([
      ["POST", "Bearer the credential"],
      ["GET", "Bearer the credential"],
      ["GET", "Bearer the credential"],
    ]);
    await close();
  });

  it("that cannot be asked is asked again, a bounded number of times, and nothing is sent meanwhile", async () => {
    const { crm, questions } = asking(() => {
      throw new Error("the look-up is down");
    });
    const { hf, sent, close, until } = await bench({ apis: { crm }, answer: reset });
    const { id } = await hf.enqueue("crm", "POST /contacts", { json: 1 });
    await until(async () => (await hf.operations.stats()).dead === 1);
    expect([sent.length, questions.length]).toEqual([1, 2]);
    const letter = await hf.deadLetters.get(id);
    expect(letter).toMatchObject({
      reason: "outcome-unknown",
      because: { detail: expect.stringContaining("the look-up is down") as string },
    });
    expect(letter.attempts.map(({ attempt, verdict }) => [attempt, verdict.effect])).toEqual([
      [1, "unknown"],
      [2, "unknown"],
      [3, "unknown"],
    ]);
    await close();
  });

  it("that never answers is given up", async () => {
    const { crm, questions } = asking(() => new Promise(() => undefined));
    const { hf, close, until, clock } = await bench({ apis: { crm }, answer: reset });
    await hf.enqueue("crm", "POST /contacts", { json: 1 });
    await until(async () => (await hf.operations.stats()).dead === 1);
    expect(questions).toHaveLength(2);
    expect(clock.monotonic()).toBeLessThan(70_000);
    await close();
  });

  it("says no after the last attempt: then it is dead, and certainly not done", async () => {
    const { crm, questions } = asking(() => ({ happened: false }));
    const { hf, sent, close, until } = await bench({ apis: { crm }, answer: reset });
    const { id } = await hf.enqueue("crm", "POST /contacts", { json: 1 });
    await until(async () => (await hf.operations.stats()).dead === 1);
    expect([sent.length, questions.length]).toEqual([3, 3]);
    expect(await hf.deadLetters.get(id)).toMatchObject({ reason: "exhausted" });
    await close();
  });
});

describe("poison", () => {
  it("is an operation that three holders in a row vanished with", async () => {
    const clock = manualClock();
    const store = memory();
    let id = "";
    for (let round = 1; round <= 3; round += 1) {
      const freezer = new Freezer();
      const gone = await bench({ apis: { crm: KEYED }, clock, store, between: freezer.between, answer: hang, worker: { lease: "5s" } });
      if (round === 1) ({ id } = await gone.hf.enqueue("crm", "POST /contacts", { json: 1 }));
      else gone.hf.work();
      await gone.until(() => gone.sent.length === 1, 60_000);
      freezer.freeze();
    }
    const last = await bench({ apis: { crm: KEYED }, clock, store, worker: { lease: "5s" } });
    last.hf.work();
    expect(await ended(last, id)).toBe("dead");
    expect(last.sent).toHaveLength(0);
    expect(await last.hf.deadLetters.get(id)).toMatchObject({
      reason: "poison",
      idempotencyKey: id,
      because: { detail: expect.stringContaining("3 workers vanished") as string },
    });
    await last.close();
  });

  it("takes nobody with it who only stood beside it", async () => {
    const clock = manualClock();
    const store = memory();
    const lives: Bench[] = [];
    for (let life = 1; life <= 5; life += 1) {
      const freezer = new Freezer();
      const test = await bench({
        apis: { crm: KEYED },
        clock,
        store,
        between: freezer.between,
        worker: { lease: "5s" },
        answer: (request) => {
          if (request.body !== "poison") return new Promise((resolve) => clock.setTimer(() => resolve(Response.json({})), 100));
          freezer.freeze();
          return hang(request);
        },
      });
      lives.push(test);
      if (life === 1) {
        await Promise.all(
          Array.from({ length: 30 }, (_, index) => test.hf.enqueue("crm", "POST /contacts", { json: index === 15 ? "poison" : index })),
        );
      } else {
        test.hf.work();
      }
      await clock.advance("20s");
    }
    const after = await bench({ apis: { crm: KEYED }, clock, store });
    expect(await after.hf.operations.stats()).toMatchObject({ succeeded: 29, dead: 1 });
    const { items } = await after.hf.deadLetters.list();
    expect(items.map(({ reason, request }) => [reason, new TextDecoder().decode(request?.body)])).toEqual([["poison", '"poison"']]);
    // It was sent by three processes; the others were still served by the third.
    expect(lives.map(({ sent }) => sent.filter(({ body }) => body === "poison").length)).toEqual([1, 1, 1, 0, 0]);
    await after.close();
  });
});
