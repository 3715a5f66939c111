import { afterEach, expect, it } from "vitest";
import { definePipeline, defineSync } from "../../src/index.ts";
import { adminWorld, type AdminWorld, type Answer, type AskOptions, type WorldOptions } from "./admin-world.ts";

const worlds: AdminWorld[] = [];
afterEach(async () => {
  for (const world of worlds.splice(0)) await world[Symbol.asyncDispose]();
});

/** A world whose answers are held to the schemas that OpenAPI tells of them. */
async function open(options: WorldOptions = {}): Promise<AdminWorld> {
  const world = await adminWorld(options);
  worlds.push(world);
  const ask = async (method: string, path: string, asked?: AskOptions): Promise<Answer> => {
    const answer = await world.ask(method, path, asked);
    const given = new URL(`http://h${path}`).pathname.split("/");
    const fits = (template: string): boolean => {
      const wanted = template.split("/");
      return wanted.length === given.length && wanted.every((part, index) => part.startsWith("{") || part === given[index]);
    };
    const routes = world.app.routes.filter((route) => route.method === method && fits(route.path));
    const [route] = routes.sort((a, b) => a.path.split("{").length - b.path.split("{").length);
    route?.answers[answer.status]?.schema?.parse(answer.body);
    return answer;
  };
  return { ...world, ask };
}

const post = (body: object): RequestInit => ({ method: "POST", body: JSON.stringify(body) });

it("groups of dead letters come with a chart, by label too, and one of them with samples", async () => {
  const world = await open({ transport: async () => Response.json({ error: "no such field" }, { status: 422 }) });
  for (const [campaign, lead] of [
    ["q4", "1"],
    ["q4", "2"],
    ["q1", "3"],
  ] as const) {
    const labels = { campaign, lead };
    await world.hf.fetch("crm", { labels })("https://api.example.com/contacts", post({ lead }));
  }
  const { items } = (await world.ask("GET", "/v1/dead-letters/groups?window=1h")).body;
  expect(items).toHaveLength(1);
  const [{ chart, fingerprint, ...group }] = items;
  expect(group).toMatchObject({ open: 3, total: 3, regressed: false });
  expect([chart.stepMs, chart.counts.length, chart.counts.at(-1)]).toEqual([120_000, 30, 3]);
  expect((await world.ask("GET", "/v1/dead-letters/groups?label.campaign=q4")).body.items).toMatchObject([{ open: 2, total: 2 }]);
  expect((await world.ask("GET", `/v1/dead-letters/groups?until=${group.firstAt}`)).body.items).toEqual([]);

  const path = `/v1/dead-letters/groups/${encodeURIComponent(fingerprint)}`;
  const { samples } = (await world.ask("GET", `${path}?samples=2`)).body;
  expect(
    samples.map(({ labels, request }: { labels: { lead: string }; request: { body: { text: string } } }) => [
      labels.lead,
      request.body.text,
    ]),
  ).toEqual([
    ["3", '{"lead":"3"}'],
    ["2", '{"lead":"2"}'],
  ]);
  expect((await world.ask("GET", `${path}?samples=0`)).body.samples).toEqual([]);
  const wrong = await world.ask("GET", "/v1/dead-letters/groups?window=90d");
  expect([wrong.status, wrong.body.detail]).toEqual([400, "query.window is 90d; give at most 30d, and more than nothing"]);
});

it("a group that was resolved and came back says so", async () => {
  const world = await open({ transport: async () => new Response("", { status: 422 }) });
  const die = (): Promise<Response> => world.hf.fetch("crm")("https://api.example.com/contacts", post({}));
  await die();
  const [{ fingerprint }] = (await world.ask("GET", "/v1/dead-letters/groups")).body.items;
  await world.ask("POST", `/v1/dead-letters/groups/${encodeURIComponent(fingerprint)}/state`, { body: { state: "resolved" } });
  await die();
  expect((await world.ask("GET", "/v1/dead-letters/groups")).body.items).toMatchObject([{ state: "open", regressed: true }]);
});

