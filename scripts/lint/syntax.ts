/** The little that the rules need of ESLint's rule interface, which oxlint's JS plugins share, and of the syntax tree. */
import { dirname, resolve, sep } from "node:path";
import { fileURLToPath } from "node:url";

/** A node of the ESTree that oxlint hands out; its fields depend on its type. */
export interface Node {
  readonly type: string;
  readonly parent?: Node;
  readonly [field: string]: unknown;
}

export interface RuleContext {
  readonly filename: string;
  readonly sourceCode: { getScope(node: Node): Scope };
  report(problem: { node: Node; message: string }): void;
}

interface Scope {
  readonly upper: Scope | null;
  readonly set: ReadonlyMap<string, { readonly defs: readonly unknown[] }>;
}

export type Visitor = Readonly<Record<string, (node: Node) => void>>;

export interface Rule {
  readonly meta: { readonly type: "problem"; readonly docs: { readonly description: string } };
  create(context: RuleContext): Visitor;
}

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

/** The path of a file from a folder of the repository, with `/` between its parts; undefined when it is not in there. */
export function pathFrom(folder: string, filename: string): string | undefined {
  const prefix = resolve(root, folder) + sep;
  return filename.startsWith(prefix) ? filename.slice(prefix.length).split(sep).join("/") : undefined;
}

export interface ImportSite {
  readonly node: Node;
  readonly specifier: string;
  /** Whether the compiler takes the import away, because it names types only. */
  readonly typeOnly: boolean;
  /** Names that are imported; `*` stands for all of them. */
  readonly names: readonly string[];
}

/** Calls back for everything that makes one module depend on another. */
export function visitImports(onImport: (site: ImportSite) => void): Visitor {
  const visit = (node: Node, source: unknown, typeOnly: boolean, names: readonly string[]): void => {
    const specifier = stringValue(source);
    if (specifier !== undefined) onImport({ node: source as Node, specifier, typeOnly, names });
  };
  return {
    ImportDeclaration(node) {
      const specifiers = node["specifiers"] as Node[];
      const allTypes = specifiers.length > 0 && specifiers.every((specifier) => specifier["importKind"] === "type");
      visit(node, node["source"], node["importKind"] === "type" || allTypes, specifiers.map(importedName));
    },
    ExportNamedDeclaration(node) {
      const specifiers = node["specifiers"] as Node[];
      const allTypes = specifiers.length > 0 && specifiers.every((specifier) => specifier["exportKind"] === "type");
      const names = specifiers.map((specifier) => identifierName(specifier["local"]) ?? "*");
      visit(node, node["source"], node["exportKind"] === "type" || allTypes, names);
    },
    ExportAllDeclaration(node) {
      visit(node, node["source"], node["exportKind"] === "type", ["*"]);
    },
    ImportExpression(node) {
      visit(node, node["source"], false, ["*"]);
    },
    TSImportType(node) {
      visit(node, node["source"] ?? (node["argument"] as Node)["literal"], true, ["*"]);
    },
    CallExpression(node) {
      const callee = node["callee"] as Node;
      if (identifierName(callee) === "require") visit(node, (node["arguments"] as Node[])[0], false, ["*"]);
    },
  };
}

function importedName(specifier: Node): string {
  return specifier.type === "ImportSpecifier" ? (identifierName(specifier["imported"]) ?? "*") : "*";
}

export function identifierName(node: unknown): string | undefined {
  return (node as Node | undefined)?.type === "Identifier" ? ((node as Node)["name"] as string) : undefined;
}

function stringValue(node: unknown): string | undefined {
  const value = (node as Node | null | undefined)?.["value"];
  return typeof value === "string" ? value : undefined;
}

/** An expression without the types that are written around it: `(globalThis as Host)` is `globalThis`. */
export function withoutTypes(expression: unknown): Node | undefined {
  let node = (expression ?? undefined) as Node | undefined;
  while (node !== undefined && TYPE_WRAPPERS.has(node.type)) node = node["expression"] as Node | undefined;
  return node;
}

const TYPE_WRAPPERS = new Set([
  "TSAsExpression",
  "TSNonNullExpression",
  "TSSatisfiesExpression",
  "TSTypeAssertion",
  "ParenthesizedExpression",
]);

/** The name that a member expression reads, for `a.b` and `a["b"]`. */
export function memberName(node: Node): string | undefined {
  return node["computed"] === true ? stringValue(node["property"]) : identifierName(node["property"]);
}

/** The name of an identifier that nothing in the file declares, whatever globals the configuration lists. */
export function globalIdentifier(context: RuleContext, node: unknown): string | undefined {
  const name = identifierName(node);
  if (name === undefined) return undefined;
  for (let scope: Scope | null = context.sourceCode.getScope(node as Node); scope !== null; scope = scope.upper) {
    const variable = scope.set.get(name);
    if (variable !== undefined && variable.defs.length > 0) return undefined;
  }
  return name;
}

/** Whether an identifier reads a variable, rather than naming a property, a key or a type. */
export function isReference(node: Node): boolean {
  const parent = node.parent;
  if (parent === undefined) return true;
  const field = READ_FROM[parent.type];
  return field === undefined || parent[field] === node || (field !== "" && parent["computed"] === true);
}

/** Parents that name as well as read, and the one field in which they read; `""` for those that only name. */
const READ_FROM: Readonly<Record<string, string>> = {
  MemberExpression: "object",
  Property: "value",
  PropertyDefinition: "value",
  MethodDefinition: "value",
  TSPropertySignature: "",
  TSMethodSignature: "",
  TSQualifiedName: "",
  TSTypeQuery: "", // `ReturnType<typeof setTimeout>` names a timer without setting one
  LabeledStatement: "",
  ImportSpecifier: "",
  ExportSpecifier: "",
};
