import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { sqlite } from "../../src/adapters/store/sqlite/index.ts";
import { bytes, letter } from "../../src/testing/store-conformance/samples.ts";

const folder = mkdtempSync(join(tmpdir(), "holdfast-full-"));
const disk = join(folder, "disk");
mkdirSync(disk);

/** A disk of 2 MiB, where this process may mount one. `group-commit.test.ts` fills a file everywhere. */
function mountSmallDisk(): boolean {
  try {
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=2m", "tmpfs", disk], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}

const mounted = mountSmallDisk();

describe("a full disk", () => {
  it.skipIf(!mounted)("fails every waiting call with one clear error, and everything after it, until it is opened again", async () => {
    const path = join(disk, "holdfast.db");
    try {
      const store = await sqlite(path)();
      const kept: number[] = [];
      const refused: unknown[] = [];
      const body = bytes(50_000);
      const request = { method: "POST", url: "https://api.example.com/", headers: [], body };
      await Promise.all(
        Array.from({ length: 100 }, (_, number) =>
          store.deadLetters.add([letter(number, { request })]).then(
            () => kept.push(number),
            (error: unknown) => refused.push(error),
          ),
        ),
      );
      for (let number = 100; refused.length === 0; number += 1) {
        await store.deadLetters.add([letter(number, { request })]).then(
          () => kept.push(number),
          (error: unknown) => refused.push(error),
        );
      }
      const message = expect.stringMatching(
        /the SQLite store .* cannot be written any more: the disk is full .*Nothing that was waiting is acknowledged.*open the store again/,
      ) as string;
      for (const error of refused) expect(error).toMatchObject({ code: "store", message });
      await expect(store.idempotency.sweep(0, 1)).rejects.toMatchObject({ code: "store", message });
      await store.close();

      // Room again: what was acknowledged is there, whole, and the store works.
      execFileSync("mount", ["-o", "remount,size=64m", disk]);
      const reopened = await sqlite(path)();
      expect((await reopened.check()).faults).toEqual([]);
      for (const number of kept) {
        const found = await reopened.deadLetters.get(letter(number).id);
        expect(Buffer.from(found?.request?.body ?? []).equals(body), `letter ${number}`).toBe(true);
      }
      await reopened.deadLetters.add([letter(100_000, { request })]);
      await reopened.close();
    } finally {
      execFileSync("umount", [disk]);
      rmSync(folder, { recursive: true, force: true });
    }
  });

  it.skipIf(!mounted)("is refused with a clear error when there is no room even for a new file", async () => {
    mkdirSync(disk, { recursive: true });
    expect(mountSmallDisk()).toBe(true);
    try {
      try {
        for (let number = 0; ; number += 1) writeFileSync(join(disk, `filler-${number}`), bytes(64 * 1024));
      } catch {
        // Full.
      }
      await expect(sqlite(join(disk, "holdfast.db"))()).rejects.toMatchObject({
        code: "store",
        message: expect.stringMatching(/cannot open the SQLite store .*holdfast.db: .*(the disk is full|an I\/O error)/) as string,
      });
    } finally {
      execFileSync("umount", [disk]);
      rmSync(folder, { recursive: true, force: true });
    }
  });
});
