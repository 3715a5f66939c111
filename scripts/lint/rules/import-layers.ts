/** Every import goes from a layer to one that it may know; see `LAYERS`. */
import { dirname, posix } from "node:path";
import { LAYERS, isTest, isWithin, layerOf } from "../layers.ts";
import { pathFrom, visitImports, type ImportSite, type Rule } from "../syntax.ts";

export const importLayers: Rule = {
  meta: { type: "problem", docs: { description: "imports follow the layers of the house" } },
  create(context) {
    const example = pathFrom("examples", context.filename);
    if (example !== undefined) {
      return visitImports(({ node, specifier }) => {
        if (specifier.includes("/src/")) {
          context.report({ node, message: 'an example imports what users import: "holdfast" and its subpaths' });
        }
      });
    }
    const file = pathFrom("src", context.filename);
    if (file === undefined || isTest(file)) return {};
    return visitImports((site) => {
      const message = fault(file, site);
      if (message !== undefined) context.report({ node: site.node, message });
    });
  },
};

function fault(file: string, { specifier, typeOnly }: ImportSite): string | undefined {
  const from = layerOf(file);
  const layer = from === undefined ? undefined : LAYERS[from];
  if (from === undefined || layer === undefined) {
    return `src/${file} is in no layer; give its folder a row in scripts/lint/layers.ts`;
  }
  if (specifier.startsWith("node:")) return undefined; // what must load without Node is another rule's affair
  if (!specifier.startsWith(".")) {
    return layer.packages === true ? undefined : `${from} loads nothing from node_modules, but imports ${JSON.stringify(specifier)}`;
  }
  const target = posix.join(dirname(file), specifier);
  if (target.startsWith("..")) return `what is published imports nothing outside src/, but ${from} imports ${JSON.stringify(specifier)}`;
  if (isTest(target)) return "a test is imported by nobody";
  if (from.split("/")[0] === target.split("/")[0]) return undefined;
  if (layer.imports.some((place) => isWithin(target, place))) return undefined;
  if (layer.types?.some((place) => isWithin(target, place)) === true) {
    return typeOnly ? undefined : `${from} may import only types from src/${target}: write \`import type\``;
  }
  return `${from} may not import src/${target}; it knows ${layer.imports.join(", ") || "nothing but itself"} (scripts/lint/layers.ts)`;
}
