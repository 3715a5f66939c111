/**
 * A process that writes to a SQLite store until it is killed, once it is told to go on stdin, and says on stdout what was
 * acknowledged, each line as soon as it knows. Arguments: path, a name for its tokens and keys, number of callers, number of keys to share with other children
 * (0: all keys are its own), and how many rounds each caller makes or "endless".
 */
import { once } from "node:events";
import { sqlite } from "../../src/adapters/store/sqlite/index.ts";
import { answer, beginRequest, letter, T0, utf8 } from "../../src/testing/store-conformance/samples.ts";

const [path = "", name = "", callers = "1", shared = "0", rounds = "endless"] = process.argv.slice(2);

const store = await sqlite(path)();
const say = (...words: readonly (string | number)[]): void => void process.stdout.write(`${words.join(" ")}\n`);
const last = rounds === "endless" ? Infinity : Number(rounds);
let made = 0;
let slowest = 0;

async function caller(): Promise<void> {
  for (let round = 0; round < last; round += 1) {
    const number = (made += 1);
    const key = Number(shared) > 0 ? `shared-${number}` : `${name}-${number}`;
    const token = `${name}-token-${number}`;
    const started = performance.now();
    const [begun] = await store.idempotency.begin([beginRequest({ key, token })]);
    slowest = Math.max(slowest, performance.now() - started);
    say("begun", key, begun?.state ?? "");
    if (begun?.state !== "claimed") continue;
    await store.idempotency.finish([
      { key, token, now: T0, state: "done", expiresAt: T0 + 1e9, answer: answer({ body: utf8(key.repeat(50)) }) },
    ]);
    say("finished", key);
    if (number % 10 === 0) {
      // Three letters in one call: all of them or none.
      await store.deadLetters.add([0, 1, 2].map((part) => letter(number * 3 + part, { labels: { child: name, part: String(part) } })));
      say("kept", number);
    }
  }
}

say("ready");
await once(process.stdin, "data");
process.stdin.unref();
await Promise.all(Array.from({ length: Number(callers) }, caller));
await store.close();
say("slowest", Math.round(slowest));
