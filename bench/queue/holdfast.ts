import { Client, Pool } from "pg";
import { postgres } from "../../src/adapters/store/postgres/index.ts";
import { sqlite } from "../../src/adapters/store/sqlite/index.ts";
import { createHoldfast } from "../../src/client/holdfast.ts";
import { CALLERS, CONCURRENCY, CONNECTIONS, PAYLOAD, type Contender } from "./contender.ts";

const LANE = { api: "crm", endpoint: "POST /contacts", partition: "" } as const;

/** What a transport that does nothing answers: without a body it can be given any number of times. */
const DONE = new Response(null, { status: 204 });

/**
 * Holdfast over the store at an address: the whole of it, with a breaker, a retry budget, an attempt history and an answer kept
 * for each operation. The transport does nothing, unless `baseUrl` says where to call.
 */
export async function openHoldfast(address: string, baseUrl?: string): Promise<Contender> {
  const pool = address.startsWith("postgres") ? new Pool({ connectionString: address, max: CONNECTIONS }) : undefined;
  const hf = await createHoldfast({
    apis: { crm: { baseUrl: baseUrl ?? "https://api.example.com", durability: "none" } },
    store: pool === undefined ? sqlite(address) : postgres(pool, { listen: () => new Client({ connectionString: address }) }),
    // Real calls: as many at once as those of the callers that it is compared with.
    worker: { concurrency: 2 * CONCURRENCY, laneConcurrency: baseUrl === undefined ? CONCURRENCY : CALLERS },
    ...(baseUrl === undefined && { transport: async () => DONE }),
  });
  // A process that enqueues works as well; the others do not before they are told to.
  await hf.operations.pause(LANE);
  const fetch = hf.fetch("crm");
  const enqueue = (): Promise<unknown> => hf.enqueue(LANE.api, LANE.endpoint, { json: PAYLOAD });
  return {
    enqueue,
    // Who is called at the same time is written at the same time: there is no other verb for many.
    bulk: (count) => Promise.all(Array.from({ length: count }, enqueue)),
    call: () => fetch("/contacts", { method: "POST", body: JSON.stringify(PAYLOAD), headers: { "content-type": "application/json" } }),
    work: async (done) => {
      hf.on("operation:settled", ({ state }) => {
        if (state !== "succeeded") throw new Error(`an operation of the bench ended as ${state}`);
        done(1);
      });
      await hf.operations.resume(LANE);
      hf.work();
    },
    close: async () => {
      await hf.close();
      await pool?.end();
    },
  };
}
