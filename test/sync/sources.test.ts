import { DatabaseSync } from "node:sqlite";
import { Pool } from "pg";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { memory } from "../../src/adapters/store/memory/index.ts";
import { createHoldfast, type Holdfast } from "../../src/client/holdfast.ts";
import { defineSync, type SyncOptions } from "../../src/durable/sync/definition.ts";
import { httpSink } from "../../src/durable/sync/http-sink.ts";
import { httpSource, type HttpPaging } from "../../src/durable/sync/http-source.ts";
import { sqlSource } from "../../src/durable/sync/sql-source.ts";
import type { SyncResult } from "../../src/durable/sync/report.ts";
import { lasting } from "./world.ts";
import { testDatabase, type TestDatabase } from "../postgres/server.ts";

interface Order {
  readonly id: number;
  readonly at: number;
}

const ORDERS: readonly Order[] = Array.from({ length: 11 }, (_, id) => ({ id, at: Math.floor(id / 3) + 1 }));

/** An API of orders, answered in this process. */
class Shop {
  orders: Order[] = [...ORDERS];
  readonly asked: string[] = [];
  /** Told after each page. */
  onPage: () => void = () => {};

  readonly transport = async (url: string): Promise<Response> => {
    const { pathname, searchParams, origin } = new URL(url);
    this.asked.push(`${pathname}?${searchParams.toString()}`);
    const from = Number(searchParams.get("from") ?? 0);
    const after = Number(searchParams.get("after") ?? -1);
    const page = Number(searchParams.get("page") ?? 1);
    const found = this.orders.filter((order) => order.at >= from).toSorted((a, b) => a.at - b.at || a.id - b.id);
    const start = searchParams.has("page") ? (page - 1) * 3 : after + 1;
    const shown = found.slice(start, start + 3);
    const next = start + 3 < found.length ? start + 2 : undefined;
    this.onPage();
    return Response.json(
      { orders: shown, paging: { next: next === undefined ? null : String(next) } },
      next === undefined
        ? {}
        : { headers: { link: `<${origin}${pathname}?from=${from}&after=${next}>; rel="next", <${origin}/>; rel="first"` } },
    );
  };
}

const PAGINGS: Readonly<Record<string, HttpPaging<Order>>> = {
  cursor: { type: "cursor", param: "after", next: "paging.next" },
  link: { type: "link" },
  page: { type: "page", param: "page", cursor: ({ at, id }) => [at, id] },
};

function shopSync(paging: HttpPaging<Order>, written: Order[]): ReturnType<typeof defineSync> {
  return defineSync<Order>({
    name: "orders",
    source: httpSource<Order>({
      api: "shop",
      path: "/orders",
      query: ({ from }) => ({ from: from as number | undefined }),
      items: "orders",
      paging,
    }),
    cursor: ({ at, id }) => [at, id],
    ceiling: () => 4,
    sink: (batch) => void written.push(...batch.map(({ record }) => record)),
  });
}

