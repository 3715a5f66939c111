import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { Lead } from "./lead.ts";
import { DEFAULT_LEADS, DEFAULT_SEED, makeLeads } from "./make-leads.ts";
import { readLeads, type ReadLeads } from "./read-leads.ts";

export interface SourceOptions {
  /** The user's own. */
  readonly file?: string | undefined;
  readonly count?: number | undefined;
  readonly seed: number;
}

/** The leads of this repository; the published package comes without, and makes the same ones. */
const EXAMPLE = fileURLToPath(new URL("../../../examples/leads.csv", import.meta.url));

export async function leadsOf({ file, count, seed }: SourceOptions): Promise<ReadLeads & { readonly from: string }> {
  if (file !== undefined) return { ...(await readLeads(file, count)), from: file };
  const wanted = count ?? DEFAULT_LEADS;
  if (seed === DEFAULT_SEED && wanted <= DEFAULT_LEADS && existsSync(EXAMPLE)) {
    return { ...(await readLeads(EXAMPLE, wanted)), from: "examples/leads.csv" };
  }
  const leads: readonly Lead[] = makeLeads(wanted, seed);
  return { leads, refused: [], from: `the generator, seed ${seed}` };
}
