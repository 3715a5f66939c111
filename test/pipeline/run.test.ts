import { describe, expect, it } from "vitest";
import { memory } from "../../src/adapters/store/memory/index.ts";
import { definePipeline } from "../../src/index.ts";
import type { EventMap } from "../../src/ports/events.ts";
import type { StepStore } from "../../src/ports/step-store.ts";
import type { Store, StoreFactory } from "../../src/ports/store.ts";
import { manualClock } from "../../src/testing/manual-clock.ts";
import { bench, CRM, gate, hang, KEYED, reset, turn, type Bench, type Sent } from "../queue/bench.ts";

interface Lead {
  readonly id: string;
  readonly email: string;
}

const ADA: Lead = { id: "42", email: "ada@example.com" };

/** Read, write under a key, write that nobody can dedupe. */
const APIS = { people: CRM, crm: KEYED, mail: CRM };

const lead = definePipeline("lead", { subject: ({ id }: Lead) => id, labels: ({ id }) => ({ lead: id }) })
  .step("enrich", {
    api: "people",
    request: ({ input }) => ({ endpoint: `GET /people/${encodeURIComponent(input.id)}` }),
    result: async (response) => (await response.json()) as { industry: string },
  })
  .step("contact", {
    api: "crm",
    request: ({ input, results }) => ({ endpoint: "POST /contacts", json: { email: input.email, ...results.enrich } }),
    result: async (response) => ((await response.json()) as { id: string }).id,
  })
  .step("enrol", { api: "mail", request: ({ results }) => ({ endpoint: "POST /enrolments", json: { contact: results.contact } }) });

function world(request: Sent): Response {
  if (request.path.startsWith("/people")) return Response.json({ industry: "software" });
  if (request.path === "/contacts") return Response.json({ id: "c-1" }, { status: 201 });
  return Response.json({ enrolled: true }, { status: 201 });
}

function pathsOf({ sent }: Bench): string[] {
  return sent.map(({ path }) => path);
}

describe("a run", () => {
  it("takes the subject through all steps, with each one's result for the next", async () => {
    const test = await bench({ apis: APIS, answer: world });
    const end = await test.during(test.hf.pipeline(lead).run(ADA));
    expect(end).toEqual({
      state: "succeeded",
      run: "lead/42",
      results: { enrich: { industry: "software" }, contact: "c-1", enrol: { enrolled: true } },
      parked: [],
    });
    expect(pathsOf(test)).toEqual(["/people/42", "/contacts", "/enrolments"]);
    expect(test.sent[1]?.body).toEqual({ email: "ada@example.com", industry: "software" });
    expect(test.sent[2]?.body).toEqual({ contact: "c-1" });
    await test.close();
  });

  it("that has ended is not done again: it is answered with what it gave", async () => {
    const test = await bench({ apis: APIS, answer: world });
    const pipeline = test.hf.pipeline(lead);
    const first = await test.during(pipeline.run(ADA));
    expect(await test.during(pipeline.run({ ...ADA, email: "other@example.com" }))).toEqual(first);
    expect(test.sent).toHaveLength(3);
    await test.close();
  });

  it("is done once, though two ask for it at the same time", async () => {
    const test = await bench({ apis: APIS, answer: world });
    const pipeline = test.hf.pipeline(lead);
    const [first, second] = await test.during(Promise.all([pipeline.run(ADA), pipeline.run(ADA)]));
    expect(second).toEqual(first);
    expect(test.sent).toHaveLength(3);
    await test.close();
  });

  it("sends each step under its own key, which stays the same at every attempt", async () => {
    const test = await bench({
      apis: APIS,
      answer: (request) => (request.path === "/contacts" && request.nth < 3 ? Response.json({}, { status: 503 }) : world(request)),
    });
    await test.during(test.hf.pipeline(lead).run(ADA));
    const keys = test.sent.filter(({ path }) => path === "/contacts").map(({ key }) => key);
    expect(keys).toEqual(["lead/42/contact", "lead/42/contact", "lead/42/contact"]);
    await test.close();
  });

  it("hashes a subject that does not fit into a header", async () => {
    const test = await bench({ apis: APIS, answer: world });
    const end = await test.during(test.hf.pipeline(lead).run({ id: "Zoë Müller", email: "zoe@example.com" }));
    expect(end.run).toMatch(/^lead\/sha256-[0-9a-f]{64}$/);
    expect(test.sent[1]?.key).toBe(`${end.run}/contact`);
    await test.close();
  });

  it("tells of its opening, of each step and of its end, with the subject's labels", async () => {
    const test = await bench({ apis: APIS, answer: world });
    const told: string[] = [];
    let labels: unknown;
    test.hf.on("run:opened", ({ run, steps }) => void told.push(`opened ${run} ${steps}`));
    test.hf.on("step:settled", (event: EventMap["step:settled"]) => {
      told.push(`${event.step} ${event.state}`);
      labels = event.labels;
    });
    test.hf.on("run:settled", ({ state }) => void told.push(state));
    await test.during(test.hf.pipeline(lead).run(ADA));
    expect(told).toEqual(["opened lead/42 0", "enrich done", "contact done", "enrol done", "succeeded"]);
    expect(labels).toEqual({ lead: "42", pipeline: "lead", run: "lead/42", step: "enrol" });
    await test.close();
  });
});