describe("an HTTP source", () => {
  it.each(Object.entries(PAGINGS))("in pages by %s gives everything once, and in the next run only what is new", async (_, paging) => {
    const shop = new Shop();
    const store = lasting();
    const run = async (): Promise<readonly Order[]> => {
      const hf = await createHoldfast({
        apis: { shop: { baseUrl: "https://shop.test" } },
        store: store.factory,
        transport: shop.transport,
      });
      const written: Order[] = [];
      const result = await hf.sync(shopSync(paging, written)).run();
      expect(result).toMatchObject({ outcome: "complete", watermark: { after: 4 } });
      return written;
    };
    expect((await run()).map(({ id }) => id)).toEqual(ORDERS.map(({ id }) => id));
    shop.orders.push({ id: 99, at: 4 });
    expect((await run()).map(({ id }) => id)).toEqual([99]);
  });

  it("by number loses no order where one that was read moves to the end meanwhile", async () => {
    const shop = new Shop();
    let pages = 0;
    shop.onPage = () => {
      pages += 1;
      // What stood on the first page has changed: all behind it move up by one.
      if (pages === 1) shop.orders = shop.orders.map((order) => (order.id === 1 ? { id: 1, at: 4 } : order));
    };
    const hf = await createHoldfast({ apis: { shop: { baseUrl: "https://shop.test" } }, transport: shop.transport });
    const written: Order[] = [];
    expect((await hf.sync(shopSync(PAGINGS["page"]!, written)).run()).outcome).toBe("complete");
    expect(new Set(written.map(({ id }) => id))).toEqual(new Set(ORDERS.map(({ id }) => id)));
  });

  it("that answers with an error, with no list, or with a page twice fails the run and says why", async () => {
    const cases: readonly [answer: () => Response, message: RegExp][] = [
      [() => new Response(null, { status: 404 }), /GET \/orders of shop was answered 404/],
      [() => Response.json({}), /no list at orders/],
      [() => Response.json({ orders: [], paging: { next: "1" } }), /does not come to an end/],
    ];
    for (const [answer, message] of cases) {
      const hf = await createHoldfast({ apis: { shop: { baseUrl: "https://shop.test" } }, transport: async () => answer() });
      expect(await hf.sync(shopSync(PAGINGS["cursor"]!, [])).run()).toMatchObject({
        outcome: "failed",
        error: { message: expect.stringMatching(message) as string },
      });
    }
  });

  it.each([
    ["httpSource.api", { api: "" }],
    ["httpSource.paging.type", { paging: { type: "none" } }],
    ["httpSource.paging.cursor", { paging: { type: "page", param: "page" } }],
    ["httpSource.paging.param", { paging: { type: "cursor", next: "x" } }],
    ["httpSource.query", { query: undefined, paging: PAGINGS["page"] }],
    ["httpSource.limit", { limit: 3 }],
  ])("%s that makes no sense is refused", (path, wrong) => {
    const options = { api: "shop", path: "/orders", query: () => ({}), paging: { type: "link" }, ...wrong };
    expect(() => httpSource(options as never)).toThrow(expect.objectContaining({ code: "config", path }));
  });
});

describe("an HTTP sink", () => {
  it("reads the answer record by record, by the API's own rules, in any order", async () => {
    const bodies: unknown[] = [];
    const hf = await createHoldfast({
      apis: {
        crm: {
          baseUrl: "https://crm.test",
          classify: [{ id: "taken", when: { status: 400, body: "DUPLICATE" }, then: "duplicate", because: "it is there" }],
        },
      },
      transport: async (_, init) => {
        bodies.push(JSON.parse(init.body as string));
        return Response.json(
          {
            results: [
              { key: "2", code: 422, error: "INVALID" },
              { key: "1", code: 400, error: "DUPLICATE" },
              { key: "0", code: 201 },
            ],
          },
          { status: 207 },
        );
      },
    });
    const sync = defineSync<Order>({
      name: "orders",
      source: () => ORDERS.slice(0, 3),
      cursor: ({ at, id }) => [at, id],
      sink: httpSink<Order>({
        api: "crm",
        endpoint: "POST /batch",
        body: (batch) => ({ inputs: batch.map(({ record }) => record) }),
        answers: (body) =>
          (body as { results: { key: string; code: number; error?: string }[] }).results.map(({ key, code, error }) => ({
            id: key,
            status: code,
            body: error,
          })),
      }),
    });
    expect(await hf.sync(sync).run()).toMatchObject({ outcome: "partial", done: 2, records: [{ id: "2", rule: "status:422" }] });
    expect(bodies).toHaveLength(1);
  });

  it("an answer that refuses the whole batch is every record's, and is not sent again above the engine's own retries", async () => {
    let sent = 0;
    const hf = await createHoldfast({
      apis: { crm: { baseUrl: "https://crm.test", repeatable: true, retry: { maxAttempts: 2, backoff: { base: "1ms" } } } },
      transport: async () => ((sent += 1), new Response(null, { status: 503 })),
    });
    const sink = httpSink<Order>({ api: "crm", endpoint: "POST /batch", body: () => ({}) });
    const sync = defineSync<Order>({ name: "orders", source: () => ORDERS.slice(0, 3), cursor: ({ at, id }) => [at, id], sink });
    expect(await hf.sync(sync).run()).toMatchObject({ failed: 3, records: [{ rule: "status:503" }, {}, {}] });
    expect(sent).toBe(2);
  });
});

