/**
 * Makes `docs/reference/config.md` out of `src/cli/config-schema/`, so that the two cannot differ.
 *
 *     node scripts/bootstrap.mjs scripts/config-page.ts
 */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { format } from "prettier";
import { BEYOND_SCHEMA } from "../src/cli/config-schema/beyond.ts";
import { SHAPES, type Option, type Schema, type Shape } from "../src/cli/config-schema/index.ts";
import { repositoryRoot } from "./tools.ts";

const HEAD = `# Config

<!-- Made by scripts/config-page.ts out of src/cli/config-schema/; edit there. -->

Everything that \`holdfast.config.ts\`, \`.js\` or \`.json\` may hold. What is not listed here is an error that names its path, and so is what would have no effect, and \`null\`. [The guide](../guide/config.md) has examples; \`holdfast config schema\` prints the JSON Schema, \`holdfast config check\` what is in force.

A duration is milliseconds as a number, or a text with a unit: \`250ms\`, \`1.5s\`, \`30s\`, \`10m\`, \`24h\`, \`7d\`.
`;

/** The page. */
export async function configPage(): Promise<string> {
  const sections = SHAPES.map((shape) => sectionOf(shape));
  const rules = BEYOND_SCHEMA.map(({ path, rule }) => `| \`${path}\` | ${cell(rule)} |`);
  const beyond = `## Rules between options\n\nWhat no schema can say; \`config check\` says it. \`*\` stands for any names between.\n\n| where | rule |\n| --- | --- |\n${rules.join("\n")}\n`;
  return await format([HEAD, ...sections, beyond].join("\n"), { parser: "markdown", printWidth: 140 });
}

function sectionOf({ name, about, options, required }: Shape): string {
  const rows = Object.entries(options).map(
    ([option, said]) =>
      `| \`${option}\` | ${valueOf(said)} | ${required.includes(option) ? "_required_" : cell(said.fallback ?? "")} | ${cell(said.about)} |`,
  );
  return `## ${name}\n\n${about}\n\n| option | value | default | meaning |\n| --- | --- | --- | --- |\n${rows.join("\n")}\n`;
}

function valueOf({ schema }: Option): string {
  return schema === undefined ? "in TypeScript only" : cell([...new Set(kindsOf(schema))].join(", or "));
}

/** What may stand there, in words. */
function kindsOf(schema: Schema): readonly string[] {
  const { $ref, anyOf, type, items, additionalProperties } = schema as Readonly<Record<string, Schema & string>>;
  if ($ref !== undefined) return [linkTo($ref.replace("#/$defs/", ""))];
  if (Array.isArray(anyOf)) {
    const kinds = (anyOf as readonly Schema[]).flatMap(kindsOf);
    return isDuration(anyOf) ? ["duration"] : kinds;
  }
  if ("const" in schema) return [`\`${String(schema["const"])}\``];
  if (Array.isArray(schema["enum"])) return [(schema["enum"] as readonly string[]).map((value) => `\`${value}\``).join(", ")];
  if (type === "array") return [`list of ${kindsOf(items as Schema).join(", or ")}`];
  if (type === "object") {
    if (typeof additionalProperties === "object") return [`by name: ${kindsOf(additionalProperties).join(", or ")}`];
    return [
      `{ ${Object.entries(schema["properties"] ?? {})
        .map(([name, value]) => `\`${name}\`: ${kindsOf(value as Schema).join(", or ")}`)
        .join("; ")} }`,
    ];
  }
  return Array.isArray(type)
    ? [(type as readonly string[]).join(", ")]
    : [bounded(schema, type === "integer" ? "whole number" : (type as string))];
}

function bounded(schema: Schema, kind: string): string {
  const { minimum, maximum, exclusiveMinimum } = schema as Readonly<Record<string, number | undefined>>;
  const above = minimum !== undefined ? `from ${minimum}` : exclusiveMinimum !== undefined ? `above ${exclusiveMinimum}` : undefined;
  const below = maximum === undefined || maximum === Number.MAX_SAFE_INTEGER ? undefined : `to ${maximum}`;
  return [kind, above, below].filter((part) => part !== undefined).join(" ");
}

function isDuration(anyOf: readonly Schema[]): boolean {
  return anyOf.some(({ pattern }) => typeof pattern === "string" && pattern.endsWith("(?:ms|s|m|h|d)$"));
}

function linkTo(name: string): string {
  return SHAPES.some((shape) => shape.name === name) ? `[${name}](#${name.toLowerCase()})` : "dotted path";
}

/** A bar would end the cell. */
function cell(text: string): string {
  return text.replaceAll("|", String.raw`\|`);
}

if (import.meta.main) writeFileSync(join(repositoryRoot, "docs", "reference", "config.md"), await configPage());
