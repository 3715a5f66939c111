import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, it } from "vitest";

const CHILD = fileURLToPath(new URL("./faulty-disk-child.ts", import.meta.url));
const SHIM = fileURLToPath(new URL("./faulty-disk.c", import.meta.url));

const folder = mkdtempSync(join(tmpdir(), "holdfast-faulty-"));
const library = join(folder, "faulty-disk.so");
const compiled =
  process.platform === "linux" &&
  spawnSync("cc", ["-shared", "-fPIC", "-O1", "-o", library, SHIM, "-ldl"], { stdio: "ignore" }).status === 0;

afterAll(() => rmSync(folder, { recursive: true, force: true }));

interface Told {
  readonly kept: readonly number[];
  readonly refused: readonly { readonly number: number; readonly code: string; readonly message: string }[];
  readonly faults: readonly string[];
  readonly found: readonly number[];
  readonly halves: readonly number[];
  readonly works: boolean;
}

describe.skipIf(!compiled)("a disk that fails on a commit", () => {
  it.each([
    ["sync EIO", /I\/O error/],
    ["write EIO", /I\/O error/],
    ["write ENOSPC", /disk is full|I\/O error/],
  ])("(%s) fails every call with one clear error, keeps no half of anything, and works again when it is mended", (fault, cause) => {
    const name = fault.replace(" ", "-");
    const said = execFileSync(process.execPath, [CHILD, join(folder, `${name}.db`), join(folder, name), fault], {
      encoding: "utf8",
      env: { ...process.env, LD_PRELOAD: library, HOLDFAST_FAULTY_DISK: join(folder, name) },
    });
    const { kept, refused, faults, found, halves, works } = JSON.parse(said) as Told;
    expect(kept).toEqual(Array.from({ length: 20 }, (_, number) => number));
    expect(refused.map(({ number }) => number).sort((a, b) => a - b)).toEqual([20, 21, 22, 23, 24, 25]);
    for (const { code, message } of refused) {
      expect(code).toBe("store");
      expect(message).toMatch(/cannot be written any more/);
      expect(message).toMatch(cause);
    }
    expect(faults).toEqual([]);
    expect(halves).toEqual([]);
    // What was acknowledged is there. What was refused may be: its commit had been written when it could not be made durable.
    expect(found.filter((number) => number < 20)).toEqual(kept);
    expect(found).not.toContain(25);
    expect(works).toBe(true);
  });
});
