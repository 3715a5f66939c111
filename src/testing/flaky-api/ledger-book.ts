import { collections } from "./collections.ts";
import type { Collections } from "./collections.ts";
import { keyMemory } from "./key-memory.ts";
import type { KeyMemory } from "./key-memory.ts";
import { ledgerCounts } from "./ledger.ts";
import type { Ledger } from "./ledger.ts";
import type { LedgerEntry } from "./ledger-entry.ts";
import { openLedgerFile } from "./ledger-file.ts";

/** The server's side of the ledger: it writes entries, and reads back what it needs to recognise and find. */
export interface LedgerBook {
  readonly ledger: Ledger;
  readonly memory: Pick<KeyMemory, "recall">;
  readonly collections: Pick<Collections, "find" | "all">;
  /** The id that the next new effect is to carry. */
  nextId(): string;
  /** Writes an entry: to the file first, where there is one, then to everything that counts. */
  write(entry: LedgerEntry): void;
  close(): void;
}

export interface LedgerBookOptions {
  readonly file?: string | undefined;
  readonly requestLog: number;
  readonly startedAt: number;
  readonly elapsedMs: () => number;
  readonly tokens: () => { readonly issued: number; readonly refused: number };
}

export function ledgerBook(options: LedgerBookOptions): LedgerBook {
  const file = options.file === undefined ? undefined : openLedgerFile(options.file);
  const counts = ledgerCounts(options.requestLog);
  const memory = keyMemory();
  const kept = collections();
  let lastId = 0;

  const take = (entry: LedgerEntry): void => {
    counts.add(entry);
    memory.add(entry);
    const { effect } = entry;
    if (effect === undefined) return;
    lastId = Math.max(lastId, Number(effect.id));
    if (effect.collection !== undefined && effect.record !== undefined) kept.put(effect.collection, effect.record);
  };
  for (const entry of file?.entries ?? []) take(entry);

  const summary: Ledger["summary"] = () => {
    const endpoints = counts.endpoints();
    const total = (what: "requests" | "effects" | "doubled"): number => Object.values(endpoints).reduce((sum, own) => sum + own[what], 0);
    return {
      startedAt: options.startedAt,
      elapsedMs: options.elapsedMs(),
      requests: total("requests"),
      effects: total("effects"),
      doubled: total("doubled"),
      endpoints,
      rules: counts.rules(),
      limits: counts.limits(),
      tokens: { ...options.tokens() },
    };
  };

  return {
    ledger: { ...counts.read, records: (collection) => kept.all(collection), summary },
    memory,
    collections: kept,
    nextId: () => String(lastId + 1),
    write(entry) {
      file?.append(entry);
      take(entry);
    },
    close: () => file?.close(),
  };
}