describe("a SQL source over SQLite", () => {
  it.each(["number", "text"] as const)("by a %s gives every row once, over ties and pages", async (type) => {
    const db = new DatabaseSync(":memory:");
    db.exec(`CREATE TABLE "the orders" (id INTEGER PRIMARY KEY, at ${type === "text" ? "TEXT" : "INTEGER"}, state TEXT)`);
    const insert = db.prepare(`INSERT INTO "the orders" VALUES (?, ?, ?)`);
    for (const { id, at } of ORDERS) insert.run(id, type === "text" ? `t${at}` : at, id === 4 ? "draft" : "open");
    const written: unknown[] = [];
    const store = lasting();
    const run = async (): Promise<SyncResult> => {
      const hf = await createHoldfast({ apis: {}, store: store.factory });
      const source = sqlSource<Order>({
        dialect: "sqlite",
        query: (text, values) => db.prepare(text).all(...values),
        table: "the orders",
        where: "state <> 'draft'",
        cursor: { column: "at", type },
        id: "id",
        pageSize: 2,
      });
      return await hf
        .sync(defineSync<Order>({ name: "orders", source, sink: (batch) => void written.push(...batch.map(({ record }) => record.id)) }))
        .run();
    };
    expect(await run()).toMatchObject({ outcome: "complete", watermark: { after: type === "text" ? "t4" : 4 } });
    const expected = ORDERS.map(({ id }) => id).filter((id) => id !== 4);
    expect(written).toEqual(expected);
    insert.run(50, type === "text" ? "t4" : 4, "open");
    await run();
    expect(written).toEqual([...expected, 50]);
    db.close();
  });

  it.each([
    ["sqlSource.dialect", { dialect: "mysql" }],
    ["sqlSource.cursor.type", { cursor: { column: "at", type: "date" } }],
    ["sqlSource.cursor.type", { dialect: "sqlite", cursor: { column: "at", type: "time" } }],
    ["sqlSource.id", { id: "" }],
    ["sqlSource.pageSize", { pageSize: 0 }],
    ["sqlSource.order", { order: "at" }],
  ])("%s that makes no sense is refused", (path, wrong) => {
    const options = { query: () => [], table: "orders", cursor: { column: "at", type: "number" }, id: "id", ...wrong };
    expect(() => sqlSource(options as never)).toThrow(expect.objectContaining({ code: "config", path }));
  });
});

describe("a SQL source over PostgreSQL", () => {
  let database: TestDatabase;
  let pool: Pool;
  let tables = 0;

  beforeAll(async () => {
    database = await testDatabase();
    pool = new Pool({ connectionString: database.url, max: 4 });
  });

  afterAll(async () => {
    await pool.end();
    await database.dispose();
  });

  interface Table {
    readonly name: string;
    readonly written: string[];
    run(options?: Partial<SyncOptions<{ id: string }>>): Promise<SyncResult>;
  }

  async function table(): Promise<Table> {
    const name = `orders_${(tables += 1)}`;
    await pool.query(`CREATE TABLE ${name} (id text PRIMARY KEY, updated_at timestamptz NOT NULL DEFAULT now())`);
    const written: string[] = [];
    const store = lasting(memory());
    return {
      name,
      written,
      async run(options = {}) {
        const hf: Holdfast = await createHoldfast({ apis: {}, store: store.factory });
        const source = sqlSource<{ id: string }>({
          query: (text, values) => pool.query(text, [...values]),
          table: `public.${name}`,
          cursor: { column: "updated_at", type: "time" },
          id: "id",
          pageSize: 3,
        });
        const sync = defineSync<{ id: string }>({
          name,
          source,
          sink: (batch) => void written.push(...batch.map(({ id }) => id)),
          ...options,
        });
        return await hf.sync(sync).run();
      },
    };
  }

  it("rows of one millisecond and of one microsecond, over the edges of pages: each once", async () => {
    const { name, written, run } = await table();
    const times = [
      "00:00:00.123456",
      "00:00:00.123456",
      "00:00:00.123456",
      "00:00:00.123456",
      "00:00:00.123457",
      "00:00:00.123999",
      "00:00:01",
    ];
    for (const [index, time] of times.entries())
      await pool.query(`INSERT INTO ${name} VALUES ($1, $2)`, [`r${index}`, `2026-01-01 ${time}+00`]);
    expect(await run()).toMatchObject({ outcome: "complete", watermark: { after: "2026-01-01T00:00:01.000Z" } });
    expect(written).toEqual(times.map((_, index) => `r${index}`));
    // Changed again within the same millisecond.
    await pool.query(`UPDATE ${name} SET updated_at = '2026-01-01 00:00:01.000001+00' WHERE id = 'r6'`);
    await run();
    await run();
    expect(written.slice(times.length)).toEqual(["r6"]);
  });

  it.each([
    { lookback: "1m", found: true },
    { lookback: 0, found: false },
  ] as const)(
    "two transactions, the earlier one committing last: with a lookback of $lookback its row is found: $found",
    async ({ lookback, found }) => {
      const { name, written, run } = await table();
      const early = await pool.connect();
      try {
        // now() is the time at which a transaction began.
        await early.query("BEGIN");
        await early.query(`INSERT INTO ${name} (id) VALUES ('early')`);
        await pool.query(`INSERT INTO ${name} (id) VALUES ('late')`);
        await run({ lookback });
        expect(written).toEqual(["late"]);
        await early.query("COMMIT");
      } finally {
        early.release();
      }
      await run({ lookback });
      expect(written).toEqual(found ? ["late", "early"] : ["late"]);
      await run({ lookback });
      expect(written).toHaveLength(found ? 2 : 1);
    },
  );
});

