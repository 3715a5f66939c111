/**
 * Orders from a Shopify-like API and subscriptions from a Recharge-like one, into PostgreSQL, as a cron job does it.
 *
 *     DATABASE_URL=postgres://… SHOP_URL=https://… RECHARGE_URL=https://… node examples/shop-sync.ts
 *
 * Two sources with a leaky bucket of 2 requests a second and a burst of 40 each. What a run could not write it says, ends 207, and
 * the next run takes up there. At the end both sides are counted against each other.
 */
import { Pool } from "pg";
import { createHoldfast, defineApi, defineSync, httpSource, type Holdfast, type SyncDefinition, type SyncSink } from "holdfast";
import { postgres } from "holdfast/postgres";

/** A row as both APIs give it. */
interface Entry {
  readonly id: number;
  readonly updated_at: string;
  readonly email: string;
  readonly total_cents: number;
}

interface Kind {
  /** Of the API, of the table, and of the sync. */
  readonly name: "orders" | "subscriptions";
  readonly api: "shop" | "recharge";
  readonly path: string;
}

const KINDS: readonly Kind[] = [
  { name: "orders", api: "shop", path: "/orders.json" },
  { name: "subscriptions", api: "recharge", path: "/subscriptions" },
];

export interface ShopSyncOptions {
  readonly databaseUrl: string;
  readonly shopUrl: string;
  readonly rechargeUrl: string;
  readonly log?: (line: string) => void;
}

export interface ShopSyncReport {
  /** The status of each run: 200 complete, 207 partial, 409 running, 500 failed. */
  readonly statuses: Readonly<Record<Kind["name"], number>>;
  /** What the other side has, and what the table has. */
  readonly counts: Readonly<Record<Kind["name"], { readonly there: number; readonly here: number }>>;
}

/** One run of the job. */
export async function shopSync({ databaseUrl, shopUrl, rechargeUrl, log = () => {} }: ShopSyncOptions): Promise<ShopSyncReport> {
  const pool = new Pool({ connectionString: databaseUrl, max: 4 });
  const leaky = { profile: "billing", rateLimit: { limit: 2, per: "1s", burst: 40 } } as const;
  const hf = await createHoldfast({
    store: postgres(pool),
    apis: { shop: defineApi({ baseUrl: shopUrl, ...leaky }), recharge: defineApi({ baseUrl: rechargeUrl, ...leaky }) },
  });
  try {
    const statuses: Record<string, number> = {};
    const counts: Record<string, { there: number; here: number }> = {};
    for (const kind of KINDS) {
      await pool.query(`CREATE TABLE IF NOT EXISTS ${kind.name} (
        id bigint PRIMARY KEY, email text NOT NULL CHECK (email LIKE '%@%'), total_cents integer NOT NULL, updated_at timestamptz NOT NULL)`);
      const result = await hf.sync(syncOf(kind, pool)).run();
      statuses[kind.name] = result.status;
      log(
        `${kind.name}: ${result.outcome}${result.outcome === "running" ? "" : `, ${result.done} written, ${result.failed} failed, watermark ${result.watermark.after}`}`,
      );
      if (result.outcome !== "running") for (const { id, because } of result.records) log(`  ${kind.name} ${id}: ${because}`);
      counts[kind.name] = await reconcile(kind, hf, pool);
      const { there, here } = counts[kind.name] as { there: number; here: number };
      log(there === here ? `  both sides have ${here}` : `  they have ${there}, we have ${here}`);
    }
    return { statuses, counts } as ShopSyncReport;
  } finally {
    await hf.close();
    await pool.end();
  }
}

function syncOf({ name, api, path }: Kind, pool: Pool): SyncDefinition {
  return defineSync<Entry>({
    name,
    source: httpSource<Entry>({
      api,
      path,
      query: ({ from }) => ({
        limit: 50,
        sort_by: "updated_at-asc",
        updated_at_min: from instanceof Date ? from.toISOString() : undefined,
      }),
      items: name,
      paging: { type: "cursor", param: "cursor", next: "next_cursor" },
    }),
    // A Date, since times as texts do not always sort as times do.
    cursor: (entry) => [new Date(entry.updated_at), entry.id],
    sink: intoTable(name, pool),
    batchSize: 50,
    // Longer than their longest transaction: what they commit late is found all the same.
    lookback: "5m",
  });
}

/** An upsert of each row that lets no older version overwrite a newer one. Where one is refused, the others are written. */
function intoTable(table: string, pool: Pool): SyncSink<Entry> {
  return async (batch) =>
    await Promise.all(
      batch.map(async ({ id, record }) => {
        try {
          await pool.query(
            `INSERT INTO ${table} (id, email, total_cents, updated_at) VALUES ($1, $2, $3, $4) ON CONFLICT (id) DO UPDATE
               SET email = excluded.email, total_cents = excluded.total_cents, updated_at = excluded.updated_at
             WHERE ${table}.updated_at <= excluded.updated_at`,
            [record.id, record.email, record.total_cents, record.updated_at],
          );
          return { id };
        } catch (error) {
          // 23…: the row breaks a rule of the table, and always will. All else may pass.
          const code = (error as { readonly code?: string }).code ?? "";
          return code.startsWith("23") ? { id, status: 422, body: code } : { id, error };
        }
      }),
    );
}

/** Counts both sides. */
async function reconcile({ name, api, path }: Kind, hf: Holdfast, pool: Pool): Promise<{ there: number; here: number }> {
  const response = await hf.fetch(api)(`${path.replace(/\.json$/, "")}/count`);
  const { count: there } = (await response.json()) as { readonly count: number };
  const { rows } = await pool.query<{ count: string }>(`SELECT count(*) FROM ${name}`);
  return { there, here: Number(rows[0]?.count ?? 0) };
}

if (import.meta.main) {
  const { DATABASE_URL, SHOP_URL, RECHARGE_URL } = process.env;
  if (DATABASE_URL === undefined || SHOP_URL === undefined || RECHARGE_URL === undefined) {
    console.error("set DATABASE_URL, SHOP_URL and RECHARGE_URL");
    process.exitCode = 2;
  } else {
    const { statuses } = await shopSync({ databaseUrl: DATABASE_URL, shopUrl: SHOP_URL, rechargeUrl: RECHARGE_URL, log: console.log });
    if (Object.values(statuses).some((status) => status !== 200)) process.exitCode = 1;
  }
}
