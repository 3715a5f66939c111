/** `hf.fetch` in process, over HTTP on loopback, beside the `fetch` that Node has. */
import { fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import { undici } from "../../src/adapters/transport/undici/index.ts";
import { createHoldfast } from "../../src/index.ts";
import { compare, type Suite } from "../figure.ts";
import { cpuTime, race } from "../harness.ts";

export const suite: Suite = {
  about: "hf.fetch over undici with breaker, limit, budget and metrics on, beside the built-in fetch",
  async run(quick) {
    const upstream = fork(fileURLToPath(new URL("../gateway/upstream.ts", import.meta.url)));
    const port = await new Promise((resolve) => upstream.once("message", resolve));
    const baseUrl = `http://127.0.0.1:${String(port)}`;
    const transport = undici();
    const hf = await createHoldfast({
      metrics: true,
      transport,
      apis: {
        crm: {
          baseUrl,
          retry: { maxAttempts: 4 },
          timeout: { attempt: "30s", total: "2m" },
          rateLimit: [{ limit: 1e9, burst: 1e9 }],
          breaker: { failureRate: 0.5 },
          retryBudget: { ratio: 0.2, minPerSecond: 1 },
        },
      },
    });
    const crm = hf.fetch("crm");
    const url = `${baseUrl}/v1/contacts`;
    const headers = { accept: "application/json", authorization: "Bearer sk-0123456789abcdef" };
    const readings = await race(
      [
        { name: "hf.fetch", call: async () => (await crm(url, { headers })).json() },
        { name: "built-in fetch", call: async () => (await fetch(url, { headers })).json() },
      ],
      cpuTime,
      quick ? { rounds: 3, calls: 10 } : { rounds: 20, calls: 500 },
    );
    await hf.close();
    await transport.close();
    upstream.kill();
    return compare(
      readings,
      { name: "hf.fetch: 1 kB of JSON read", ours: "hf.fetch", unit: cpuTime.unit },
      { "built-in fetch": { aim: 1 } },
    );
  },
};