describe("a step that fails for good", () => {
  const refusing = (request: Sent): Response =>
    request.path === "/contacts" ? Response.json({ message: "no such field" }, { status: 422 }) : world(request);

  it("is a call that failed in the history of its API, as each of the others is one that succeeded", async () => {
    const test = await bench({ apis: APIS, answer: refusing });
    await test.during(test.hf.pipeline(lead).run(ADA));
    const totals = [...((await test.hf.history?.totals()) ?? [])];
    expect(totals.map(([, { calls, succeeded, failed }]) => [calls, succeeded, failed])).toContainEqual([1, 0, 1]);
    expect(totals.reduce((sum, [, { calls }]) => sum + calls, 0)).toBe(2);
    await test.close();
  });

  it("is a dead letter that names its run and what waits for it", async () => {
    const test = await bench({ apis: APIS, answer: refusing });
    const end = await test.during(test.hf.pipeline(lead).run(ADA));
    expect(end).toMatchObject({ state: "parked", results: { enrich: {} }, parked: [{ step: "contact", waiting: ["enrol"] }] });
    const [letter] = (await test.hf.deadLetters.list()).items;
    expect(letter).toMatchObject({
      api: "crm",
      endpoint: "POST /contacts",
      operation: "contact",
      reason: "permanent",
      idempotencyKey: "lead/42/contact",
      labels: { lead: "42", pipeline: "lead", run: "lead/42", step: "contact", waiting: "enrol" },
      attempts: [{ attempt: 1 }],
    });
    expect(end.state === "parked" && end.parked[0]?.deadLetter).toBe(letter?.id);
    await test.close();
  });

  it("is not tried again by a later run, until its letter is replayed", async () => {
    const test = await bench({ apis: APIS, answer: refusing });
    const pipeline = test.hf.pipeline(lead);
    await test.during(pipeline.run(ADA));
    expect((await test.during(pipeline.run(ADA))).state).toBe("parked");
    expect(await test.during(pipeline.resume())).toEqual({ runs: 1, succeeded: 0, parked: 1, failed: 0 });
    expect(test.sent).toHaveLength(2);
    expect((await test.hf.deadLetters.list()).items).toHaveLength(1);
    await test.close();
  });

  it("goes on with its run when the letter is replayed", async () => {
    let well = false;
    const test = await bench({ apis: APIS, answer: (request) => (well ? world(request) : refusing(request)) });
    const pipeline = test.hf.pipeline(lead);
    await test.during(pipeline.run(ADA));
    well = true;
    const report = await test.during(test.hf.deadLetters.replay({ filter: {} }));
    expect(report).toMatchObject({ resolved: 1, entries: [{ because: "replayed; its run has succeeded" }] });
    expect(pathsOf(test)).toEqual(["/people/42", "/contacts", "/contacts", "/enrolments"]);
    expect(test.sent[2]?.key).toBe("lead/42/contact");
    expect(await test.during(pipeline.run(ADA))).toMatchObject({ state: "succeeded", results: { contact: "c-1" } });
    await test.close();
  });

  it("is replayed with its body as an operator patched it, under the same key, and its run goes on with what it gave", async () => {
    const picky = (request: Sent): Response =>
      request.path === "/contacts" && (request.body as { industry?: string } | undefined)?.industry !== "kelp"
        ? refusing(request)
        : world(request);
    const test = await bench({ apis: APIS, answer: picky });
    await test.during(test.hf.pipeline(lead).run(ADA));
    expect(await test.during(test.hf.deadLetters.replay({ filter: {} }))).toMatchObject({ failedAgain: 1 });
    const report = await test.during(test.hf.deadLetters.replay({ filter: {}, patch: { industry: "kelp" } }));
    expect(report).toMatchObject({ resolved: 1, entries: [{ because: "replayed; its run has succeeded" }] });
    const contacts = test.sent.filter(({ path }) => path === "/contacts");
    expect(contacts.map(({ body, key }) => [(body as { industry: string }).industry, key])).toEqual([
      ["software", "lead/42/contact"],
      ["software", "lead/42/contact"],
      ["kelp", "lead/42/contact"],
    ]);
    expect(test.sent.at(-1)?.path).toBe("/enrolments");
    await test.close();
  });

  it("that is a function has no body to patch, and is skipped with that reason", async () => {
    let broken = true;
    const own = definePipeline("own").step("count", {
      effects: "read",
      run: async () => {
        if (broken) throw new TypeError("no such table");
        return 7;
      },
    });
    const test = await bench({ apis: APIS, answer: world });
    await test.during(test.hf.pipeline(own).run("1"));
    broken = false;
    const report = await test.during(test.hf.deadLetters.replay({ filter: {}, patch: { a: 1 } }));
    expect(report.entries[0]?.because).toContain("is a function and no request: patch has no effect on it");
    expect(await test.during(test.hf.deadLetters.replay({ filter: {} }))).toMatchObject({ resolved: 1 });
    await test.close();
  });

  it("stays one letter when its replay fails again, with all that was tried", async () => {
    const test = await bench({ apis: APIS, answer: refusing });
    await test.during(test.hf.pipeline(lead).run(ADA));
    expect(await test.during(test.hf.deadLetters.replay({ filter: {} }))).toMatchObject({ failedAgain: 1 });
    const [letter, ...others] = (await test.hf.deadLetters.list()).items;
    expect([letter?.state, letter?.attempts.length, letter?.replays, others]).toEqual(["open", 2, 1, []]);
    await test.close();
  });

  it("is left alone by a replay in a process that does not know its pipeline", async () => {
    const store = await kept();
    const first = await bench({ apis: APIS, answer: refusing, store });
    await first.during(first.hf.pipeline(lead).run(ADA));
    const other = await bench({ apis: APIS, answer: world, store, clock: first.clock });
    const report = await other.during(other.hf.deadLetters.replay({ filter: {} }));
    expect(report.entries[0]?.because).toContain("the pipeline lead, which is not known here");
    expect(other.sent).toEqual([]);
    expect((await other.hf.deadLetters.list({ state: "open" })).items).toHaveLength(1);
  });

  it("ends its run as failed when the letter is discarded", async () => {
    const test = await bench({ apis: APIS, answer: refusing });
    const pipeline = test.hf.pipeline(lead);
    await test.during(pipeline.run(ADA));
    await test.hf.deadLetters.discard({}, "no such person");
    expect(await test.during(pipeline.resume())).toMatchObject({ runs: 1, failed: 1 });
    expect(await test.during(pipeline.run(ADA))).toMatchObject({ state: "failed", results: { enrich: {} } });
    expect((await pipeline.get("42"))?.state).toBe("failed");
    expect(test.sent).toHaveLength(2);
    await test.close();
  });

  it("because its own functions throw is a dead letter too, and mended by a replay", async () => {
    let broken = true;
    const picky = definePipeline("picky").step("ask", {
      api: "people",
      request: ({ input }) => ({ endpoint: `GET /people/${input}` }),
      result: async () => {
        if (broken) throw new TypeError("no industry in it");
        return "fine";
      },
    });
    const test = await bench({ apis: APIS, answer: world });
    const pipeline = test.hf.pipeline(picky);
    expect(await test.during(pipeline.run("1"))).toMatchObject({
      state: "parked",
      parked: [{ because: { code: "callback-failed", detail: "result() threw: no industry in it" } }],
    });
    broken = false;
    expect(await test.during(test.hf.deadLetters.replay({ filter: {} }))).toMatchObject({ resolved: 1 });
    await test.close();
  });
});

