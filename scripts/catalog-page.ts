/**
 * Makes `docs/reference/catalog.md` out of the facts in `src/api/catalog`, so that the page and the entries cannot differ.
 *
 *     node scripts/bootstrap.mjs scripts/catalog-page.ts
 *
 * A test compares the page with what this makes.
 */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { format, resolveConfig } from "prettier";
import type { Basis, CatalogRule, Fact, ProviderFacts, Source } from "../src/api/catalog/facts.ts";
import { providers } from "../src/api/catalog/providers.ts";
import type { HintHeader } from "../src/policy/hints/parse-hint.ts";
import { repositoryRoot } from "./tools.ts";

const file = join(repositoryRoot, "docs", "reference", "catalog.md");

/** How much a source is worth, as the page says it. */
const BASES: Readonly<Record<Basis, readonly [name: string, meaning: string]>> = {
  documentation: ["documentation", "the provider's own page was read"],
  quoted: ["quoted", "others quote the provider's page, which is linked, word for word; the page itself was not read"],
  sdk: ["SDK", "the provider's own client does so"],
  observed: ["observed", "seen in answers or code that others have published"],
};

/** The page as it should be. */
export async function catalogPage(): Promise<string> {
  const page = [...introduction(), ...providers.flatMap(section)].join("\n\n");
  return await format(page, { ...(await resolveConfig(file)), filepath: file });
}

function introduction(): readonly string[] {
  return [
    "# Catalog",
    "<!-- Made by scripts/catalog-page.ts out of src/api/catalog; edit there. -->",
    "`holdfast/catalog` has what providers say of their APIs, as options of an API. Spread an entry in, add the credential, and override what differs for your account:",
    example('{ ...stripe, auth: bearer(env("STRIPE_KEY")), timeout: { attempt: "20s" } }', "stripe"),
    'The entry\'s rules are tried in order before the built-in table. To add rules of your own, put them before its own: `classify: [mine, ...stripe.classify]`; to change what holds for an endpoint, write `endpoints: { ...stripe.endpoints, "POST /v1/charges": { … } }`. Entries are frozen: they are shared by all who use them.',
    "Each datum stands here with where it comes from, and how it is known:",
    Object.values(BASES)
      .map(([name, meaning]) => `- _${name}_: ${meaning}.`)
      .join("\n"),
    "Providers change what they do without asking anybody; where an entry is wrong for you, what you write after it wins.",
  ];
}

function section(facts: ProviderFacts): readonly string[] {
  const { title, name, read, usage, options, classify, hintHeaders, endpoints, leftOut } = facts;
  return [
    `## ${title}`,
    example(usage, name),
    `Sources read on ${read}.`,
    ...listed(
      "Options",
      Object.entries(options).map(([option, datum]) => item(`\`${option}\`: \`${literal(datum.value)}\``, datum.source)),
    ),
    ...listed(
      "Rules",
      classify.map(({ value, source }) => item(ruleText(value), source)),
    ),
    ...listed(
      "Headers that say when to come back",
      hintHeaders.map(({ value, source }) => item(hintText(value), source)),
    ),
    ...listed("Endpoints", endpointItems(endpoints)),
    ...listed(
      "Left out",
      leftOut.map(({ value, source }) => item(`**${plain(value)}**:`, source)),
    ),
  ];
}

function example(options: string, name: string): string {
  const call = options.startsWith("{") ? `defineApi(${options})` : options;
  const helpers = ["bearer", "defineApi", "env"].filter((helper) => call.includes(`${helper}(`));
  const lines = [
    `import { ${helpers.join(", ")} } from "holdfast";`,
    `import { ${name} } from "holdfast/catalog";`,
    "",
    `const apis = { ${name}: ${call} };`,
  ];
  const hidden = call.includes("freshToken") ? "<!-- ts\ndeclare const freshToken: () => Promise<string>;\n-->\n\n" : "";
  return `${hidden}\`\`\`ts\n${lines.join("\n")}\n\`\`\``;
}

