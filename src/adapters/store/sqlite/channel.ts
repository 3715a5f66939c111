import { Worker } from "node:worker_threads";
import { StoreError } from "../../../core/errors.ts";
import type { Fault } from "./fault.ts";
import type { Call, Report, Request, ThreadOptions } from "./protocol.ts";

/** The main thread's end of a store thread. */
export interface Channel {
  call(port: string, verb: string, args: readonly unknown[]): Promise<unknown>;
  /** Lets everything that was called before be answered, then ends the thread. */
  close(): Promise<void>;
}

interface Waiting {
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: StoreError) => void;
}

/** Threads run the same file form as we do: TypeScript from source, JavaScript from dist. */
const EXTENSION = import.meta.url.endsWith(".ts") ? ".ts" : ".js";

/**
 * Starts a store thread and resolves once it has its connection. Calls made in one turn of the event loop are posted as one
 * message. The thread keeps the process alive only while somebody waits for it.
 */
export function openChannel(thread: "writer" | "reader", options: ThreadOptions): Promise<Channel> {
  const worker = new Worker(new URL(`./${thread}${EXTENSION}`, import.meta.url), {
    name: `holdfast sqlite ${thread}`,
    workerData: options,
    // None of the process's own flags: a thread of a file cannot take --eval or --input-type, and needs no other.
    execArgv: [],
  });
  const waiting = new Map<number, Waiting>();
  let outbox: Call[] = [];
  let lastId = 0;
  let closing: Promise<void> | undefined;
  let broken: Fault | undefined;
  let onClosed: (() => void) | undefined;

  const post = (request: Request): void => worker.postMessage(request);

  const flush = (): void => {
    const calls = outbox;
    outbox = [];
    if (calls.length > 0 && !broken) post({ calls });
  };

  const breakWith = (fault: Fault): void => {
    broken ??= fault;
    outbox = [];
    for (const { reject } of waiting.values()) reject(toError(broken));
    waiting.clear();
    worker.unref();
    onClosed?.();
  };

  const call = (port: string, verb: string, args: readonly unknown[]): Promise<unknown> =>
    new Promise((resolve, reject) => {
      if (broken) return reject(toError(broken));
      if (closing) return reject(closedError(options.path));
      if (waiting.size === 0) worker.ref();
      if (outbox.length === 0) afterMicrotasks(flush);
      const id = (lastId += 1);
      waiting.set(id, { resolve, reject });
      outbox.push([id, port, verb, args]);
    });

  const close = (): Promise<void> =>
    (closing ??= new Promise((resolve) => {
      if (broken) return resolve();
      onClosed = resolve;
      worker.ref();
      flush();
      post("close");
    }));

  return new Promise((resolve, reject) => {
    worker.on("message", (report: Report) => {
      if (report === "opened") {
        worker.unref();
        resolve({ call, close });
      } else if (report === "closed") {
        broken ??= { message: closedError(options.path).message };
        onClosed?.();
      } else if ("fatal" in report) {
        breakWith(report.fatal);
        reject(toError(report.fatal));
      } else {
        for (const [id, fault, result] of report.answers) {
          const caller = waiting.get(id);
          waiting.delete(id);
          if (fault) caller?.reject(toError(fault));
          else caller?.resolve(result);
        }
        if (waiting.size === 0 && !closing) worker.unref();
      }
    });
    const died = (cause: unknown): void => {
      const fault = {
        message: `the ${thread} thread of the SQLite store ${options.path} ended unexpectedly: ${String(cause)}; open the store again`,
      };
      breakWith(fault);
      reject(toError(fault));
    };
    worker.on("error", died);
    worker.on("exit", (code) => {
      if (!broken) died(`exit code ${code}`);
    });
  });
}

/** Turns of the microtask queue within which calls still come together: callers that were answered together ask again together. */
const GATHERING_TURNS = 8;

/** Runs a task when the promise chains at hand have had their turns; sooner than `setImmediate`, which waits for the event loop. */
function afterMicrotasks(task: () => void, turns: number = GATHERING_TURNS): void {
  queueMicrotask(turns === 0 ? task : () => afterMicrotasks(task, turns - 1));
}

/** A lazily opened channel: the thread is started by the first call. */
export function lazyChannel(open: () => Promise<Channel>): Channel {
  let opened: Promise<Channel> | undefined;
  let closed = false;
  return {
    call: async (...call) => {
      if (closed) throw new StoreError("the SQLite store is closed");
      return (await (opened ??= open())).call(...call);
    },
    close: async () => {
      closed = true;
      await (await opened)?.close();
    },
  };
}

function toError({ message, sqliteCode }: Fault): StoreError {
  return new StoreError(message, sqliteCode === undefined ? {} : { cause: { sqliteCode } });
}

function closedError(path: string): StoreError {
  return new StoreError(`the SQLite store ${path} is closed; open it again`);
}
