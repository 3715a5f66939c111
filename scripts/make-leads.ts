/**
 * Makes `examples/leads.csv`, the leads of the main job, from their seed. A test holds the file to what this writes.
 *
 *     node scripts/bootstrap.mjs scripts/make-leads.ts
 */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { DEFAULT_LEADS, DEFAULT_SEED, makeLeads, toCsv } from "../src/cli/demo/make-leads.ts";
import { repositoryRoot } from "./tools.ts";

writeFileSync(join(repositoryRoot, "examples", "leads.csv"), toCsv(makeLeads(DEFAULT_LEADS, DEFAULT_SEED)));