describe("the endpoint of a sync", () => {
  const sink: SyncOptions<Order>["sink"] = (batch) => batch.map(({ id }) => ({ id, ...(id === "2" ? { status: 422 } : {}) }));

  async function handler(options: Partial<SyncOptions<Order>>, secret?: string): Promise<(request: Request) => Promise<Response>> {
    const hf = await createHoldfast({ apis: {} });
    const sync = defineSync<Order>({
      name: "orders",
      source: () => ORDERS,
      cursor: ({ at, id }) => [at, id],
      sink: () => undefined,
      ...options,
    });
    return hf.sync(sync).handler(secret === undefined ? {} : { secret });
  }

  const GET = (headers: Record<string, string> = {}): Request => new Request("https://app.test/cron/orders", { headers });

  it("answers 200, 207 and 500 with the report, and 409 with when to come again", async () => {
    const complete = await (await handler({}))(GET());
    expect([complete.status, await complete.json()]).toEqual([
      200,
      expect.objectContaining({
        run: expect.any(String),
        read: 11,
        done: 11,
        failed: 0,
        parked: 0,
        records: [],
        watermark: { before: null, after: 4, advanced: true, blockedBy: [] },
      }),
    ]);
    const partial = await (await handler({ sink, maxAttempts: 1 }))(GET());
    expect([partial.status, await partial.json()]).toEqual([
      207,
      expect.objectContaining({ failed: 1, records: [expect.objectContaining({ id: "2", state: "failed" })] }),
    ]);
    const failing = await handler({
      source: () => {
        throw new Error("no such table");
      },
    });
    const failed = await failing(GET());
    expect([failed.status, await failed.json()]).toEqual([
      500,
      expect.objectContaining({ error: { code: "source", message: "no such table" } }),
    ]);

    const goOn = Promise.withResolvers<undefined>();
    const slow = await handler({ sink: async () => await goOn.promise });
    const first = slow(new Request("https://app.test/", { method: "POST" }));
    const second = await slow(GET());
    expect([second.status, Number(second.headers.get("retry-after"))]).toEqual([409, expect.any(Number)]);
    expect(await second.json()).toMatchObject({ outcome: "running", run: expect.any(String) as string });
    goOn.resolve(undefined);
    expect((await first).status).toBe(200);
  });

  it("wants its secret, where it has one, and no other method", async () => {
    const guarded = await handler({}, "hunter2");
    expect((await guarded(GET())).status).toBe(401);
    expect((await guarded(GET({ authorization: "Bearer hunter3" }))).status).toBe(401);
    expect((await guarded(GET({ authorization: "Bearer hunter2" }))).status).toBe(200);
    const put = await guarded(new Request("https://app.test/", { method: "PUT" }));
    expect([put.status, put.headers.get("allow")]).toEqual([405, "GET, POST"]);
  });
});
