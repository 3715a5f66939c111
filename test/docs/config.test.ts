import { expect, test } from "vitest";
import { configPage } from "../../scripts/config-page.ts";
import { checkConfig } from "../../src/client/define-config.ts";
import { SHAPES } from "../../src/cli/config-schema/index.ts";
import { read } from "./pages.ts";

test("docs/reference/config.md is what `node scripts/bootstrap.mjs scripts/config-page.ts` makes of the schema", async () => {
  const page = read("docs/reference/config.md");
  expect(page).toBe(await configPage());
  for (const { options } of SHAPES) for (const option of Object.keys(options)) expect(page).toContain(`\`${option}\``);
});

/** The examples in JSON of a page that are whole configs. */
function configsOf(page: string): readonly string[] {
  return [...read(page).matchAll(/```json\n([\s\S]*?)```/g)].map(([, text = ""]) => text).filter((text) => text.includes('"apis"'));
}

test.each(["docs/guide/config.md", "docs/guide/gateway.md"])("the configs of %s are good", (page) => {
  const configs = configsOf(page);
  expect(configs.length).toBeGreaterThan(0);
  for (const text of configs) expect(() => checkConfig(JSON.parse(text)), text).not.toThrow();
});
