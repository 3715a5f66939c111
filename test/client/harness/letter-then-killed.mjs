// A process that keeps one dead letter, and is killed before anybody could be told of it.
import { createHoldfast } from "../../../src/index.ts";
import { sqlite } from "../../../src/adapters/store/sqlite/index.ts";

const [file, url] = process.argv.slice(2);
const hf = await createHoldfast({
  store: sqlite(file),
  apis: { crm: { baseUrl: "http://crm.test", retry: { maxAttempts: 1 } } },
  deadLetters: { webhook: { url } },
  transport: async () => Response.json({}, { status: 422 }),
});
hf.on("dead-letter:added", () => process.kill(process.pid, "SIGKILL"));
await hf.fetch("crm")("/contacts", { method: "POST", body: "{}" });