describe("an optional step", () => {
  const options = definePipeline("greet")
    .step("look", { api: "people", optional: true, request: ({ input }) => ({ endpoint: `GET /people/${input}` }) })
    .step("mail", {
      api: "mail",
      request: ({ results }) => ({ endpoint: "POST /mails", json: { greeting: results.look === undefined ? "hello" : "hello again" } }),
    });

  it("that fails parks only itself: what follows goes on without its result", async () => {
    const test = await bench({
      apis: APIS,
      answer: (request) => (request.method === "GET" ? Response.json({}, { status: 404 }) : world(request)),
    });
    const end = await test.during(test.hf.pipeline(options).run("7"));
    expect(end).toMatchObject({ state: "succeeded", parked: [{ step: "look", waiting: [] }] });
    expect(test.sent[1]?.body).toEqual({ greeting: "hello" });
    await test.close();
  });

  it("can be replayed after its run has ended, for its effect alone", async () => {
    let found = false;
    const test = await bench({
      apis: APIS,
      answer: (request) => (request.method === "GET" && !found ? Response.json({}, { status: 404 }) : world(request)),
    });
    await test.during(test.hf.pipeline(options).run("7"));
    found = true;
    expect(await test.during(test.hf.deadLetters.replay({ filter: {} }))).toMatchObject({ resolved: 1, failedAgain: 0 });
    expect(pathsOf(test)).toEqual(["/people/7", "/mails", "/people/7"]);
    await test.close();
  });
});

