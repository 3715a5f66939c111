import { afterEach, describe, expect, it } from "vitest";
import { flakyApi } from "./flaky-api.ts";
import type { FlakyApi } from "./flaky-api.ts";
import type { AnswerScript, FlakyScript } from "./script.ts";

const running: FlakyApi[] = [];
afterEach(async () => {
  await Promise.all(running.splice(0).map((api) => api.close()));
});

async function start(endpoints: FlakyScript["endpoints"]): Promise<FlakyApi> {
  const api = await flakyApi(endpoints === undefined ? {} : { endpoints });
  running.push(api);
  return api;
}

async function call(api: FlakyApi, line: string, body?: unknown): Promise<{ status: number; body: unknown; headers: Headers }> {
  const [method = "", path = ""] = line.split(" ");
  const init = body === undefined ? { method } : { method, body: typeof body === "string" ? body : JSON.stringify(body) };
  const response = await fetch(api.url + path, init);
  const text = await response.text();
  return { status: response.status, body: text === "" ? undefined : (JSON.parse(text) as unknown), headers: response.headers };
}

describe("an endpoint's answer", () => {
  const answer = async (answer: AnswerScript, body: unknown = {}): Promise<{ status: number; body: unknown; headers: Headers }> =>
    call(await start({ "POST /leads/{id}": { answer } }), "POST /leads/l%201?page=3", body);

  it("by default is the fields of the request under an id of the ledger", async () => {
    const api = await start({ "POST /contacts": {}, "PUT /contacts/{id}": {} });
    expect(await call(api, "POST /contacts", { email: "a@b.c", id: "mine" })).toMatchObject({
      status: 201,
      body: { id: "1", email: "a@b.c" },
    });
    expect(await call(api, "PUT /contacts/1", { email: "x@y.z" })).toMatchObject({ status: 200, body: { id: "2", email: "x@y.z" } });
    expect((await call(api, "POST /contacts", "no JSON")).body).toEqual({ id: "3" });
  });

  it("echoes what the request said, values as values and texts within texts", async () => {
    const json = {
      whole: "{{body.person}}",
      part: "Dear {{body.person.name}}, number {{ledger.id}}",
      id: "{{path.id}}",
      page: "{{query.page}}",
      about: "{{subject}}",
      list: ["{{body.age}}", 1, null, true],
      missing: "{{body.nothing}}",
      gap: "<{{body.nothing}}>",
    };
    const { body } = await answer({ json }, { person: { name: "Ada" }, age: 36 });
    expect(body).toMatchObject({
      whole: { name: "Ada" },
      part: "Dear Ada, number 1",
      id: "l 1",
      page: "3",
      list: [36, 1, null, true],
      missing: null,
      gap: "<>",
    });
  });

  it("stays JSON whatever was sent", async () => {
    const nasty = '"}, {{body.x}} \\ \n \u2028';
    const { body } = await answer({ json: { echo: "{{body.text}}", within: "<{{body.text}}>" } }, { text: nasty });
    expect(body).toEqual({ echo: nasty, within: `<${nasty}>` });
  });

  it("echoes into headers what cannot end them", async () => {
    const { headers } = await answer({ headers: { location: "/leads/{{body.id}}" } }, { id: "1\r\nx-evil: yes" });
    expect(headers.get("location")).toBe("/leads/1  x-evil: yes");
    expect(headers.get("x-evil")).toBeNull();
  });

  it("may have no body", async () => {
    expect(await answer({ status: 204 })).toMatchObject({ status: 204, body: undefined });
  });

  it("cannot be made to reach a prototype", async () => {
    const { body } = await answer({ json: { a: "{{body.__proto__}}", b: "{{body.constructor.name}}" } }, '{"__proto__":{"polluted":true}}');
    expect(body).toEqual({ a: { polluted: true }, b: null });
    expect(({} as { polluted?: boolean }).polluted).toBeUndefined();
  });
});

