import type { EffectMemory, LedgerEntry } from "./ledger-entry.ts";

/** An effect that a repetition can be held against. */
export interface Remembered extends EffectMemory {
  readonly id: string;
  readonly at: number;
}

/** What an API remembers of the keys it has seen: the reason that a repeated request need not be a second effect. */
export interface KeyMemory {
  recall(endpoint: string, by: EffectMemory["by"], value: string): Remembered | undefined;
  add(entry: LedgerEntry): void;
}

export function keyMemory(): KeyMemory {
  const kept = new Map<string, Remembered>();
  return {
    recall: (endpoint, by, value) => kept.get(`${endpoint}\n${by}\n${value}`),
    add({ endpoint, at, effect }) {
      if (effect?.memory === undefined) return;
      const { by, value } = effect.memory;
      kept.set(`${endpoint}\n${by}\n${value}`, { ...effect.memory, id: effect.id, at });
    },
  };
}
