import { resolve } from "node:path";
import { ConfigError } from "../../../core/errors.ts";
import { durationMs, type Duration } from "../../../core/duration.ts";
import type { Store, StoreFactory } from "../../../ports/store.ts";
import { lazyChannel, openChannel, type Channel } from "./channel.ts";
import { prepareFile } from "./file.ts";
import { withInboxNotice, withNotice, WorkNotice } from "../work-notice.ts";
import {
  remoteCoordinator,
  remoteDeadLetters,
  remoteDocuments,
  remoteIdempotency,
  remoteInbox,
  remoteOperations,
  remoteSteps,
  remoteWatermarks,
} from "./remote.ts";

export interface SqliteOptions {
  /**
   * How long a call waits while another process writes to the same file, before it fails with a `StoreError`.
   *
   * @default "10s"
   */
  readonly busyTimeout?: Duration;
  /**
   * Operations in one transaction at most. More make fewer and longer commits, which other processes wait for.
   *
   * @default 500
   */
  readonly groupSize?: number;
}

const DEFAULTS = { busyTimeout: "10s", groupSize: 500 } as const satisfies Required<SqliteOptions>;

/**
 * Keeps everything in one SQLite file, through `node:sqlite`; several processes may share it. A call is answered after its
 * transaction is on disk (WAL, `synchronous=FULL`), and calls that come together share one commit. The file is made if there
 * is none, with mode 0600; it must lie on a local disk.
 *
 * After an I/O error or on a full disk every call fails with the same `StoreError`, and nothing more is written until the
 * store is opened again.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { sqlite } from "holdfast/sqlite";
 *
 * const open = sqlite("holdfast.db");
 * const store = await open();
 * assert.equal((await store.check()).ok, true);
 * await store.close();
 * ```
 */
export function sqlite(path: string, options: SqliteOptions = {}): StoreFactory {
  for (const name of Object.keys(options)) {
    if (!Object.hasOwn(DEFAULTS, name)) {
      throw new ConfigError({
        path: `sqlite.${name}`,
        message: `sqlite() has no option ${JSON.stringify(name)}; it has ${Object.keys(DEFAULTS).join(", ")}`,
      });
    }
  }
  const { busyTimeout, groupSize } = { ...DEFAULTS, ...options };
  if (path === "" || path.startsWith(":memory:") || path.startsWith("file:")) {
    throw new ConfigError({
      path: "sqlite.path",
      message: `sqlite() takes the path of a file, not ${JSON.stringify(path)}; for a store that forgets use memory()`,
    });
  }
  if (!Number.isInteger(groupSize) || groupSize < 1) {
    throw new ConfigError({ path: "sqlite.groupSize", message: `sqlite.groupSize is a whole number from 1 up, not ${String(groupSize)}` });
  }
  const thread = { path: resolve(path), busyTimeoutMs: durationMs(busyTimeout, "sqlite.busyTimeout"), groupSize };

  return async (): Promise<Store> => {
    prepareFile(thread.path);
    const writer = await openChannel("writer", thread);
    const reader = lazyChannel(() => openChannel("reader", thread), writer);
    return toStore(writer, reader);
  };
}

function toStore(writer: Channel, reader: Channel): Store {
  const notice = new WorkNotice();
  let closing: Promise<void> | undefined;
  return {
    name: "sqlite",
    idempotency: remoteIdempotency(writer),
    deadLetters: remoteDeadLetters(writer, reader),
    operations: withNotice(remoteOperations(writer, reader), notice),
    coordinator: remoteCoordinator(writer),
    watermarks: remoteWatermarks(writer, reader),
    steps: remoteSteps(writer, reader),
    inbox: withInboxNotice(remoteInbox(writer), notice),
    documents: remoteDocuments(writer, reader),
    check: () => reader.call("health", "check", []) as ReturnType<Store["check"]>,
    // The reader first: the last connection to go folds the log back into the file, and only the writer may.
    close: () => (closing ??= reader.close().then(() => writer.close())),
  };
}
