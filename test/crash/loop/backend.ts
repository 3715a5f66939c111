import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { sqlite } from "../../../src/adapters/store/sqlite/index.ts";
import type { StoreFactory } from "../../../src/ports/store.ts";
import type { StoreAddress } from "./orders.ts";

/** A kind of store to crash workers over. */
export interface Backend {
  readonly name: string;
  /** A fresh, empty one. */
  create(): Promise<{ readonly address: StoreAddress; readonly dispose: () => Promise<void> }>;
}

export const backends: readonly Backend[] = [
  {
    name: "sqlite",
    async create() {
      const folder = mkdtempSync(join(tmpdir(), "holdfast-crash-"));
      return { address: `sqlite:${join(folder, "holdfast.db")}`, dispose: async () => rmSync(folder, { recursive: true, force: true }) };
    },
  },
];

export function openStore(address: StoreAddress): StoreFactory {
  if (address.startsWith("sqlite:")) return sqlite(address.slice("sqlite:".length));
  throw new Error(`no backend opens ${address}`);
}
