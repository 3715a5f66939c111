import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { sqlite } from "../../src/adapters/store/sqlite/index.ts";
import { beginRequest } from "../../src/testing/store-conformance/samples.ts";
import { startChild } from "./children.ts";

let folder: string;
let path: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "holdfast-processes-"));
  path = join(folder, "holdfast.db");
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe("two processes on one file", () => {
  it("give each key to one of them, and neither waits for long", { timeout: 60_000 }, async () => {
    const children = await Promise.all(["a", "b"].map((name) => startChild(path, name, 20, 1, 60)));
    for (const child of children) child.go();
    await Promise.all(children.map(({ exited }) => exited));
    const said = children.map(({ lines }) => lines);
    const claimed = said.flat().filter((line) => /^begun shared-\d+ claimed$/.test(line));
    expect(claimed).toHaveLength(1_200);
    expect(new Set(claimed).size).toBe(1_200);
    expect(said.every((lines) => lines.some((line) => line.endsWith(" claimed")))).toBe(true);
    const slowest = said.map((lines) => Number(lines.at(-1)?.split(" ")[1]));
    expect(Math.max(...slowest)).toBeLessThan(2_000);
  });

  it("wait as long as they are told for one that holds the lock, then say so; the store lives on", async () => {
    const store = await sqlite(path, { busyTimeout: "200ms" })();
    const neighbour = new DatabaseSync(path);
    neighbour.exec("BEGIN IMMEDIATE");
    await expect(store.idempotency.begin([beginRequest()])).rejects.toMatchObject({
      code: "store",
      message: expect.stringMatching(
        /another process held the write lock of .* for more than 200 ms \(option busyTimeout\); nothing was written/,
      ) as string,
    });
    neighbour.exec("COMMIT");
    neighbour.close();
    expect(await store.idempotency.begin([beginRequest()])).toEqual([{ state: "claimed", earlier: "none" }]);
    await store.close();
  });
});
