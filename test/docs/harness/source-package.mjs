// Preloaded with --import: `holdfast` and its subpaths, as package.json exports them, come from src instead of dist.
import { readFileSync } from "node:fs";
import { registerHooks } from "node:module";

const root = new URL("../../../", import.meta.url);
const { exports } = JSON.parse(readFileSync(new URL("package.json", root), "utf8"));

registerHooks({
  resolve(specifier, context, nextResolve) {
    const entry = /^holdfast(?=\/|$)/.test(specifier) ? exports[`.${specifier.slice("holdfast".length)}`] : undefined;
    if (entry?.default === undefined) return nextResolve(specifier, context);
    const source = entry.default.replace("./dist/", "./src/").replace(/\.js$/, ".ts");
    return nextResolve(new URL(source, root).href, context);
  },
});
