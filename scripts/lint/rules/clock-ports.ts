/** Time and chance come through the ports Clock and Random; see `CLOCK_PLACES`. */
import { CLOCK_PLACES, REAL_TIME_TESTS, isTest, isWithin } from "../layers.ts";
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
  type RuleContext,
} from "../syntax.ts";

/** Global functions that nobody may even name. `setImmediate` and `queueMicrotask` are not here: they take no time. */
const TIMERS = new Set(["setTimeout", "setInterval"]);

/** What may not be read from which global object, or from the Node module of that name; `*` stands for all of it. */
const MEMBERS: Readonly<Record<string, readonly string[]>> = {
  Date: ["now"],
  performance: ["now", "timeOrigin", "mark", "measure"],
  Math: ["random"],
  crypto: ["randomUUID", "getRandomValues", "randomBytes", "randomInt", "randomFill", "randomFillSync"],
  process: ["hrtime", "uptime"],
  AbortSignal: ["timeout"],
  Temporal: ["Now"],
};

const MODULES: Readonly<Record<string, readonly string[]>> = {
  timers: ["*"],
  "timers/promises": ["*"],
  perf_hooks: ["*"],
  crypto: MEMBERS["crypto"] ?? [],
};

const GLOBAL_OBJECTS = new Set(["globalThis", "window", "self", "global"]);

export const clockPorts: Rule = {
  meta: { type: "problem", docs: { description: "time and chance come through ports" } },
  create(context) {
    if (!applies(context.filename)) return {};
    const report = (node: Node, what: string): void => {
      context.report({ node, message: `${what} makes this untestable in virtual time; take a Clock or a Random (src/ports) instead` });
    };
    /** Local names of whole modules, such as `crypto` in `import * as crypto from "node:crypto"`. */
    const namespaces = new Map<string, readonly string[]>();

    const imports = visitImports(({ node, specifier, typeOnly, names }) => {
      const banned = MODULES[specifier.replace(/^node:/, "")];
      if (banned === undefined || typeOnly) return;
      if (banned.includes("*")) report(node, specifier);
      for (const name of names) if (banned.includes(name)) report(node, `${name} of ${specifier}`);
    });
    return {
      ...imports,
      ImportDeclaration(node) {
        imports["ImportDeclaration"]?.(node);
        const banned = MODULES[String((node["source"] as Node)["value"]).replace(/^node:/, "")];
        for (const specifier of node["specifiers"] as Node[]) {
          const local = identifierName(specifier["local"]);
          if (banned !== undefined && local !== undefined && specifier.type !== "ImportSpecifier") namespaces.set(local, banned);
        }
      },
      Identifier(node) {
        if (!TIMERS.has(identifierName(node) ?? "") || !isReference(node)) return;
        const name = globalIdentifier(context, node);
        if (name !== undefined) report(node, name);
      },
      MemberExpression(node) {
        const member = memberName(node);
        if (member === undefined) return;
        const object = globalName(context, node["object"]);
        if (object === "globalThis" && TIMERS.has(member)) report(node, member);
        if (object !== undefined && MEMBERS[object]?.includes(member) === true) report(node, `${object}.${member}`);
        const namespace = namespaces.get(identifierName(node["object"]) ?? "");
        if (namespace?.includes(member) === true) report(node, member);
      },
      NewExpression(node) {
        const isDate = globalName(context, node["callee"]) === "Date";
        if (isDate && (node["arguments"] as Node[]).length === 0) report(node, "new Date() without an instant");
      },
      CallExpression(node) {
        imports["CallExpression"]?.(node);
        if (globalName(context, node["callee"]) === "Date") report(node, "Date()");
      },
      VariableDeclarator(node) {
        const pattern = node["id"] as Node;
        const object = globalName(context, node["init"]);
        if (pattern.type !== "ObjectPattern" || object === undefined) return;
        for (const property of pattern["properties"] as Node[]) {
          const name = identifierName(property["key"]) ?? "";
          const banned = object === "globalThis" ? TIMERS.has(name) : MEMBERS[object]?.includes(name);
          if (banned === true) report(property, name);
        }
      },
    };
  },
};

function applies(filename: string): boolean {
  const file = pathFrom(".", filename) ?? "";
  const isRealTimeTest = (isTest(file) || file.startsWith("test/")) && REAL_TIME_TESTS.some((place) => isWithin(file, place));
  const isClock = CLOCK_PLACES.some((place) => isWithin(file, `src/${place}`));
  return /^(?:src|test)\//.test(file) && !isClock && !isRealTimeTest;
}

/** The name of the global that an expression stands for: `Date`, `globalThis.Date`; `globalThis` for all its aliases. */
function globalName(context: RuleContext, expression: unknown): string | undefined {
  const node = withoutTypes(expression);
  if (node?.type === "MemberExpression") {
    return globalName(context, node["object"]) === "globalThis" ? memberName(node) : undefined;
  }
  const name = globalIdentifier(context, node);
  if (name === undefined) return undefined;
  return GLOBAL_OBJECTS.has(name) ? "globalThis" : name;
}
