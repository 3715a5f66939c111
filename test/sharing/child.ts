/**
 * A process that makes so many calls of one API, as quickly as its share of the rate limit lets it. Arguments: the store's
 * address, the API's URL, how many calls.
 */
import { createHoldfast } from "../../src/client/holdfast.ts";
import { openStore } from "../crash/loop/backend.ts";
import { RATE } from "./rate.ts";

const [store = "", baseUrl = "", count = "0"] = process.argv.slice(2);

const hf = await createHoldfast({
  store: openStore(store),
  coordinator: "store",
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
