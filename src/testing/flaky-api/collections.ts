import { asName, dig } from "./expression.ts";
import type { LedgerRecord } from "./ledger-entry.ts";

/** The records that effects left, as lookups find them. */
export interface Collections {
  /** Keeps a record; one of the same id takes the place of the earlier one. */
  put(collection: string, record: LedgerRecord): void;
  all(collection: string): readonly LedgerRecord[];
  /** Records whose field has this value, oldest first. */
  find(collection: string, field: string, value: string): readonly LedgerRecord[];
}

/** Keeps one index per field that was ever asked for, brought up to date when it is asked again. */
export function collections(): Collections {
  const kept = new Map<string, { readonly records: Map<string, LedgerRecord>; readonly indexes: Map<string, Map<string, Set<string>>> }>();

  const open = (name: string) => {
    let found = kept.get(name);
    if (found === undefined) kept.set(name, (found = { records: new Map(), indexes: new Map() }));
    return found;
  };

  return {
    put(name, record) {
      const { records, indexes } = open(name);
      const earlier = records.get(record.id);
      for (const [field, index] of indexes) {
        if (earlier !== undefined) index.get(valueOf(earlier, field))?.delete(record.id);
        enter(index, valueOf(record, field), record.id);
      }
      records.set(record.id, record);
    },
    all: (name) => [...(kept.get(name)?.records.values() ?? [])],
    find(name, field, value) {
      const { records, indexes } = open(name);
      let index = indexes.get(field);
      if (index === undefined) {
        indexes.set(field, (index = new Map<string, Set<string>>()));
        for (const record of records.values()) enter(index, valueOf(record, field), record.id);
      }
      return [...(index.get(value) ?? [])].flatMap((id) => records.get(id) ?? []);
    },
  };
}

function enter(index: Map<string, Set<string>>, value: string, id: string): void {
  const ids = index.get(value);
  if (ids === undefined) index.set(value, new Set([id]));
  else ids.add(id);
}

function valueOf(record: LedgerRecord, field: string): string {
  return asName(dig(record, field.split("."))) ?? "";
}
