/**
 * `holdfast/redis`: what processes tell each other of the lanes that they share, kept in Redis. The client is handed in. All of it
 * is soft state: where Redis is gone or forgets, limits are less exact, and no work is lost.
 */
import { createHash } from "node:crypto";
import { ConfigError } from "../../../core/errors.ts";
import type { CoordinatorFactory } from "../../../ports/coordinator.ts";
import type { LaneKey } from "../../../ports/operation-store.ts";
import { systemClock } from "../../clock/system.ts";
import { DatabaseTime } from "../../store/postgres/database-time.ts";
import { exchangeInRounds, type LaneChange } from "../../store/exchange-rounds.ts";

/** The part of `ioredis` that is used. */
export interface IoRedis {
  readonly status: string;
  eval(script: string, keyCount: number, ...keysAndArguments: string[]): Promise<unknown>;
}

/** The part of `redis` (node-redis) that is used. */
export interface NodeRedis {
  readonly isOpen: boolean;
  eval(script: string, options: { keys: string[]; arguments: string[] }): Promise<unknown>;
}

export interface RedisOptions {
  /**
   * What the names of keys begin with. What stands in braces keeps them in one slot of a cluster.
   *
   * @default "holdfast:{lanes}:"
   */
  readonly prefix?: string;
}

const DEFAULT_PREFIX = "holdfast:{lanes}:";

/**
 * Without arguments it reads; else it writes what has not changed since it was seen, three arguments a key: what was seen, what is to
 * stand there, and for how long. Answers the server's time and, key by key, what is there or whether it was written.
 */
const SCRIPT = `
local time = redis.call('TIME')
if #ARGV == 0 then return {time, redis.call('MGET', unpack(KEYS))} end
local written = {}
for index, key in ipairs(KEYS) do
  if (redis.call('GET', key) or '') == ARGV[3 * index - 2] then
    redis.call('SET', key, ARGV[3 * index - 1], 'PX', ARGV[3 * index])
    written[index] = 1
  else
    written[index] = 0
  end
end
return {time, written}`;

/** A lane whose breaker is not closed is remembered for so long after somebody had a word to say of it. */
const REMEMBERED_MS = 86_400_000;
/** What is idle is kept a little longer: clocks differ. */
const LONGER_MS = 1_000;

/**
 * Shares lanes through Redis, for processes that do not share a store, or whose store has other things to do. Takes a connected client of
 * `ioredis` or of `redis` (node-redis), and leaves it open.
 *
 * @example
 * ```ts no-run
 * import { Redis } from "ioredis";
 * import { createHoldfast } from "holdfast";
 * import { redis } from "holdfast/redis";
 *
 * const client = new Redis("redis://127.0.0.1:6379");
 * const hf = await createHoldfast({
 *   apis: { crm: { baseUrl: "https://api.example.com", rateLimit: { limit: 2, per: "1s", burst: 40 } } },
 *   coordinator: redis(client),
 * });
 * await hf.close();
 * client.disconnect();
 * ```
 */
export function redis(client: IoRedis | NodeRedis, options: RedisOptions = {}): CoordinatorFactory {
  const run = runnerOf(client);
  const stranger = Object.keys(options).find((name) => name !== "prefix");
  if (stranger !== undefined) {
    throw new ConfigError({ path: `redis.${stranger}`, message: `redis() has no option ${JSON.stringify(stranger)}; it has prefix` });
  }
  const { prefix = DEFAULT_PREFIX } = options;
  if (typeof prefix !== "string") throw new ConfigError({ path: "redis.prefix", message: `redis.prefix is a text, not ${typeof prefix}` });

  const read = async (names: readonly string[]): Promise<ReadonlyMap<string, string>> => {
    const [, found] = (await run(names, [])) as [unknown, (string | null)[]];
    return new Map(names.flatMap((name, index) => (typeof found[index] === "string" ? [[name, found[index]] as const] : [])));
  };
  const write = async (changes: readonly LaneChange[]): Promise<ReadonlySet<string>> => {
    const values = changes.flatMap(({ seen = "", state, idleInMs }) => [
      seen,
      state,
      String(Math.ceil(idleInMs === null ? REMEMBERED_MS : Math.max(0, idleInMs) + LONGER_MS)),
    ]);
    const [, written] = (await run(
      changes.map(({ name }) => name),
      values,
    )) as [unknown, number[]];
    return new Set(changes.filter((_change, index) => Number(written[index]) === 1).map(({ name }) => name));
  };
  const nameOf = ({ api, endpoint, partition }: LaneKey): string =>
    prefix +
    createHash("sha256")
      .update(JSON.stringify([api, endpoint, partition]))
      .digest("base64url");

  return async () => {
    const time = new DatabaseTime(systemClock, async () => {
      // A key that nobody writes: a script names its keys.
      const [[seconds, micros]] = (await run([`${prefix}time`], [])) as [[string, string]];
      return Number(seconds) * 1_000 + Number(micros) / 1_000;
    });
    const exchange = exchangeInRounds({ nameOf, read, write, time }, "Redis");
    // One after the other: exchanges of one process would only be in each other's way.
    let last: Promise<unknown> = Promise.resolve();
    return {
      exchange: (requests) => {
        const next = last
          .catch(() => {})
          .then(() => time.settled())
          .then(() => exchange(requests));
        last = next;
        return next;
      },
      // What is idle expires by itself.
      sweep: async () => 0,
    };
  };
}

/** Runs the script, whichever client it is. */
function runnerOf(client: IoRedis | NodeRedis): (keys: readonly string[], values: readonly string[]) => Promise<unknown> {
  const { status, isOpen } = client as Partial<IoRedis & NodeRedis>;
  if (typeof status === "string") return (keys, values) => (client as IoRedis).eval(SCRIPT, keys.length, ...keys, ...values);
  if (typeof isOpen === "boolean") {
    return (keys, values) => (client as NodeRedis).eval(SCRIPT, { keys: [...keys], arguments: [...values] });
  }
  throw new ConfigError({
    path: "redis.client",
    message: "redis() takes a client of ioredis (`new Redis(url)`) or of redis (`createClient({ url })`)",
  });
}