describe("steps without a common order", () => {
  const fork = definePipeline("fork")
    .step("start", { effects: "read", run: () => 1 })
    .step("left", { api: "people", after: ["start"], request: () => ({ endpoint: "GET /people/left" }) })
    .step("right", { api: "people", after: ["start"], request: () => ({ endpoint: "GET /people/right" }) })
    .step("join", { effects: "read", after: ["left", "right"], run: ({ results }) => Object.keys(results).length });

  it("are under way at the same time, and joined", async () => {
    const gates = [gate(), gate()];
    let waiting = 0;
    const test = await bench({
      apis: APIS,
      answer: async () => {
        await gates[(waiting += 1) - 1]?.promise;
        return Response.json({});
      },
    });
    const run = test.hf.pipeline(fork).run("x");
    await turn(test.clock);
    await turn(test.clock);
    expect(pathsOf(test)).toEqual(["/people/left", "/people/right"]);
    for (const { resolve } of gates) resolve();
    expect(await test.during(run)).toMatchObject({ state: "succeeded", results: { join: 3 } });
    await test.close();
  });

  it("go on as far as they can when one fails", async () => {
    const test = await bench({ apis: APIS, answer: ({ path }) => Response.json({}, { status: path.endsWith("left") ? 422 : 200 }) });
    expect(await test.during(test.hf.pipeline(fork).run("x"))).toMatchObject({
      state: "parked",
      results: { start: 1, right: {} },
      parked: [{ step: "left", waiting: ["join"] }],
    });
    await test.close();
  });
});

