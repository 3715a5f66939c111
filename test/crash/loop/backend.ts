import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Pool } from "pg";
import { postgres } from "../../../src/adapters/store/postgres/index.ts";
import { sqlite } from "../../../src/adapters/store/sqlite/index.ts";
import type { StoreFactory } from "../../../src/ports/store.ts";
import type { StoreAddress } from "./orders.ts";

/** A kind of store to crash workers over. */
export interface Backend {
  readonly name: "sqlite" | "postgres";
  /** A fresh, empty one. */
  create(): Promise<{ readonly address: StoreAddress; readonly dispose: () => Promise<void> }>;
  /** Lets go of what all of them shared. */
  end(): Promise<void>;
}

export const sqliteBackend: Backend = {
  name: "sqlite",
  async create() {
    const folder = mkdtempSync(join(tmpdir(), "holdfast-crash-"));
    return { address: `sqlite:${join(folder, "holdfast.db")}`, dispose: async () => rmSync(folder, { recursive: true, force: true }) };
  },
  async end() {},
};

/** Each has a schema of its own in one database. Which server that is, `test/postgres/server.ts` says. */
export const postgresBackend: Backend = (() => {
  let database: Promise<{ readonly url: string; readonly dispose: () => Promise<void> }> | undefined;
  let schemas = 0;
  return {
    name: "postgres",
    async create() {
      // Loaded by the driver of the loop alone: a worker process has no use for it.
      const { testDatabase } = await import("../../postgres/server.ts");
      const { url } = await (database ??= testDatabase());
      const schema = `crash_${(schemas += 1)}`;
      const dispose = async (): Promise<void> => {
        const pool = new Pool({ connectionString: url, max: 1 });
        await pool.query(`DROP SCHEMA IF EXISTS ${schema} CASCADE`);
        await pool.end();
      };
      return { address: `${url}#${schema}`, dispose };
    },
    async end() {
      await (await database)?.dispose();
      database = undefined;
    },
  };
})();

export const backends: readonly Backend[] = [sqliteBackend, postgresBackend];

export function openStore(address: StoreAddress): StoreFactory {
  if (address.startsWith("sqlite:")) return sqlite(address.slice("sqlite:".length));
  const [connectionString = "", schema = ""] = address.split("#");
  return async () => {
    const pool = new Pool({ connectionString, max: 4 });
    // A server that goes away is told by the next query.
    pool.on("error", () => undefined);
    const store = await postgres(pool, { schema })();
    return {
      ...store,
      close: async () => {
        await store.close();
        await pool.end();
      },
    };
  };
}
