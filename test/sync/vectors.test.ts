import { rmSync, mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Pool } from "pg";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { memory } from "../../src/adapters/store/memory/index.ts";
import { postgres } from "../../src/adapters/store/postgres/index.ts";
import { sqlite } from "../../src/adapters/store/sqlite/index.ts";
import type { StoreFactory } from "../../src/ports/store.ts";
import { emptySchema } from "../postgres/subject.ts";
import { testDatabase, type TestDatabase } from "../postgres/server.ts";
import { play, VECTORS } from "./vectors.ts";

let folder: string;
let database: TestDatabase;
let pool: Pool;
let files = 0;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "holdfast-sync-"));
  database = await testDatabase();
  pool = new Pool({ connectionString: database.url, max: 4 });
});

afterAll(async () => {
  await pool.end();
  await database.dispose();
  rmSync(folder, { recursive: true, force: true });
});

const STORES: Readonly<Record<string, () => Promise<StoreFactory>>> = {
  memory: async () => memory(),
  sqlite: async () => sqlite(join(folder, `${(files += 1)}.db`)),
  postgres: async () => {
    if (files > 0) await emptySchema(pool, "syncs").catch(() => undefined);
    return postgres(pool, { schema: "syncs" });
  },
};

describe.each(Object.keys(STORES))("test/vectors/watermark.json over %s", (name) => {
  it.each(VECTORS)("$name", async (vector) => {
    await expect(play(vector, await STORES[name]!())).resolves.toBeUndefined();
  });

  it("would be red where a vector says otherwise", async () => {
    const [first] = VECTORS;
    await expect(play({ ...first!, runs: [{ fail: ["b"], status: 200, after: 3 }] }, await STORES[name]!())).rejects.toThrow(
      /after|outcome/,
    );
  });
});