describe("a process that vanished in the middle of a run", () => {
  /** Runs in a first process until `where`, forgets it there, and goes on in a second one. */
  async function resumed(where: string, options: { readonly apis?: typeof APIS } = {}): Promise<Bench> {
    const store = await kept();
    const clock = manualClock();
    const process = mortal(store);
    const first = await bench({
      apis: options.apis ?? APIS,
      store: process.store,
      clock,
      answer: (request) => (request.path.startsWith(where) ? new Promise<Response>(() => undefined) : world(request)),
    });
    void first.hf
      .pipeline(lead)
      .run(ADA)
      .catch(() => undefined);
    await first.until(() => first.sent.some(({ path }) => path.startsWith(where)));
    process.kill();
    const second = await bench({ apis: options.apis ?? APIS, answer: world, store, clock });
    return second;
  }

  it("holds its run until its lease is over; then another goes on at the first unfinished step", async () => {
    const second = await resumed("/contacts");
    const pipeline = second.hf.pipeline(lead);
    expect(await second.during(pipeline.run(ADA))).toMatchObject({ state: "busy", retryAfterMs: expect.any(Number) });
    expect(await second.during(pipeline.runAll([ADA]))).toMatchObject({ succeeded: 1 });
    expect(pathsOf(second)).toEqual(["/contacts", "/enrolments"]);
    expect(second.sent[0]?.key).toBe("lead/42/contact");
  });

  it("leaves a write in doubt that nobody can dedupe: it becomes a dead letter, and is not sent again", async () => {
    const second = await resumed("/enrolments");
    expect(await second.during(second.hf.pipeline(lead).runAll([ADA]))).toMatchObject({ parked: 1 });
    expect(second.sent).toEqual([]);
    expect((await second.hf.deadLetters.list()).items[0]).toMatchObject({ reason: "outcome-unknown", labels: { step: "enrol" } });
    expect(await second.during(second.hf.deadLetters.replay({ filter: {} }))).toMatchObject({ skipped: 1 });
    expect(second.sent).toEqual([]);
    expect(await second.during(second.hf.deadLetters.replay({ filter: {}, confirm: true }))).toMatchObject({ resolved: 1 });
    expect(pathsOf(second)).toEqual(["/enrolments"]);
    expect(await second.during(second.hf.pipeline(lead).run(ADA))).toMatchObject({ state: "succeeded" });
  });

  it.each([
    [true, 0],
    [false, 1],
  ])("asks the other side where it can tell (it happened: %s)", async (happened, sent) => {
    const asked: string[] = [];
    const reconcile = async ({ body }: { readonly body: string | undefined }) => {
      asked.push(body ?? "");
      return happened ? ({ happened, response: Response.json({ was: "there" }) } as const) : ({ happened } as const);
    };
    const apis = { ...APIS, mail: { ...CRM, endpoints: { "POST /enrolments": { reconcile } } } };
    const second = await resumed("/enrolments", { apis });
    expect(await second.during(second.hf.pipeline(lead).runAll([ADA]))).toMatchObject({ succeeded: 1 });
    expect(asked).toEqual(['{"contact":"c-1"}']);
    expect(second.sent).toHaveLength(sent);
  });

  it("under the name of the next one loses its runs at once", async () => {
    const store = await kept();
    const clock = manualClock();
    const first = await bench({
      apis: APIS,
      store,
      clock,
      answer: (request) => (request.path === "/contacts" ? hang(request) : world(request)),
    });
    void first.hf
      .pipeline(lead, { holder: "job" })
      .run(ADA)
      .catch(() => undefined);
    await first.until(() => first.sent.length === 2);
    const second = await bench({ apis: APIS, answer: world, store, clock });
    expect(await second.during(second.hf.pipeline(lead, { holder: "job" }).run(ADA))).toMatchObject({ state: "succeeded" });
    expect(pathsOf(second)).toEqual(["/contacts", "/enrolments"]);
  });

  it("and comes back after its lease is over sends nothing more, and changes nothing", async () => {
    const store = await kept();
    const clock = manualClock();
    const stopped = Promise.withResolvers<void>();
    let isStopped = false;
    const wait = (steps: StepStore): StepStore => ({
      ...steps,
      finish: async (results) => {
        if (isStopped) await stopped.promise;
        return await steps.finish(results);
      },
      extend: async (requests) => {
        if (isStopped) await stopped.promise;
        return await steps.extend(requests);
      },
    });
    const first = await bench({
      apis: APIS,
      clock,
      store: async () => {
        const opened = await store();
        return { ...opened, steps: wait(opened.steps as StepStore) };
      },
      answer: (request) => {
        isStopped ||= request.path === "/contacts";
        return world(request);
      },
    });
    const run = first.hf.pipeline(lead).run(ADA);
    await first.until(() => isStopped);
    const second = await bench({ apis: APIS, answer: world, store, clock });
    await second.during(second.hf.pipeline(lead).runAll([ADA]));
    stopped.resolve();
    expect(await first.during(run)).toMatchObject({ state: "busy" });
    expect(pathsOf(first)).toEqual(["/people/42", "/contacts"]);
    expect(pathsOf(second)).toEqual(["/contacts", "/enrolments"]);
  });
});

