/**
 * The baseline: a durable queue with nothing in it but SQLite and group commit, on the main thread. No lanes, leases, history,
 * fencing or keys; as little as can be called a queue whose writes survive a crash. What the store makes of the same machine
 * is measured against it.
 */
import { DatabaseSync } from "node:sqlite";
import { PAYLOAD, type Contender } from "./contender.ts";

const BATCH = 50;
const LOOPS = 2;

export async function openSketch(path: string): Promise<Contender> {
  const db = new DatabaseSync(path);
  db.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 4000; PRAGMA cache_size = -32000");
  db.exec(`CREATE TABLE body (id INTEGER PRIMARY KEY, body BLOB); CREATE TABLE ready (id INTEGER PRIMARY KEY);
           CREATE TABLE leased (id INTEGER PRIMARY KEY); CREATE TABLE done (id INTEGER PRIMARY KEY)`);
  const insertBody = db.prepare("INSERT INTO body (body) VALUES (?)");
  const insertReady = db.prepare("INSERT INTO ready VALUES (?)");
  const pick = db.prepare("SELECT id FROM ready ORDER BY id LIMIT ? + 0");
  const deleteReady = db.prepare("DELETE FROM ready WHERE id = ?");
  const insertLeased = db.prepare("INSERT INTO leased VALUES (?)");
  const deleteLeased = db.prepare("DELETE FROM leased WHERE id = ?");
  const insertDone = db.prepare("INSERT INTO done VALUES (?)");
  let waiting: { readonly run: () => unknown; readonly resolve: (result: never) => void }[] = [];

  const commit = (): void => {
    const group = waiting;
    waiting = [];
    db.exec("BEGIN IMMEDIATE");
    const results = group.map(({ run }) => run());
    db.exec("COMMIT");
    for (const [index, { resolve }] of group.entries()) resolve(results[index] as never);
  };
  const later = <Result>(run: () => Result): Promise<Result> =>
    new Promise((resolve) => {
      if (waiting.length === 0) setImmediate(commit);
      waiting.push({ run, resolve });
    });

  const claim = (limit: number): Promise<readonly number[]> =>
    later(() =>
      pick.all(limit).map(({ id }) => {
        deleteReady.run(id as number);
        insertLeased.run(id as number);
        return id as number;
      }),
    );
  const settle = (id: number): Promise<void> =>
    later(() => {
      deleteLeased.run(id);
      insertDone.run(id);
    });
  const enqueue = (): Promise<void> =>
    later(() => void insertReady.run(insertBody.run(encoder.encode(JSON.stringify(PAYLOAD))).lastInsertRowid));
  const closing = new AbortController();

  return {
    enqueue,
    bulk: (count) => Promise.all(Array.from({ length: count }, enqueue)),
    work: async (done) => {
      const loop = async (): Promise<void> => {
        while (!closing.signal.aborted) {
          const ids = await claim(BATCH);
          await Promise.all(ids.map(settle));
          done(ids.length);
        }
      };
      for (let begun = 0; begun < LOOPS; begun += 1) void loop();
    },
    close: async () => {
      closing.abort();
      await later(() => undefined);
      db.close();
    },
  };
}

const encoder = new TextEncoder();
