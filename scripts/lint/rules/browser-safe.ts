/** What `import "holdfast"` reaches loads without Node; see `BROWSER_SAFE`. */
import { isBuiltin } from "node:module";
import { BROWSER_SAFE, NODE_IF_PRESENT, isTest, isWithin } from "../layers.ts";
import {
  globalIdentifier,
  identifierName,
  isReference,
  memberName,
  pathFrom,
  visitImports,
  withoutTypes,
  type Node,
  type Rule,
} from "../syntax.ts";

const NODE_GLOBALS = new Set([
  "process",
  "Buffer",
  "global",
  "require",
  "module",
  "__dirname",
  "__filename",
  "setImmediate",
  "clearImmediate",
]);

export const browserSafe: Rule = {
  meta: { type: "problem", docs: { description: 'what `import "holdfast"` reaches loads without Node' } },
  create(context) {
    const file = pathFrom("src", context.filename);
    if (file === undefined || isTest(file) || !BROWSER_SAFE.some((place) => isWithin(file, place))) return {};
    const asksForNode = NODE_IF_PRESENT.some((place) => isWithin(file, place));
    const report = (node: Node, what: string): void => {
      context.report({
        node,
        message: `${what} is only there in Node, and \`import "holdfast"\` must load elsewhere too; use a port (scripts/lint/layers.ts)`,
      });
    };
    const imports = visitImports(({ node, specifier, typeOnly }) => {
      if (isBuiltin(specifier) && !(asksForNode && typeOnly)) report(node, specifier);
    });
    if (asksForNode) return imports;
    return {
      ...imports,
      Identifier(node) {
        if (!NODE_GLOBALS.has(identifierName(node) ?? "") || !isReference(node)) return;
        const name = globalIdentifier(context, node);
        if (name !== undefined) report(node, name);
      },
      MemberExpression(node) {
        const name = memberName(node) ?? "";
        if (globalIdentifier(context, withoutTypes(node["object"])) === "globalThis" && NODE_GLOBALS.has(name))
          report(node, `globalThis.${name}`);
      },
    };
  },
};
