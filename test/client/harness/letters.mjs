// Another process over the same file: tells what letters it finds, and replays them.
import { createHoldfast } from "../../../src/index.ts";
import { sqlite } from "../../../src/adapters/store/sqlite/index.ts";

const [file, baseUrl] = process.argv.slice(2);
const hf = await createHoldfast({
  store: sqlite(file),
  apis: { api: { baseUrl, retry: { maxAttempts: 1 }, auth: { type: "bearer", token: { env: "HOLDFAST_TEST_TOKEN" } } } },
});
const { items } = await hf.deadLetters.list();
const report = await hf.deadLetters.replay({ filter: {} });
await hf.close();
console.log(JSON.stringify({ letters: items.map(({ request, ...letter }) => ({ ...letter, url: request?.url })), report }));
