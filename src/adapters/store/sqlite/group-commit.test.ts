import { DatabaseSync } from "node:sqlite";
import { describe, expect, it } from "vitest";
import { FatalError, groupCommit } from "./group-commit.ts";
import type { Answer, Call } from "./protocol.ts";

function table(): DatabaseSync {
  const db = new DatabaseSync(":memory:");
  db.exec("CREATE TABLE word (text TEXT PRIMARY KEY) STRICT");
  return db;
}

/** Calls that each insert the words they are given. */
function call(id: number, ...words: readonly string[]): Call {
  return { id, weight: words.length, task: { port: "words", verb: "insert", args: words } };
}

function commitTo(db: DatabaseSync, connection: DatabaseSync = db): (calls: readonly Call[]) => Answer[] {
  const insert = db.prepare("INSERT INTO word VALUES (?)");
  return groupCommit(connection, {
    path: "words.db",
    busyTimeoutMs: 5,
    perform: ({ task, weight }) => {
      for (const word of "args" in task ? task.args : []) insert.run(word as string);
      return weight;
    },
  });
}

function words(db: DatabaseSync): string[] {
  return db
    .prepare("SELECT text FROM word ORDER BY text")
    .all()
    .map(({ text }) => text as string);
}

/** The connection, with a COMMIT that fails as a disk does. */
function failingCommit(db: DatabaseSync, errcode: number): DatabaseSync {
  return {
    prepare: (sql: string) =>
      sql === "COMMIT"
        ? {
            run: () => {
              throw Object.assign(new Error("disk I/O error"), { code: "ERR_SQLITE_ERROR", errcode });
            },
          }
        : db.prepare(sql),
    exec: (sql: string) => db.exec(sql),
    get isTransaction() {
      return db.isTransaction;
    },
  } as unknown as DatabaseSync;
}

describe("a group of calls", () => {
  it("is one transaction, answered in order", () => {
    const db = table();
    expect(commitTo(db)([call(7, "a", "b"), call(8, "c")])).toEqual([
      { id: 7, result: 2 },
      { id: 8, result: 1 },
    ]);
    expect(words(db)).toEqual(["a", "b", "c"]);
  });

  it("loses only the call that fails, and of that call everything", () => {
    const db = table();
    const answers = commitTo(db)([call(1, "a"), call(2, "b", "a"), call(3, "c")]);
    expect(answers.map(({ id, fault }) => [id, fault?.message])).toEqual([
      [1, undefined],
      [2, "UNIQUE constraint failed: word.text"],
      [3, undefined],
    ]);
    expect(words(db)).toEqual(["a", "c"]);
  });

  it("is fatal when COMMIT reports an I/O error, whatever else it could mean", () => {
    for (const errcode of [10, 1_034, 13, 1]) {
      const db = table();
      const commit = commitTo(db, failingCommit(db, errcode));
      expect(() => commit([call(1, "a"), call(2, "b")])).toThrow(FatalError);
    }
  });

  it("is fatal when the file can grow no more, and says so", () => {
    const db = table();
    db.exec("PRAGMA max_page_count = 4");
    const commit = commitTo(db);
    expect(() => commit(Array.from({ length: 100 }, (_, index) => call(index, `${index}`.repeat(2_000))))).toThrow(
      /the SQLite store words.db cannot be written any more: the disk is full .*open the store again/,
    );
  });
});
