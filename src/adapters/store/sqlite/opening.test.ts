import { execFileSync } from "node:child_process";
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { beginRequest, letter } from "../../../testing/store-conformance/samples.ts";
import { openWriter } from "./connection.ts";
import { checkVersion } from "./identity.ts";
import { sqlite } from "./index.ts";
import { pragma, requirePragma } from "./pragma.ts";

let folder: string;
let path: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "holdfast-sqlite-"));
  path = join(folder, "holdfast.db");
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** A closed store with a few hundred letters in it, some pages long. */
async function filledStore(): Promise<void> {
  const store = await sqlite(path)();
  await store.deadLetters.add(Array.from({ length: 300 }, (_, index) => letter(index)));
  await store.close();
}

function modeOf(file: string): string {
  return (statSync(file).mode & 0o777).toString(8);
}

describe("a SQLite store's file", () => {
  it("is for its owner alone, and so are its log and its index", async () => {
    const store = await sqlite(path)();
    await store.idempotency.begin([beginRequest()]);
    expect([path, `${path}-wal`, `${path}-shm`].map(modeOf)).toEqual(["600", "600", "600"]);
    await store.close();
  });

  it("loses rights that others had", async () => {
    await filledStore();
    chmodSync(path, 0o644);
    const store = await sqlite(path)();
    await store.idempotency.begin([beginRequest()]);
    expect([path, `${path}-wal`].map(modeOf)).toEqual(["600", "600"]);
    await store.close();
  });

  it("is whole without its log once the store is closed", async () => {
    await filledStore();
    expect(existsSync(`${path}-wal`)).toBe(false);
  });

  it("commits durably, and says so when it would not", async () => {
    const db = openWriter({ path, busyTimeoutMs: 1_000 });
    expect([pragma(db, "journal_mode"), pragma(db, "synchronous")]).toEqual(["wal", 2]);
    db.exec("PRAGMA synchronous = NORMAL");
    expect(() => requirePragma(path, db, "synchronous", 2)).toThrow(/synchronous reads back as 1 and not 2/);
    db.close();
  });
});

describe("a file that is not a sound store is refused, and left as it is", () => {
  const refusals: Readonly<Record<string, { readonly make: () => void | Promise<void>; readonly message: RegExp }>> = {
    "a text file": { make: () => writeFileSync(path, "not a database\n".repeat(500)), message: /the file is not a database/ },
    "a folder": { make: () => mkdirSync(path), message: /it is not a regular file/ },
    "another program's database": {
      make: () => {
        const db = new DatabaseSync(path);
        db.exec("CREATE TABLE theirs (id INTEGER PRIMARY KEY); INSERT INTO theirs DEFAULT VALUES");
        db.close();
      },
      message: /an SQLite database of another program/,
    },
    "a file from a newer release": {
      make: async () => {
        await filledStore();
        const db = new DatabaseSync(path);
        db.exec("PRAGMA user_version = 9999");
        db.close();
      },
      message: /its schema is version 9999 and this release of holdfast knows \d+; update holdfast/,
    },
    "a file that was cut off": {
      make: async () => {
        await filledStore();
        truncateSync(path, Math.floor(statSync(path).size / 2 / 4_096) * 4_096);
      },
      message: /the file is damaged/,
    },
    "a file with a page of noise": {
      make: async () => {
        await filledStore();
        const bytes = readFileSync(path);
        bytes.fill(0xa5, 4_096 * 20, 4_096 * 22);
        writeFileSync(path, bytes);
      },
      message: /the file is damaged/,
    },
    "a file whose header is gone": {
      make: async () => {
        await filledStore();
        const bytes = readFileSync(path);
        bytes.fill(0, 0, 100);
        writeFileSync(path, bytes);
      },
      message: /the file is not a database/,
    },
    "an empty file beside a log that is not": {
      make: async () => {
        const store = await sqlite(path)();
        await store.deadLetters.add([letter(1)]);
        copyFileSync(`${path}-wal`, `${path}-saved`);
        await store.close();
        truncateSync(path, 0);
        copyFileSync(`${path}-saved`, `${path}-wal`);
      },
      message: /the file is empty but its log \(-wal\) is not/,
    },
  };

  it.each(Object.entries(refusals))("%s", async (_what, { make, message }) => {
    await make();
    const bytes = (): Buffer => (statSync(path).isFile() ? readFileSync(path) : Buffer.alloc(0));
    const before = bytes();
    await expect(sqlite(path)()).rejects.toMatchObject({ code: "store", message: expect.stringMatching(message) as string });
    await expect(sqlite(path)()).rejects.toThrow(path);
    expect(bytes().equals(before)).toBe(true);
  });

  it("a folder that does not exist", async () => {
    await expect(sqlite(join(folder, "none", "holdfast.db"))()).rejects.toThrow(/the directory .*none does not exist; create it first/);
  });
});

describe("sqlite()", () => {
  it("refuses a SQLite with the WAL-reset bug", () => {
    for (const version of ["3.51.3", "3.51.10", "3.52.0", "4.0"]) expect(() => checkVersion(path, version)).not.toThrow();
    for (const version of ["3.51.2", "3.50.9", "3.9.99", "2.99.99"]) {
      expect(() => checkVersion(path, version)).toThrow(/carries SQLite .* and 3.51.3 is the first that is safe here; update Node.js/);
    }
  });

  it("refuses options that it does not have, and values that make no sense, when it is called", () => {
    expect(() => sqlite(path, { busyTimout: "1s" } as never)).toThrow(
      /sqlite\(\) has no option "busyTimout"; it has busyTimeout, groupSize/,
    );
    expect(() => sqlite(path, { busyTimeout: "soon" as never })).toThrow(/sqlite.busyTimeout/);
    expect(() => sqlite(path, { groupSize: 0 })).toThrow(/sqlite.groupSize/);
    for (const odd of ["", ":memory:", "file:x.db"]) expect(() => sqlite(odd)).toThrow(/use memory\(\)/);
  });

  it("makes one new file for four that open it at once", async () => {
    const stores = await Promise.all([1, 2, 3, 4].map(() => sqlite(path)()));
    const results = await Promise.all(stores.map(({ idempotency }, index) => idempotency.begin([beginRequest({ token: `t${index}` })])));
    expect(results.flat().filter(({ state }) => state === "claimed")).toHaveLength(1);
    for (const store of stores) await store.close();
  });

  it("lets the process end while nobody waits for it, and keeps it alive while somebody does", () => {
    const module = JSON.stringify(new URL("./index.ts", import.meta.url).href);
    const source = `
      import { sqlite } from ${module};
      const store = await sqlite(${JSON.stringify(path)})();
      const request = { key: "k", fingerprint: "f", token: "t", now: 1, leaseUntil: 2 };
      store.idempotency.begin([request]).then(([{ state }]) => console.log(state));
    `;
    expect(execFileSync(process.execPath, ["--input-type=module", "--eval", source], { encoding: "utf8", timeout: 9_000 })).toBe(
      "claimed\n",
    );
  });
});