function listed(heading: string, items: readonly string[]): readonly string[] {
  return items.length === 0 ? [] : [`### ${heading}`, items.join("\n")];
}

function item(what: string, { basis, url, says }: Source): string {
  const [name] = BASES[basis];
  const end = /[.:]$/.test(what) ? "" : ".";
  return `- ${what}${end}\n  ${sentence(plain(says))} (${url === undefined ? `_${name}_` : `_[${name}](${url})_`})`;
}

function ruleText({ id, when, then, quota, effect, because }: CatalogRule): string {
  const details = [...(quota === undefined ? [] : [`quota \`${quota}\``]), ...(effect === undefined ? [] : [`effect \`${effect}\``])];
  const verdict = [`\`${then}\``, ...details].join(", ");
  return `\`${id}\`: ${conditionsText(when)} → ${verdict}: ${plain(because)}.`;
}

function conditionsText({ status, endpoint, header, body, ...rest }: CatalogRule["when"]): string {
  // A condition that the page cannot say must not be left out of it silently.
  const [unsaid] = Object.keys(rest);
  if (unsaid !== undefined) throw new Error(`the page has no words for the condition ${unsaid}`);
  return [
    ...(status === undefined ? [] : [`status ${statusText(status)}`]),
    ...(endpoint === undefined ? [] : [`endpoint ${code(endpoint)}`]),
    ...Object.entries(header ?? {}).map(([name, value]) => `header ${code(name)}${value === true ? "" : ` is ${code(value)}`}`),
    ...(body === undefined ? [] : [bodyText(body)]),
  ].join(", ");
}

function statusText(status: NonNullable<CatalogRule["when"]["status"]>): string {
  if (typeof status !== "object") return String(status);
  return "anyOf" in status ? either(status.anyOf) : status.join(" to ");
}

function bodyText(body: NonNullable<CatalogRule["when"]["body"]>): string {
  if (typeof body === "string") return `the body holds ${code(body)}`;
  const values = (Array.isArray(body.is) ? (body.is as readonly unknown[]) : [body.is]).map(code);
  return `the body's \`${body.path}\` is ${either(values)}`;
}

function either(values: readonly unknown[]): string {
  return values.length < 2 ? values.join("") : `${values.slice(0, -1).join(", ")} or ${String(values.at(-1))}`;
}

function hintText({ name, unit, remaining }: HintHeader): string {
  const only = remaining === undefined ? "" : `, where \`${remaining}\` is 0`;
  return `\`${name}\`, read as \`${unit}\`${only}.`;
}

/** Endpoints that have the same to say, and from the same source, are one item. */
function endpointItems(endpoints: ProviderFacts["endpoints"]): readonly string[] {
  const groups = Map.groupBy(Object.entries(endpoints), ([, { value, source }]: [string, Fact<unknown>]) =>
    JSON.stringify([value, source]),
  );
  return [...groups.values()].flatMap((group) => {
    const [first] = group;
    if (first === undefined) return [];
    const [, { value, source }] = first;
    return [item(`${group.map(([endpoint]) => code(endpoint)).join(", ")}: ${code(value)}`, source)];
  });
}

/** A value as one would write it in TypeScript; a text without quotes. */
function code(value: unknown): string {
  return `\`${typeof value === "string" ? value : literal(value)}\``;
}

function literal(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(literal).join(", ")}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  return `{ ${Object.entries(value)
    .map(([name, part]) => `${name}: ${literal(part)}`)
    .join(", ")} }`;
}

/** Words of a source, in which nothing is Markdown. */
function plain(text: string): string {
  return text.replaceAll(/[\\*`<]|\b_|_\b(?!\w)|\](?=[([:])/g, String.raw`\$&`);
}

function sentence(text: string): string {
  return /[.!?]$/.test(text) ? text : `${text}.`;
}

if (import.meta.main) writeFileSync(file, await catalogPage());
