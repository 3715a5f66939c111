import { afterEach, expect, it } from "vitest";
import { adminWorld, type AdminWorld, type Answer, type AskOptions } from "./admin-world.ts";

const worlds: AdminWorld[] = [];
afterEach(async () => {
  for (const world of worlds.splice(0)) await world[Symbol.asyncDispose]();
});

async function open(): Promise<AdminWorld> {
  const world = await adminWorld({ transport: async () => new Response("no", { status: 422 }) });
  worlds.push(world);
  return {
    ...world,
    ask: async (method: string, path: string, asked?: AskOptions): Promise<Answer> => {
      const answer = await world.ask(method, path, asked);
      const route = world.app.routes.find((one) => one.path === "/v1/impact");
      if (path.startsWith("/v1/impact") && answer.status === 200) route?.answers[200]?.schema?.parse(answer.body);
      return answer;
    },
  };
}

async function until(look: () => Promise<boolean>): Promise<void> {
  while (!(await look())) await new Promise((resolve) => setTimeout(resolve, 10));
}

const operation = (api: string, labels: Record<string, string>, delay?: string): AskOptions => ({
  body: { api, method: "POST", path: "/contacts", json: {}, labels, ...(delay === undefined ? {} : { delay }) },
});

it("says whom it concerns, by the values of a label, in numbers and in words", async () => {
  const { ask, hf } = await open();
  const before = Date.now();
  for (const lead of ["1", "2", "3"]) await ask("POST", "/v1/operations", operation("crm", { campaign: "q4", lead }, "1h"));
  // A second operation of the same lead makes no second lead.
  await ask("POST", "/v1/operations", operation("mail", { campaign: "q4", lead: "3" }, "1h"));
  await ask("POST", "/v1/operations", operation("crm", { campaign: "q1", lead: "9" }, "1h"));
  for (const lead of ["4", "5"]) await ask("POST", "/v1/operations", operation("crm", { campaign: "q4", lead }));
  await until(async () => (await hf.operations.stats()).dead === 2);

  const { atLeast, items, of } = (await ask("GET", "/v1/impact?label=campaign&of=lead")).body;
  expect([atLeast, of]).toEqual([false, "lead"]);
  const [q4, q1] = items;
  expect(q4).toMatchObject({
    value: "q4",
    waiting: {
      count: 3,
      apis: [
        { api: "crm", count: 3, because: "not-due" },
        { api: "mail", count: 1 },
      ],
    },
    needsPerson: { count: 2, unknown: 0, apis: [{ api: "crm", count: 2 }] },
  });
  expect(q4.waiting.apis[0].since).toBeGreaterThanOrEqual(before);
  expect(q4.text).toMatch(
    /^3 leads of campaign q4 wait on crm and mail since \d{4}-\d\d-\d\d \d\d:\d\d UTC; 2 need a person \(crm, from \d{4}-\d\d-\d\d \d\d:\d\d UTC on\)$/,
  );
  expect(q1.text).toMatch(/^1 lead of campaign q1 waits on crm since /);
  expect((await ask("GET", "/v1/impact?label=campaign")).body.items[0].waiting.count).toBe(4);
});

it("says that an outcome is unknown where it is, and counts what has no label by itself", async () => {
  const { ask, store } = await open();
  const at = Date.now();
  const letter = {
    ...({
      api: "mail",
      endpoint: "POST /mails",
      partition: "",
      because: { code: "outcome-unknown" },
      fingerprint: "v1:a",
      title: "a",
    } as const),
    ...{ attempts: [], firstAttemptAt: at, diedAt: at },
  } as const;
  const idOf = (number: number): string => `01900000-0000-7000-9000-00000000000${number}`;
  await store.deadLetters.add([
    { ...letter, id: idOf(1), reason: "outcome-unknown", labels: {} },
    { ...letter, id: idOf(2), reason: "permanent", labels: { campaign: "q4" } },
    { ...letter, id: idOf(3), reason: "permanent", labels: { campaign: "q4" }, diedAt: at - 7_200_000, firstAttemptAt: at - 7_200_000 },
  ]);
  const { items } = (await ask("GET", "/v1/impact?label=campaign&of=country&window=1h")).body;
  const texts = items.map(({ text }: { text: string }) => text.replace(/\d{4}-\d\d-\d\d \d\d:\d\d/, "…"));
  expect(texts.sort()).toEqual([
    "1 country of campaign q4 needs a person (mail, from … UTC on)",
    "1 country without a campaign needs a person (mail, from … UTC on); of 1 nobody knows whether it happened",
  ]);
  const [day] = (await ask("GET", "/v1/impact?label=campaign&of=country")).body.items;
  expect(day.text).toContain("2 countries of campaign q4 need a person");
});

it("counts only what a token may see, and says what is wrong", async () => {
  const { ask } = await open();
  await ask("POST", "/v1/operations", operation("mail", { campaign: "q4" }, "1h"));
  expect((await ask("GET", "/v1/impact?label=campaign", { as: "crm-only" })).body.items).toEqual([]);
  expect((await ask("GET", "/v1/impact?label=campaign", { as: "acme" })).body.items).toEqual([]);
  expect((await ask("GET", "/v1/impact")).body.errors).toMatchObject([{ path: "query.label" }]);
  expect((await ask("GET", "/v1/impact?label=campaign&window=1y")).status).toBe(400);
});
