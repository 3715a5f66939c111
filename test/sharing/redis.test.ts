import { createServer } from "node:net";
import { Redis } from "ioredis";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { systemClock } from "../../src/adapters/clock/system.ts";
import { redis, type NodeRedis } from "../../src/adapters/coordinator/redis/index.ts";
import { memory } from "../../src/adapters/store/memory/index.ts";
import { createHoldfast } from "../../src/client/holdfast.ts";
import type { Coordinator } from "../../src/ports/coordinator.ts";
import { coordinatorRules } from "../../src/testing/store-conformance/coordinator-rules.ts";
import type { It } from "../../src/testing/store-conformance.ts";
import { suite } from "../../src/testing/store-conformance/suite.ts";
import { flakyApi } from "../../src/testing/flaky-api/flaky-api.ts";
import { rateExcess } from "../../src/testing/rate-excess.ts";
import { startCalling } from "./calling.ts";
import { RATE } from "./rate.ts";

/** On the server at 127.0.0.1:6379, or the one that `HOLDFAST_TEST_REDIS` names; each test under keys of its own. */
const URL = process.env["HOLDFAST_TEST_REDIS"] ?? "redis://127.0.0.1:6379";

const probe = new Redis(URL, { lazyConnect: true, retryStrategy: () => null });
probe.on("error", () => {});
const isThere = await probe.connect().then(
  () => true,
  () => false,
);
probe.disconnect();
if (!isThere && (process.env["CI"] === "true" || process.env["HOLDFAST_TEST_REDIS"] !== undefined))
  throw new Error(`no Redis answers at ${URL}`);

let prefixes = 0;
const prefix = (): string => `holdfast-test:{${process.pid}-${systemClock.now()}-${(prefixes += 1)}}:`;

/** The rules bring their own assertions. */
const register: It = it;

describe.skipIf(!isThere)("lanes shared through Redis", () => {
  let client: Redis;
  beforeAll(() => {
    client = new Redis(URL);
  });
  afterAll(() => client.disconnect());

  const nodeRedis = (): NodeRedis => ({
    isOpen: true,
    eval: (script, { keys, arguments: values }) => client.eval(script, keys.length, ...keys, ...values),
  });
  const kinds = [
    ["ioredis", (): Redis => client],
    ["the shape of node-redis", nodeRedis],
  ] as const;
  for (const [name, make] of kinds) {
    describe(`with ${name}`, () => {
      coordinatorRules(
        suite({
          name: "redis",
          create: () => {
            const open = redis(make(), { prefix: prefix() });
            return { open: async () => ({ ...(await memory()()), coordinator: await open() }) };
          },
          capabilities: { coordinator: true, shared: true },
          describe,
          // Redis forgets by itself, in real time; the test below sees it do so.
          it: (rule, body) => {
            if (!rule.startsWith("an idle lane is forgotten")) register(rule, body);
          },
        }),
      );
    });
  }

  it("expire when there is nothing left to know, and not while a breaker is open", async () => {
    const under = prefix();
    const coordinator = (await redis(client, { prefix: under })()) as Coordinator;
    const lane = {
      api: "crm",
      endpoint: "POST /",
      partition: "",
      now: systemClock.now(),
      rates: [{ limit: 1, perMs: 1_000, burst: 10 }],
      unused: 0,
    };
    await coordinator.exchange([{ ...lane, want: 4 }]);
    const [key] = await client.keys(`${under}*`);
    const ttl = await client.pttl(key as string);
    expect(ttl).toBeGreaterThan(3_500);
    expect(ttl).toBeLessThanOrEqual(5_100);
    await coordinator.exchange([
      { ...lane, want: 0, breaker: { revision: 0, to: { state: "open", until: lane.now + 1_000, reopened: 0 } } },
    ]);
    expect(await client.pttl(key as string)).toBeGreaterThan(3_600_000);
    await client.del(key as string);
  });

  it("give two processes one limit, by the other side's own ledger", async () => {
    const api = await flakyApi({ endpoints: { "POST /contacts": { subject: "body.id" } } });
    const coordinator = `redis ${URL} ${prefix()}`;
    try {
      const statuses = await Promise.all([
        startCalling("memory", api.url, 14, coordinator),
        startCalling("memory", api.url, 14, coordinator),
      ]);
      expect(statuses.flat()).toEqual(Array.from({ length: 28 }, () => 201));
      expect(
        rateExcess(
          api.ledger.requests("POST /contacts").map(({ at }) => at),
          RATE,
        ),
      ).toBeLessThanOrEqual(0);
    } finally {
      await api.close();
    }
  });

  it("go on by themselves when Redis is gone", async () => {
    // Takes connections and never answers.
    const silent = createServer(() => {});
    await new Promise<void>((resolve) => silent.listen(0, "127.0.0.1", resolve));
    const { port } = silent.address() as { readonly port: number };
    const lost = new Redis(port, "127.0.0.1", { enableReadyCheck: false });
    lost.on("error", () => {});
    const hf = await createHoldfast({
      apis: { crm: { baseUrl: "https://crm.test", rateLimit: { limit: 100, burst: 100 }, maxWait: "5s" } },
      coordinator: redis(lost),
      transport: async () => Response.json({}),
    });
    const answers = await Promise.all(Array.from({ length: 20 }, () => hf.fetch("crm")("/contacts")));
    expect(answers.every(({ status }) => status === 200)).toBe(true);
    lost.disconnect();
    await hf.close({ grace: 0 });
    silent.close();
  });
});

describe("redis()", () => {
  it("refuses what is no client, and options that it has not", () => {
    expect(() => redis({} as never)).toThrow(expect.objectContaining({ code: "config", path: "redis.client" }) as Error);
    expect(() => redis({ status: "ready", eval: async () => [] }, { ttl: 1 } as never)).toThrow(
      expect.objectContaining({ code: "config", path: "redis.ttl" }) as Error,
    );
  });
});
