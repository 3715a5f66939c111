/**
 * The reader thread: listings, single letters and checks, so that a long one holds up no commit. WAL lets it read beside
 * the writer; what was acknowledged before a call is seen by it.
 */
import { parentPort, workerData } from "node:worker_threads";
import { backend, perform } from "./backend.ts";
import { openReader } from "./connection.ts";
import { toFault } from "./fault.ts";
import type { Answer, Call, Report, Request, ThreadOptions } from "./protocol.ts";

if (!parentPort) throw new Error("reader.ts runs as a worker thread");
const port = parentPort;
const { path, busyTimeoutMs } = workerData as ThreadOptions;

const report = (message: Report): void => port.postMessage(message);

try {
  const db = openReader({ path, busyTimeoutMs });
  const { verbs } = backend(path, db);
  /** One call, all of its queries on one snapshot. */
  const read = (call: Call): Answer => {
    try {
      db.exec("BEGIN");
      return { id: call.id, result: perform(verbs, call) };
    } catch (error) {
      return { id: call.id, fault: toFault(error) };
    } finally {
      if (db.isTransaction) db.exec("COMMIT");
    }
  };
  port.on("message", (request: Request) => {
    if (request === "close") {
      db.close();
      report("closed");
      port.close();
    } else {
      report({ answers: request.calls.map(read) });
    }
  });
  report("opened");
} catch (error) {
  report({ fatal: toFault(error) });
}
