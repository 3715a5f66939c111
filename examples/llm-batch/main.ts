/**
 * A report of 12 blocks, each written by a language model, then put together: a pipeline over blocks, under the profile `llm`.
 *
 * The model has a bad day: it is overloaded, throttles, and loses an answer. Nobody here retries anything; what a block cost is paid
 * once, because what it gave is kept. Run it where holdfast is installed: `node main.ts`. With a file for the store it can be killed
 * and started again: `node main.ts report.db`.
 */
import { createHoldfast, defineApi, definePipeline } from "holdfast";
import { sqlite } from "holdfast/sqlite";
import { flakyApi } from "holdfast/testing";

/** What stands in for the provider. */
const model = await flakyApi({
  endpoints: {
    "POST /v1/completions": {
      effect: false,
      subject: "body.block",
      answer: { json: { text: "Block {{body.block}}: all is well.", tokens: 40 } },
    },
  },
  rules: [
    { name: "overloaded", when: { nth: { from: 3, to: 5 } }, then: { status: 529 } },
    { name: "throttled", when: { nth: 8 }, then: { status: 429, headers: { "retry-after-ms": "50" } } },
    { name: "answer lost", when: { nth: 11 }, then: { reset: "after" } },
  ],
});

const [file] = process.argv.slice(2);
const hf = await createHoldfast({
  // Only the waits are shorter than a provider would want.
  apis: {
    llm: defineApi({ baseUrl: model.url, profile: "llm", concurrency: 4, retry: { backoff: { base: "20ms" } }, retryBudget: false }),
  },
  ...(file === undefined ? {} : { store: sqlite(file) }),
});

const block = definePipeline("block", { subject: (number: number) => `block-${number}`, labels: (number) => ({ block: String(number) }) })
  .step("write", {
    api: "llm",
    request: ({ input }) => ({ endpoint: "POST /v1/completions", json: { block: input, prompt: `Write block ${input}.` } }),
    result: async (response) => (await response.json()) as { readonly text: string; readonly tokens: number },
  })
  .step("check", {
    effects: "read",
    run: ({ results }) => {
      if (results.write.text === "") throw new Error("the block is empty");
      return results.write.text.length;
    },
  });

const numbers = Array.from({ length: 12 }, (_, index) => index + 1);
const report = await hf.pipeline(block).runAll(numbers, { concurrency: 4 });
const texts: string[] = [];
for (const number of numbers) {
  const end = await hf.pipeline(block).run(number);
  if (end.state === "succeeded") texts.push(end.results.write.text);
}
console.log(texts.join("\n"));
console.log(`${report.succeeded} of 12 blocks, ${model.ledger.summary().endpoints["POST /v1/completions"]?.requests ?? 0} requests`);
await hf.close();
await model.close();
process.exitCode = texts.length === 12 ? 0 : 1;
