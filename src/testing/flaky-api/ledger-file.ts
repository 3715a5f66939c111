import { closeSync, ftruncateSync, openSync, readFileSync, writeSync } from "node:fs";
import { StoreError } from "../../core/errors.ts";
import type { LedgerEntry } from "./ledger-entry.ts";

/** An append-only file, one entry a line. */
export interface LedgerFile {
  /** What stood in it when it was opened. */
  readonly entries: readonly LedgerEntry[];
  /** Writes one entry. When it returns, the entry outlives this process (not a power cut: nothing is flushed to disk). */
  append(entry: LedgerEntry): void;
  close(): void;
}

/**
 * Opens a ledger file, or makes one. Entries are written before their answer is sent, with one `write` each, so that what
 * a client was told is in the file however its server dies. A process killed in mid-write leaves a last line without its
 * end: nobody was answered for it, so it is cut off. Any other line that cannot be read means damage, and is refused.
 */
export function openLedgerFile(path: string): LedgerFile {
  const file = openToAppend(path);
  try {
    return {
      entries: readEntries(path, file),
      append(entry) {
        const line = Buffer.from(`${JSON.stringify(entry)}\n`);
        if (writeSync(file, line) < line.length) {
          throw new StoreError(`the ledger file ${path} took only part of a line; is the disk full?`);
        }
      },
      close: () => closeSync(file),
    };
  } catch (error) {
    closeSync(file);
    throw error;
  }
}

function openToAppend(path: string): number {
  try {
    return openSync(path, "a+", 0o600);
  } catch (cause) {
    throw new StoreError(`the ledger file ${path} cannot be opened for writing; name a file in a folder that exists`, { cause });
  }
}

function readEntries(path: string, file: number): readonly LedgerEntry[] {
  const text = readFileSync(path, "utf8");
  const whole = text.slice(0, text.lastIndexOf("\n") + 1);
  if (whole.length < text.length) ftruncateSync(file, Buffer.byteLength(whole));
  return whole === ""
    ? []
    : whole
        .trimEnd()
        .split("\n")
        .map((line, index) => parseLine(line, index, path));
}

function parseLine(line: string, index: number, path: string): LedgerEntry {
  let entry: LedgerEntry | undefined;
  let cause: unknown;
  try {
    entry = JSON.parse(line) as LedgerEntry;
  } catch (error) {
    cause = error;
  }
  if (typeof entry?.endpoint === "string" && typeof entry.at === "number") return entry;
  throw new StoreError(
    `line ${index + 1} of the ledger file ${path} is damaged, or the file is no ledger; move it away to start a new one`,
    { cause },
  );
}
