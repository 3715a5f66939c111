import { execFileSync } from "node:child_process";
import { copyFileSync, mkdtempSync, rmSync, statSync, truncateSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { sqlite } from "../../src/adapters/store/sqlite/index.ts";
import { seededRandom } from "../../src/testing/seeded-random.ts";
import { answer, beginRequest, letter, utf8 } from "../../src/testing/store-conformance/samples.ts";
import { startChild } from "./children.ts";

let folder: string;
let path: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "holdfast-crash-"));
  path = join(folder, "holdfast.db");
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** Opens the file as the next process would and holds it to what was said. */
async function expectKept(said: readonly string[]): Promise<void> {
  const store = await sqlite(path)();
  expect((await store.check()).faults).toEqual([]);
  const keys = said.filter((line) => /^(?:begun|finished) /.test(line)).map((line) => line.split(" ") as [string, string]);
  const found = await store.idempotency.begin(keys.map(([, key]) => beginRequest({ key, token: "after the crash" })));
  const stateOf = new Map(keys.map(([, key], index) => [key, found[index]]));
  // What was begun is running or done, never forgotten; what was finished is done, whole.
  expect([...stateOf].filter(([, result]) => result?.state !== "running" && result?.state !== "done")).toEqual([]);
  const finished = keys.filter(([what]) => what === "finished").map(([, key]) => key);
  expect(finished.map((key) => stateOf.get(key))).toEqual(
    finished.map((key) => ({ state: "done", answer: answer({ body: utf8(key.repeat(50)) }) })),
  );
  const kept = said.filter((line) => line.startsWith("kept")).map((line) => Number(line.split(" ")[1]));
  const ids = kept.flatMap((number) => [0, 1, 2].map((part) => letter(number * 3 + part).id));
  expect((await store.deadLetters.list({ ids }, { limit: 10_000 })).items).toHaveLength(ids.length);
  // Calls that were under way are there as a whole or not at all: letters come in threes, each with its two attempts.
  const letters = await store.deadLetters.list({}, { limit: 10_000 });
  expect(letters.items.length % 3).toBe(0);
  expect(letters.items.every(({ attempts }) => attempts.length === 2)).toBe(true);
  await store.close();
}

describe("a process killed in mid-write", () => {
  it("leaves everything that was acknowledged, and nothing half", { timeout: 60_000 }, async () => {
    const all: string[] = [];
    for (let round = 1; round <= 4; round += 1) {
      const child = await startChild(path, `round-${round}`, 20);
      child.go();
      await child.said(200 * round);
      child.process.kill("SIGKILL");
      await child.exited;
      all.push(...child.lines.slice(-600));
      await expectKept(child.lines.slice(-600));
    }
    expect(all.filter((line) => line.startsWith("finished")).length).toBeGreaterThan(300);
    expect(all.some((line) => line.startsWith("kept"))).toBe(true);
  });
});

describe("a log that is cut at any byte, as power loss can cut it", () => {
  it("opens, and holds a prefix of what was written", { timeout: 60_000 }, async () => {
    const store = await sqlite(path)();
    const ends: number[] = [];
    for (let number = 0; number < 40; number += 1) {
      await store.deadLetters.add([letter(number)]);
      ends.push(statSync(`${path}-wal`).size);
    }
    const copy = join(folder, "copy.db");
    for (const suffix of ["", "-wal"]) execFileSync("cp", [`${path}${suffix}`, `${copy}${suffix}`]);
    await store.close();

    const random = seededRandom(7);
    const cuts = [0, 31, 32, ...Array.from({ length: 6 }, () => Math.floor(random() * (ends.at(-1) ?? 0)))];
    for (const cut of cuts) {
      for (const suffix of ["", "-wal"]) copyFileSync(`${copy}${suffix}`, `${path}${suffix}`);
      truncateSync(`${path}-wal`, cut);
      const kept = ends.filter((end) => end <= cut).length;
      const reopened = await sqlite(path)();
      const { items } = await reopened.deadLetters.list({}, { limit: 100 });
      expect(
        items.map(({ id }) => id),
        `cut at ${cut}`,
      ).toEqual(Array.from({ length: kept }, (_, index) => letter(kept - 1 - index).id));
      await reopened.close();
    }
  });
});
