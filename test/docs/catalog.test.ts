import { expect, test } from "vitest";
import { catalogPage } from "../../scripts/catalog-page.ts";
import { providers } from "../../src/api/catalog/providers.ts";
import { read } from "./pages.ts";

const page = read("docs/reference/catalog.md");

test("docs/reference/catalog.md is what `node scripts/bootstrap.mjs scripts/catalog-page.ts` makes of the catalog", async () => {
  expect(page).toBe(await catalogPage());
});

test.each(providers.map((facts) => [facts.title, facts] as const))(
  "the page tells all that the entry of %s holds, and its sources",
  (title, facts) => {
    const [, section = ""] = page.split(`\n## ${title}\n`);
    const own = section.split("\n## ")[0] ?? "";
    const { options, classify, hintHeaders, endpoints, leftOut } = facts;
    const named = [
      ...Object.keys(options).map((option) => `\n- \`${option}\`: `),
      ...classify.map(({ value }) => `\n- \`${value.id}\`: `),
      ...hintHeaders.map(({ value }) => `\n- \`${value.name}\``),
      ...Object.keys(endpoints).map((endpoint) => `\`${endpoint}\``),
      ...leftOut.map(({ value }) => `\n- **${value}**:`),
      ...[...Object.values(options), ...classify, ...hintHeaders, ...Object.values(endpoints), ...leftOut].map(
        ({ source }) => source.url ?? "",
      ),
    ];
    expect(named.filter((part) => !own.includes(part))).toEqual([]);
  },
);