describe("endpoints", () => {
  it("that the script does not have answer 404 and stand in the ledger under their own name", async () => {
    const api = await start({ "GET /contacts": {} });
    expect(await call(api, "GET /contcats")).toMatchObject({ status: 404, body: { error: { code: "NO_SUCH_ENDPOINT" } } });
    expect(await call(api, "POST /contacts", {})).toMatchObject({ status: 404 });
    expect(Object.keys(api.ledger.summary().endpoints)).toEqual(["GET /contcats", "POST /contacts"]);
    expect(api.ledger.subjects()).toEqual([]);
  });

  it("without a script are all there, and changing ones take effect", async () => {
    const api = await start(undefined);
    expect(await call(api, "GET /anything")).toMatchObject({ status: 200, body: { ok: true } });
    expect(await call(api, "POST /contacts", { a: 1 })).toMatchObject({ status: 201 });
    expect(api.ledger.effects("POST /contacts").size).toBe(1);
    expect(api.ledger.effects("GET /anything").size).toBe(0);
  });

  it("do not fill the ledger with the names of a scan", async () => {
    const api = await start({ "GET /contacts": {} });
    await Promise.all(Array.from({ length: 250 }, (_, index) => call(api, `GET /scan/${index}`)));
    const { endpoints, requests } = api.ledger.summary();
    expect(Object.keys(endpoints)).toHaveLength(201);
    expect([requests, endpoints["GET (other paths)"]?.requests]).toEqual([250, 50]);
  });

  it("with a fixed path come before templates, and templates in the order of the script", async () => {
    const name = (text: string) => ({ answer: { json: text } });
    const api = await start({ "* /*": name("any"), "GET /a/{id}": name("template"), "GET /a/me": name("fixed") });
    expect((await call(api, "GET /a/me")).body).toBe("fixed");
    expect((await call(api, "GET /a/you")).body).toBe("any");
  });

  it("say themselves whether they change something", async () => {
    const api = await start({ "POST /search": { effect: false }, "GET /unsubscribe/{id}": { effect: true, subject: "path.id" } });
    await call(api, "POST /search", {});
    await call(api, "GET /unsubscribe/7");
    expect(api.ledger.effects()).toEqual(new Map([["7", 1]]));
  });
});

describe("a lookup", () => {
  const crm: FlakyScript["endpoints"] = {
    "POST /contacts": {},
    "PATCH /contacts/{id}": { subject: "path.id" },
    "GET /contacts": { lookup: "contacts", by: "email" },
    "GET /contacts/{id}": { lookup: "contacts", by: "id" },
    "GET /all": { lookup: "contacts" },
    "POST /search": {
      lookup: "contacts",
      by: "address.city",
      from: "body.filters.0.value",
      answer: { json: { total: "{{lookup.count}}", results: "{{lookup.items}}", best: "{{lookup.first.email}}" } },
    },
  };
  const ADA = { email: "ada@example.com", address: { city: "London" } };
  const GRACE = { email: "grace@example.com", address: { city: "New York" } };

  it("finds what took effect, so that a caller can ask whether it happened", async () => {
    const api = await start(crm);
    const asked = "GET /contacts?email=ada%40example.com";
    expect((await call(api, asked)).body).toEqual({ items: [] });
    await call(api, "POST /contacts", GRACE);
    await call(api, "POST /contacts", ADA);
    expect((await call(api, asked)).body).toEqual({ items: [{ id: "2", ...ADA }] });
  });

  it("by a path parameter answers the one record, or 404", async () => {
    const api = await start(crm);
    await call(api, "POST /contacts", ADA);
    expect(await call(api, "GET /contacts/1")).toMatchObject({ status: 200, body: { id: "1", ...ADA } });
    expect(await call(api, "GET /contacts/2")).toMatchObject({ status: 404, body: { error: { code: "NOT_FOUND" } } });
  });

  it("reads deeper fields, takes the value from a body, and answers in the shape of the script", async () => {
    const api = await start(crm);
    for (const contact of [ADA, GRACE, { ...GRACE, email: "other@example.com" }]) await call(api, "POST /contacts", contact);
    const { body } = await call(api, "POST /search", { filters: [{ value: "New York" }] });
    expect(body).toMatchObject({ total: 2, best: "grace@example.com", results: [{ id: "2" }, { id: "3" }] });
    expect(api.ledger.summary().effects).toBe(3);
  });

  it("without a value lists everything, and changes of other methods are not in it", async () => {
    const api = await start(crm);
    await call(api, "POST /contacts", ADA);
    await call(api, "PATCH /contacts/1", { email: "new@example.com" });
    expect((await call(api, "GET /all")).body).toEqual({ items: [{ id: "1", ...ADA }] });
    expect((await call(api, "GET /contacts")).body).toEqual({ items: [{ id: "1", ...ADA }] });
  });

  it("finds a record under its new value after an update, and no longer under the old one", async () => {
    const api = await start({
      "PUT /contacts/{id}": { key: { natural: "path.id", repeat: "update" }, collection: "contacts" },
      "GET /contacts": { lookup: "contacts", by: "email" },
    });
    await call(api, "PUT /contacts/9", { email: "old@example.com" });
    expect((await call(api, "GET /contacts?email=old@example.com")).body).toEqual({ items: [{ id: "1", email: "old@example.com" }] });
    await call(api, "PUT /contacts/9", { email: "new@example.com" });
    expect((await call(api, "GET /contacts?email=old@example.com")).body).toEqual({ items: [] });
    expect((await call(api, "GET /contacts?email=new@example.com")).body).toEqual({ items: [{ id: "1", email: "new@example.com" }] });
    expect(api.ledger.effects()).toEqual(new Map([["9", 1]]));
  });
});
