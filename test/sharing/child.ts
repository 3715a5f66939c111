/**
 * A process that makes so many calls of one API, as quickly as its share of the rate limit lets it. Arguments: the store's
 * address or "memory", the API's URL, how many calls, and the coordinator: "store", or "redis URL PREFIX".
 */
import { Redis } from "ioredis";
import { redis } from "../../src/adapters/coordinator/redis/index.ts";
import { createHoldfast } from "../../src/client/holdfast.ts";
import { openStore } from "../crash/loop/backend.ts";
import { RATE } from "./rate.ts";

const [store = "", baseUrl = "", count = "0", coordinator = ""] = process.argv.slice(2);
const [kind, url = "", prefix = ""] = coordinator.split(" ");

const client = kind === "redis" ? new Redis(url) : undefined;
const hf = await createHoldfast({
  ...(store !== "memory" && { store: openStore(store) }),
  coordinator: client === undefined ? "store" : redis(client, { prefix }),
  apis: { crm: { baseUrl, rateLimit: RATE, maxWait: "1m", timeout: { total: "1m" } } },
});
// The first request of a process takes long, and what is measured here is when requests come in.
await fetch(`${baseUrl}/warm-up`);
const statuses = await Promise.all(
  Array.from({ length: Number(count) }, async (_, index) => {
    const response = await hf.fetch("crm")("/contacts", { method: "POST", body: JSON.stringify({ id: `${process.pid}-${index}` }) });
    return response.status;
  }),
);
process.stdout.write(JSON.stringify(statuses));
await hf.close();
client?.disconnect();
