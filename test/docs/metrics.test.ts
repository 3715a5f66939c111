import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { metricsPage } from "../../scripts/metrics-page.ts";
import { METRICS } from "../../src/signals/metrics/catalogue.ts";
import { read } from "./pages.ts";

test("docs/reference/metrics.md is what `node scripts/bootstrap.mjs scripts/metrics-page.ts` makes of the catalogue", async () => {
  const page = read("docs/reference/metrics.md");
  expect(page).toBe(await metricsPage(page));
  for (const name of Object.keys(METRICS)) expect(page).toContain(`\`${name}\``);
});

test("a page that says something else would be found out", async () => {
  const page = read("docs/reference/metrics.md").replace("holdfast_retries_total", "holdfast_retry_total");
  expect(await metricsPage(page)).not.toBe(page);
});

/** Names of metrics in a text, without what a histogram adds. */
function namesIn(text: string): readonly string[] {
  const found = text.match(/\bholdfast_[a-z_]+/g) ?? [];
  return [...new Set(found.map((name) => name.replace(/_(?:bucket|sum|count)$/, "")))];
}

/** Labels that expressions pick or group by. */
function labelsIn(text: string): readonly string[] {
  const grouped = [...text.matchAll(/\bby \(([^)]*)\)/g)].flatMap(([, names = ""]) => names.split(",").map((name) => name.trim()));
  const picked = [...text.matchAll(/\b([a-z_]+)(?:=~|!~|!=|=)\\?"/g)].map(([, name = ""]) => name);
  return [...new Set([...grouped, ...picked])].filter((name) => name !== "le");
}

const known = new Set(Object.values(METRICS).flatMap(({ labels }) => labels));
const file = (path: string): string => readFileSync(new URL(`../../${path}`, import.meta.url), "utf8");

test.each(["docs/monitoring/alerts.yml", "docs/monitoring/dashboard.json"])("%s names only what there is", (path) => {
  const text = file(path);
  const names = namesIn(text);
  expect(names.length).toBeGreaterThan(5);
  for (const name of names) expect(Object.keys(METRICS), name).toContain(name);
  const expressions = path.endsWith(".json")
    ? [...text.matchAll(/"expr": "((?:[^"\\]|\\.)*)"/g)].map(([, expression = ""]) => expression)
    : [...text.matchAll(/expr: (?:\|\n((?: {10,}.*\n)+)|(.*))/g)].map(([, block, line]) => block ?? line ?? "");
  expect(expressions.length).toBeGreaterThan(5);
  for (const label of expressions.flatMap(labelsIn)) expect([...known, "severity"], label).toContain(label);
});

test("the check of names sees one that is not there", () => {
  expect(namesIn('rate(holdfast_attempt_duration_seconds_bucket{le="1"}[5m]) / holdfast_nothing_total')).toEqual([
    "holdfast_attempt_duration_seconds",
    "holdfast_nothing_total",
  ]);
  expect(labelsIn('sum by (api, account) (x{state="open"})')).toEqual(["api", "account", "state"]);
});
