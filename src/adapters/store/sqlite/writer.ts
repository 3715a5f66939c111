/**
 * The writer thread: the only connection that writes. It takes whatever calls are waiting, does them as one transaction,
 * and answers after COMMIT. While a commit is on its way to the disk the next calls gather, so that groups grow with the
 * load by themselves and a lone caller waits for nobody.
 */
import { parentPort, receiveMessageOnPort, workerData } from "node:worker_threads";
import { backend, perform } from "./backend.ts";
import { openWriter } from "./connection.ts";
import { toFault } from "./fault.ts";
import { FatalError, groupCommit } from "./group-commit.ts";
import { isPacked, transferable } from "./packing.ts";
import type { Answer, Call, Report, Request, ThreadOptions } from "./protocol.ts";

if (!parentPort) throw new Error("writer.ts runs as a worker thread");
const port = parentPort;
const { path, busyTimeoutMs, groupSize } = workerData as ThreadOptions;
const waiting: Call[] = [];
let closing = false;

const report = (message: Report): void => port.postMessage(message);

/** Answers of busy verbs hand their bytes over. */
const reportAnswers = (answers: readonly Answer[]): void => {
  port.postMessage(
    { answers } satisfies Report,
    answers.flatMap(({ result }) => (isPacked(result) ? transferable(result) : [])),
  );
};

const accept = (request: Request): void => {
  if (request === "close") closing = true;
  else for (const call of request.calls) waiting.push(call);
};

const acceptAllThatWait = (): void => {
  for (let next = receiveMessageOnPort(port); next; next = receiveMessageOnPort(port)) accept(next.message as Request);
};

/** Takes calls off the queue until they weigh `groupSize` operations; a call that alone weighs more goes alone. */
const nextGroup = (): Call[] => {
  let operations = 0;
  let calls = 0;
  for (const { weight } of waiting) {
    operations += weight;
    if (calls > 0 && operations > groupSize) break;
    calls += 1;
  }
  return waiting.splice(0, calls);
};

try {
  const db = openWriter({ path, busyTimeoutMs });
  const { verbs, transaction } = backend(path, db);
  const commit = groupCommit(db, { path, busyTimeoutMs, perform: (call) => perform(verbs, call), ...transaction });
  const work = (request: Request): void => {
    try {
      accept(request);
      for (acceptAllThatWait(); waiting.length > 0; acceptAllThatWait()) reportAnswers(commit(nextGroup()));
      if (!closing) return;
      db.close();
      report("closed");
    } catch (error) {
      if (error instanceof FatalError) db.close();
      report({ fatal: toFault(error) });
    }
    port.close();
  };
  port.on("message", work);
  report("opened");
} catch (error) {
  report({ fatal: toFault(error) });
}
