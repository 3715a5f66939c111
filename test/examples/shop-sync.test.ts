import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { Pool } from "pg";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { shopSync } from "../../examples/shop-sync.ts";
import { testDatabase, type TestDatabase } from "../postgres/server.ts";

interface Entry {
  id: number;
  updated_at: string;
  email: string;
  total_cents: number;
}

/** Both APIs: a list by cursor and a count, behind a leaky bucket of 40 that lets 2 a second through. */
class Shop {
  readonly entries: Record<string, Entry[]> = { orders: entriesOf(120), subscriptions: entriesOf(30) };
  refusals = 0;
  requests = 0;
  /** Requests that are answered 503 in between. */
  bad = new Set<number>();
  #level = 0;
  #at = performance.now();

  readonly server: Server = createServer((request, response) => {
    const url = new URL(request.url ?? "/", "http://shop.test");
    const name = url.pathname.includes("orders") ? "orders" : "subscriptions";
    this.requests += 1;
    const now = performance.now();
    this.#level = Math.max(0, this.#level - ((now - this.#at) / 1000) * 2) + 1;
    this.#at = now;
    if (this.#level > 40) {
      this.refusals += 1;
      response.writeHead(429, { "retry-after": "2" }).end();
    } else if (this.bad.has(this.requests)) response.writeHead(503).end();
    else response.setHeader("content-type", "application/json").end(JSON.stringify(this.#answer(name, url)));
  });

  #answer(name: string, { pathname, searchParams }: URL): object {
    const all = this.entries[name] ?? [];
    if (pathname.endsWith("/count")) return { count: all.length };
    const from = searchParams.get("updated_at_min") ?? "";
    const found = all
      .filter((entry) => entry.updated_at >= from)
      .toSorted((a, b) => (a.updated_at < b.updated_at ? -1 : a.updated_at > b.updated_at ? 1 : a.id - b.id));
    const start = Number(searchParams.get("cursor") ?? 0);
    const next = start + Number(searchParams.get("limit"));
    return { [name]: found.slice(start, next), next_cursor: next < found.length ? next : null };
  }
}

function entriesOf(count: number): Entry[] {
  return Array.from({ length: count }, (_, id) => ({
    id,
    updated_at: new Date(Date.UTC(2026, 0, 1, 0, 0, Math.floor(id / 4))).toISOString(),
    email: id === 77 ? "not an address" : `buyer-${id}@example.com`,
    total_cents: id * 100,
  }));
}

let database: TestDatabase;
let shop: Shop;
let url: string;

beforeAll(async () => {
  database = await testDatabase();
  shop = new Shop();
  await new Promise<void>((resolve) => shop.server.listen(0, "127.0.0.1", resolve));
  url = `http://127.0.0.1:${(shop.server.address() as AddressInfo).port}`;
});

afterAll(async () => {
  shop.server.closeAllConnections();
  await new Promise((resolve) => shop.server.close(resolve));
  await database.dispose();
});

// The tests of this file tell one story and run in its order.
describe("examples/shop-sync.ts", () => {
  const run = (): ReturnType<typeof shopSync> => shopSync({ databaseUrl: database.url, shopUrl: url, rechargeUrl: url });

  it("writes both sources, through a 503; a row that the table refuses makes it 207, and both sides do not agree", async () => {
    shop.bad = new Set([2]);
    expect(await run()).toEqual({
      statuses: { orders: 207, subscriptions: 200 },
      counts: { orders: { there: 120, here: 119 }, subscriptions: { there: 30, here: 30 } },
    });
  });

  it("takes up at it when it is mended, with what has changed since, and stays within their bucket", async () => {
    const mended = shop.entries["orders"]?.find(({ id }) => id === 77) as Entry;
    mended.email = "buyer-77@example.com";
    const changed = shop.entries["orders"]?.find(({ id }) => id === 3) as Entry;
    Object.assign(changed, { updated_at: new Date(Date.UTC(2026, 0, 2)).toISOString(), total_cents: 1 });
    expect(await run()).toEqual({
      statuses: { orders: 200, subscriptions: 200 },
      counts: { orders: { there: 120, here: 120 }, subscriptions: { there: 30, here: 30 } },
    });
    const pool = new Pool({ connectionString: database.url, max: 1 });
    const { rows } = await pool.query("SELECT total_cents FROM orders WHERE id = 3");
    await pool.end();
    expect(rows).toEqual([{ total_cents: 1 }]);
    expect(shop.refusals).toBe(0);
  });
});