it("pipelines show how far their runs are, step by step, and which dead letters they wait for", async () => {
  let refuse = true;
  const world = await open({
    transport: async (input) => {
      return refuse && input.includes("/contacts/bad") ? new Response("no", { status: 422 }) : Response.json({ ok: true });
    },
  });
  const pipeline = definePipeline("lead", { subject: ({ id }: { id: string }) => id })
    .step("look", { api: "crm", request: ({ input: { id } }) => ({ endpoint: `GET /people/${id}` }), result: async () => "found" })
    .step("write", {
      api: "crm",
      request: ({ input: { id } }) => ({ endpoint: `POST /contacts/${id}`, json: { id } }),
      result: async () => "written",
    })
    .step("tell", { api: "mail", request: () => ({ endpoint: "POST /mails", json: {} }), result: async () => "told" });
  await world.hf.pipeline(pipeline).runAll([{ id: "good" }, { id: "bad" }, { id: "fine" }]);

  const shown = {
    pipeline: "lead",
    known: true,
    more: false,
    runs: { open: 1, succeeded: 2, failed: 0 },
    steps: [
      { step: "look", done: 3, failed: 0, parked: 0, ahead: 0, waiting: ["write", "tell"] },
      { step: "write", done: 2, failed: 0, parked: 1, ahead: 0, waiting: ["tell"] },
      { step: "tell", done: 2, failed: 0, parked: 0, ahead: 1, waiting: [] },
    ],
  };
  expect((await world.ask("GET", "/v1/pipelines")).body.items).toEqual([shown]);
  expect((await world.ask("GET", "/v1/pipelines/lead")).body).toEqual(shown);
  const [waiting] = (await world.ask("GET", "/v1/pipelines/lead/runs?state=open")).body.items;
  const letter = waiting.steps.find(({ state }: { state: string }) => state === "parked").operation;
  expect((await world.ask("GET", `/v1/dead-letters/${letter}`)).body).toMatchObject({ state: "open", api: "crm" });
  expect((await world.ask("GET", `/v1/runs/${encodeURIComponent(waiting.id)}`)).body).toMatchObject({ subject: "bad", state: "open" });
  expect((await world.ask("GET", "/v1/pipelines/lead/runs?subject=good")).body.items).toHaveLength(1);
  expect((await world.ask("GET", "/v1/pipelines/none")).status).toBe(404);
  expect((await world.ask("GET", "/v1/runs/none")).status).toBe(404);
  expect((await world.ask("GET", "/v1/pipelines", { as: "crm-only" })).status).toBe(403);

  refuse = false;
  await world.hf.deadLetters.replay({ ids: [letter] });
  expect((await world.ask("GET", "/v1/pipelines/lead")).body.runs).toEqual({ open: 0, succeeded: 3, failed: 0 });
  // Whoever opens the store without the definition sees the order all the same.
  const stranger = await open({ store: async () => world.store });
  expect((await stranger.ask("GET", "/v1/pipelines/lead")).body).toMatchObject({
    known: false,
    steps: [{ step: "look" }, { step: "write" }, { step: "tell" }],
  });
});

it("a sync tells what holds its watermark", async () => {
  const world = await open();
  const definition = defineSync({
    name: "orders",
    source: () => ["a", "b", "c"].map((id, index) => ({ id, at: index + 1 })),
    cursor: ({ id, at }) => [at, id],
    sink: (batch) => batch.map(({ id }) => (id === "b" ? { id, status: 422 } : { id })),
  });
  const sync = world.hf.sync(definition);
  await sync.run();
  const { items } = (await world.ask("GET", "/v1/syncs")).body;
  expect(items.map((one: { sync: string }) => one.sync)).toEqual(["orders"]);
  const one = (await world.ask("GET", "/v1/syncs/orders")).body;
  expect(one).toMatchObject({ watermark: 1, heldSince: expect.any(Number), lastRun: { records: [{ id: "b" }] } });
  expect((await world.ask("GET", "/v1/syncs/none")).status).toBe(404);
});
