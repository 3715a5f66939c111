import { Worker } from "node:worker_threads";
import { StoreError } from "../../../core/errors.ts";
import type { CodecName, ItemOf, ResultOf } from "./codecs.ts";
import type { Fault } from "./fault.ts";
import { Outbox } from "./outbox.ts";
import { transferable } from "./packing.ts";
import type { Call, Report, Request, ThreadOptions } from "./protocol.ts";

/** The main thread's end of a store thread. */
export interface Channel {
  call(port: string, verb: string, args: readonly unknown[]): Promise<unknown>;
  /** A busy verb: goes together with what others ask of it in the same moment. */
  batch<Name extends CodecName>(codec: Name, items: readonly ItemOf<Name>[]): Promise<readonly ResultOf<Name>[]>;
  /** Why no call can be made any more, if that is so. */
  readonly fault: Fault | undefined;
  /** Lets everything that was called before be answered, then ends the thread. */
  close(): Promise<void>;
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
  const outbox = new Outbox(options.groupSize);
  let closing: Promise<void> | undefined;
  let fault: Fault | undefined;
  let onClosed: (() => void) | undefined;

  const post = (request: Request): void => worker.postMessage(request, request === "close" ? [] : blocksOf(request.calls));

  const flush = (): void => {
    if (!outbox.empty && !fault) post({ calls: outbox.take() });
  };

  const breakWith = (cause: Fault): void => {
    fault ??= cause;
    outbox.refuse(fault);
    worker.unref();
    onClosed?.();
  };

  /** Puts a caller into the outbox, and sees to it that it is emptied. */
  const send = <Result>(put: (caller: { resolve: (result: Result) => void; reject: (fault: Fault) => void }) => void): Promise<Result> =>
    new Promise((resolve, reject) => {
      if (fault) return reject(toError(fault));
      if (closing) return reject(toError(closedFault(options.path)));
      if (outbox.idle) worker.ref();
      if (outbox.empty) afterMicrotasks(flush);
      put({ resolve, reject: (cause) => reject(toError(cause)) });
    });

  const channel: Channel = {
    call: (port, verb, args) => send((caller) => outbox.add({ port, verb, args, ...caller })),
    batch: (codec, items) => (items.length === 0 ? Promise.resolve([]) : send((caller) => outbox.addItems(codec, items, caller))),
    get fault() {
      return fault ?? (closing && closedFault(options.path));
    },
    close: () => close(),
  };

  const close = (): Promise<void> =>
    (closing ??= new Promise((resolve) => {
      if (fault) return resolve();
      onClosed = resolve;
      worker.ref();
      flush();
      post("close");
    }));

  return new Promise((resolve, reject) => {
    worker.on("message", (report: Report) => {
      if (report === "opened") {
        worker.unref();
        resolve(channel);
      } else if (report === "closed") {
        breakWith(closedFault(options.path));
      } else if ("fatal" in report) {
        breakWith(report.fatal);
        reject(toError(report.fatal));
      } else {
        for (const answer of report.answers) outbox.answer(answer);
        flush();
        if (outbox.idle && !closing) worker.unref();
      }
    });
    const died = (cause: unknown): void => {
      const death = {
        message: `the ${thread} thread of the SQLite store ${options.path} ended unexpectedly: ${String(cause)}; open the store again`,
      };
      breakWith(death);
      reject(toError(death));
    };
    worker.on("error", died);
    worker.on("exit", (code) => {
      if (!fault) died(`exit code ${code}`);
    });
  });
}

/** The blocks of bytes in packed calls, to be handed over. */
function blocksOf(calls: readonly Call[]): ArrayBuffer[] {
  return calls.flatMap(({ task }) => ("packed" in task ? transferable(task.packed) : []));
}

/** Turns of the microtask queue within which calls still come together: callers that were answered together ask again together. */
const GATHERING_TURNS = 8;

/** Runs a task when the promise chains at hand have had their turns; sooner than `setImmediate`, which waits for the event loop. */
function afterMicrotasks(task: () => void, turns: number = GATHERING_TURNS): void {
  queueMicrotask(turns === 0 ? task : () => afterMicrotasks(task, turns - 1));
}

/**
 * A channel whose thread is started by the first call. It shares the fate of another: once that one takes no more calls,
 * neither does this.
 */
export function lazyChannel(open: () => Promise<Channel>, other: Channel): Channel {
  let opened: Promise<Channel> | undefined;
  const usable = (): Promise<Channel> => {
    if (other.fault) throw toError(other.fault);
    return (opened ??= open());
  };
  return {
    call: async (...call) => (await usable()).call(...call),
    batch: async (codec, items) => (await usable()).batch(codec, items),
    get fault() {
      return other.fault;
    },
    close: async () => (await opened)?.close(),
  };
}

function toError({ message, sqliteCode }: Fault): StoreError {
  return new StoreError(message, sqliteCode === undefined ? {} : { cause: { sqliteCode } });
}

function closedFault(path: string): Fault {
  return { message: `the SQLite store ${path} is closed; open it again` };
}