describe("an answer that is lost", () => {
  it("is asked for again under the key of the step, where the API honours it", async () => {
    const test = await bench({
      apis: APIS,
      answer: (request) => (request.path === "/contacts" && request.nth === 1 ? reset() : world(request)),
    });
    expect(await test.during(test.hf.pipeline(lead).run(ADA))).toMatchObject({ state: "succeeded" });
    expect(pathsOf(test)).toEqual(["/people/42", "/contacts", "/contacts", "/enrolments"]);
    await test.close();
  });

  it("of a write that nobody can dedupe is a dead letter in doubt", async () => {
    const test = await bench({ apis: APIS, answer: (request) => (request.path === "/enrolments" ? reset() : world(request)) });
    expect(await test.during(test.hf.pipeline(lead).run(ADA))).toMatchObject({ state: "parked", parked: [{ step: "enrol" }] });
    expect((await test.hf.deadLetters.list()).items[0]?.reason).toBe("outcome-unknown");
    expect(test.sent).toHaveLength(3);
    await test.close();
  });
});

describe("versions", () => {
  const old = definePipeline("job", { version: "1" })
    .step("a", { effects: "read", run: () => "old a" })
    .step("b", { api: "crm", request: () => ({ endpoint: "POST /b" }) });
  const fresh = definePipeline("job", { version: "2", earlier: [old] }).step("c", { effects: "read", run: () => "new" });

  it("end their open runs on their own steps", async () => {
    let well = false;
    const test = await bench({ apis: APIS, answer: () => Response.json({}, { status: well ? 200 : 422 }) });
    await test.during(test.hf.pipeline(old).run("1"));
    well = true;
    const renewed = await bench({ apis: APIS, answer: () => Response.json({}), store: test.store, clock: test.clock });
    const pipeline = renewed.hf.pipeline(fresh);
    expect(await renewed.during(renewed.hf.deadLetters.replay({ filter: {} }))).toMatchObject({ resolved: 1 });
    expect(pathsOf(renewed)).toEqual(["/b"]);
    expect(await pipeline.get("1")).toMatchObject({ version: "1", state: "succeeded", steps: [{ step: "a" }, { step: "b" }] });
    expect(await renewed.during(pipeline.run("2"))).toMatchObject({ results: { c: "new" } });
  });

  it("that nobody knows any more stop the run with an error that says what to add", async () => {
    const store = await kept();
    const test = await bench({ apis: APIS, answer: () => Response.json({}, { status: 422 }), store });
    await test.during(test.hf.pipeline(old).run("1"));
    const alone = definePipeline("job", { version: "3" }).step("c", { effects: "read", run: () => "new" });
    const renewed = await bench({ apis: APIS, store, clock: test.clock });
    await expect(renewed.during(renewed.hf.pipeline(alone).run("1"))).rejects.toMatchObject({
      code: "config",
      path: "pipelines.job.earlier",
    });
  });
});

/** One store that several processes of a test share: the second opens what the first has filled. */
async function kept(): Promise<StoreFactory> {
  const store = await memory()();
  return async () => store;
}

/** The store as a process sees it that can be killed: from then on it hears nothing more of it, nor the store of the process. */
function mortal(store: StoreFactory): { readonly store: StoreFactory; kill(): void } {
  let dead = false;
  const wrap = async (): Promise<Store> => {
    const opened = await store();
    const steps: Record<string, unknown> = {};
    for (const [name, verb] of Object.entries(opened.steps as StepStore) as [string, (...args: unknown[]) => Promise<unknown>][]) {
      steps[name] = (...args: unknown[]) => (dead ? new Promise(() => undefined) : verb(...args));
    }
    return { ...opened, steps: steps as unknown as StepStore };
  };
  return { store: wrap, kill: () => void (dead = true) };
}
