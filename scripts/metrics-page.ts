/**
 * Makes the list in `docs/reference/metrics.md` out of `src/signals/metrics/catalogue.ts`, so that the two cannot differ.
 *
 *     node scripts/bootstrap.mjs scripts/metrics-page.ts
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { format } from "prettier";
import { BUCKETS, METRICS } from "../src/signals/metrics/catalogue.ts";
import { repositoryRoot } from "./tools.ts";

const file = join(repositoryRoot, "docs", "reference", "metrics.md");
const BEGIN = "<!-- Made by scripts/metrics-page.ts out of src/signals/metrics/catalogue.ts; edit there. -->";
const END = "<!-- The end of what is made. -->";

/** The page with its list made anew. */
export async function metricsPage(page: string = readFileSync(file, "utf8")): Promise<string> {
  const before = page.slice(0, page.indexOf(BEGIN));
  const after = page.slice(page.indexOf(END));
  const rows = Object.entries(METRICS).map(
    ([name, { type, labels, help }]) => `| \`${name}\` | ${type} | ${labels.map((label) => `\`${label}\``).join(", ")} | ${help} |`,
  );
  const made = [
    BEGIN,
    "",
    "| metric | type | labels | meaning |",
    "| --- | --- | --- | --- |",
    ...rows,
    "",
    `Histograms have the buckets ${BUCKETS.map((bound) => `${bound}`).join(", ")} (seconds).`,
    "",
  ].join("\n");
  return await format(`${before}${made}\n${after}`, { parser: "markdown", printWidth: 140 });
}

if (import.meta.main) writeFileSync(file, await metricsPage());
