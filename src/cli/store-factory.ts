import { statSync } from "node:fs";
import { dirname, resolve } from "node:path";
import type { Client, ClientConfig, Pool, PoolConfig } from "pg";
import { storeTarget, type StoreTarget } from "../api/store-url.ts";
import { ConfigError, NotFoundError } from "../core/errors.ts";
import type { Store, StoreFactory } from "../ports/store.ts";
import type { LoadedConfig } from "./config-file.ts";

/** The store of a config; a path in it is relative to the config's own folder. */
export function targetOf({ file, config }: LoadedConfig): StoreTarget {
  const target = storeTarget(config.store);
  return target.kind === "sqlite" ? { kind: "sqlite", path: resolve(dirname(file), target.path) } : target;
}

/** For people: never with a password. */
export function describeTarget(target: StoreTarget): string {
  switch (target.kind) {
    case "memory":
      return "memory:";
    case "sqlite":
      return target.path;
    case "postgres":
      return target.shown;
  }
}

/** What opens a store. A SQLite file is made where there is none. */
export async function storeFactory(target: StoreTarget): Promise<StoreFactory> {
  switch (target.kind) {
    case "memory": {
      const { memory } = await import("../adapters/store/memory/index.ts");
      return memory();
    }
    case "sqlite": {
      const { sqlite } = await import("../adapters/store/sqlite/index.ts");
      return sqlite(target.path);
    }
    case "postgres":
      return await postgresFactory(target);
  }
}

/** The store that a command is to work on: the one that was named, else the config's, else `holdfast.db`. It must be there. */
export async function chosenStore(named: string | undefined, loaded: LoadedConfig | undefined): Promise<StoreFactory> {
  if (named !== undefined || loaded === undefined) return await existing(namedTarget(named ?? "holdfast.db"));
  const target = targetOf(loaded);
  if (target.kind === "memory") {
    throw new ConfigError({
      path: "store",
      message: `the store of ${loaded.file} is "memory:", which ends with the process that fills it; name a store with --store, or a gateway that runs with --url`,
    });
  }
  return await existing(target);
}

/** `--store` takes a store's URL as the config does, or just the path of a SQLite file. */
export function namedTarget(named: string): StoreTarget {
  const isUrl = /^(?:sqlite:|postgres:|postgresql:|memory:)/.test(named);
  return isUrl ? storeTarget(named as "memory:", "--store") : { kind: "sqlite", path: named };
}

/** A store's file that must be there: a typo must not make an empty one that says all is well. */
async function existing(target: StoreTarget): Promise<StoreFactory> {
  if (target.kind === "sqlite") demandFile(target.path);
  return await storeFactory(target);
}

function demandFile(path: string): void {
  const stat = statSync(path, { throwIfNoEntry: false });
  if (stat?.isFile() === true && stat.size > 0) return;
  const what =
    stat === undefined
      ? "there is no store at"
      : stat.isFile()
        ? "there is only an empty file at"
        : "there is no file but something else at";
  throw new NotFoundError(`${what} ${path}; name the store's file with --store, or the config that names it with --config`);
}

/** Connections of one process: the store puts calls together, so a few carry many. */
const CONNECTIONS = 10;

async function postgresFactory({ url, schema }: Extract<StoreTarget, { kind: "postgres" }>): Promise<StoreFactory> {
  const [{ postgres }, pg] = await Promise.all([import("../adapters/store/postgres/index.ts"), loadPg()]);
  return async () => {
    const pool = new pg.Pool({ connectionString: url, max: CONNECTIONS, application_name: "holdfast" });
    // A connection that breaks while it rests is replaced by the pool; who uses one hears of it.
    pool.on("error", () => undefined);
    try {
      const store = await postgres(pool, {
        listen: () => new pg.Client({ connectionString: url }),
        ...(schema === undefined ? {} : { schema }),
      })();
      return { ...store, close: () => closeBoth(store, pool) };
    } catch (error) {
      await pool.end();
      throw error;
    }
  };
}

async function closeBoth(store: Store, pool: Pool): Promise<void> {
  try {
    await store.close();
  } finally {
    await pool.end();
  }
}

/** What is wanted of the driver. */
interface Driver {
  readonly Pool: new (config: PoolConfig) => Pool;
  readonly Client: new (config: ClientConfig) => Client;
}

/** The driver is the user's own: most have no need of it. */
async function loadPg(): Promise<Driver> {
  try {
    const { default: driver } = (await import("pg")) as unknown as { readonly default: Driver };
    return driver;
  } catch (cause) {
    if ((cause as { readonly code?: string }).code !== "ERR_MODULE_NOT_FOUND") throw cause;
    throw new ConfigError({
      path: "store",
      message: "the store is PostgreSQL, and its driver is not installed; install it beside holdfast: npm install pg",
      cause,
    });
  }
}
