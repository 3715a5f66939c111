import { ConfigError } from "../../core/errors.ts";
import { refuseUnknown } from "../../core/options.ts";
import { shown } from "../../core/shown.ts";
import { cursorOf, type CursorValue } from "../../policy/watermark/cursor.ts";
import type { PagedSource, RecordCursor, SourceContext } from "./source.ts";

/** What a query may hold; what is undefined is left out. */
export type SourceQuery = Readonly<Record<string, string | number | boolean | undefined>>;

/** How an API gives its pages. */
export type HttpPaging<Item> =
  /** The answer names the next page, and a parameter takes that name. `alone`: the parameter replaces the query. */
  | { readonly type: "cursor"; readonly param: string; readonly next: string | ((body: unknown) => unknown); readonly alone?: boolean }
  /** The header `Link` names the next page: RFC 8288, `rel="next"`. */
  | { readonly type: "link" }
  /**
   * Pages by number. Rows that change move between them, so each next page is asked for from the last cursor seen, with page 1; numbers
   * are only used within a tie. That needs a query made from `from`, and `cursor`.
   */
  | { readonly type: "page"; readonly param: string; readonly first?: number; readonly cursor: (record: Item) => RecordCursor };

export interface HttpSourceOptions<Item> {
  /** The API that is asked: `hf.fetch(api)`, under its limits, retries and credential. */
  readonly api: string;
  /** Below the API's base URL. */
  readonly path: string;
  /** Ask for records from `from` on, by ascending cursor. `from` is undefined in the first run. */
  readonly query?: (context: Pick<SourceContext, "from" | "ceiling" | "startedAt">) => SourceQuery;
  /** Where the records stand in the answer: a dotted path, or a function of its JSON. @default the answer itself */
  readonly items?: string | ((body: unknown) => readonly Item[]);
  readonly paging: HttpPaging<Item>;
  readonly headers?: Readonly<Record<string, string>>;
}

const OPTIONS = ["api", "path", "query", "items", "paging", "headers"] as const satisfies readonly (keyof HttpSourceOptions<unknown>)[];
const PAGING: Readonly<Record<HttpPaging<unknown>["type"], readonly string[]>> = {
  cursor: ["type", "param", "next", "alone"],
  link: ["type"],
  page: ["type", "param", "first", "cursor"],
};

/**
 * A source of records that an HTTP API gives in pages.
 *
 * @throws ConfigError that names the option by its path.
 */
export function httpSource<Item>(options: HttpSourceOptions<Item>): PagedSource<Item> {
  refuseUnknown(options, OPTIONS, "httpSource");
  for (const name of ["api", "path"] as const) {
    if (typeof options[name] !== "string" || options[name] === "") throw refuse(name, `is ${shown(options[name])}; give a text`);
  }
  const { paging, query } = options;
  const type: unknown = (paging as { readonly type?: unknown } | undefined)?.type;
  if (typeof type !== "string" || !Object.hasOwn(PAGING, type))
    throw refuse("paging.type", `is ${shown(type)}; give "cursor", "link" or "page"`);
  refuseUnknown(paging, PAGING[paging.type], "httpSource.paging");
  if (paging.type !== "link" && (typeof paging.param !== "string" || paging.param === "")) {
    throw refuse("paging.param", `is ${shown(paging.param)}; give the name of the query's parameter`);
  }
  if (paging.type === "page" && typeof paging.cursor !== "function") {
    throw refuse("paging.cursor", "is missing: where rows change, pages by number lose some, unless they are asked for by the cursor");
  }
  if (paging.type === "page" && query === undefined) {
    throw refuse("query", "is missing: pages by number take a query that asks for records from a cursor on");
  }
  const cursor = paging.type === "page" ? { cursor: paging.cursor } : {};
  return { pages: (context) => (paging.type === "page" ? byNumber(options, paging, context) : byName(options, context)), ...cursor };
}

async function* byName<Item>(options: HttpSourceOptions<Item>, context: SourceContext): AsyncGenerator<readonly Item[], void, undefined> {
  const { path, query, paging } = options;
  const parameters = query?.(context) ?? {};
  const seen = new Set<string>();
  for (let url: string | undefined = withQuery(path, parameters); url !== undefined;) {
    const { response, body }: Answered = await get(options, url, context);
    yield itemsOf(options, body);
    url = nextOf(paging, parameters, { path, response, body });
    if (url === undefined) return;
    if (seen.has(url)) throw new Error(`${path} names a page as its next that it has given already; the source does not come to an end`);
    seen.add(url);
  }
}

function nextOf<Item>(
  paging: HttpPaging<Item>,
  parameters: SourceQuery,
  { path, response, body }: { readonly path: string; readonly response: Response; readonly body: unknown },
): string | undefined {
  if (paging.type === "link") return nextLink(response);
  if (paging.type !== "cursor") return undefined;
  const next = typeof paging.next === "string" ? atPath(body, paging.next) : paging.next(body);
  if (next === undefined || next === null || next === "") return undefined;
  if (typeof next !== "string" && typeof next !== "number")
    throw new TypeError(`the next page of ${path} is named ${shown(next)}, which is no text`);
  return withQuery(path, { ...(paging.alone === true ? {} : parameters), [paging.param]: next });
}

async function* byNumber<Item>(
  options: HttpSourceOptions<Item>,
  paging: Extract<HttpPaging<Item>, { readonly type: "page" }>,
  context: SourceContext,
): AsyncGenerator<readonly Item[], void, undefined> {
  const { path, query } = options;
  const { param, first = 1, cursor } = paging;
  let from: CursorValue | undefined = context.from;
  let page = first;
  /** Ids of the records at `from` that were given. */
  let seen = new Set<string>();
  let before = "";
  for (;;) {
    const { body } = await get(options, withQuery(path, { ...query?.({ ...context, from }), [param]: page }), context);
    const items = itemsOf(options, body);
    const named = items.map((item) => ({ item, cursor: cursor(item) }));
    const names = JSON.stringify(named.map((one) => one.cursor));
    // A page past the last one is empty; some APIs give the last one again.
    if (items.length === 0 || (page > first && names === before)) return;
    before = names;
    const fresh = named.filter((one) => !(same(one.cursor[0], from) && seen.has(String(one.cursor[1]))));
    if (fresh.length > 0) yield fresh.map(({ item }) => item);
    const last = (named.at(-1) as (typeof named)[number]).cursor[0];
    if (fresh.length > 0 && !same(last, from)) {
      from = last;
      page = first;
      seen = new Set(named.filter((one) => same(one.cursor[0], last)).map((one) => String(one.cursor[1])));
    } else {
      for (const one of fresh) seen.add(String(one.cursor[1]));
      page += 1;
    }
  }
}

function same(a: CursorValue, b: CursorValue | undefined): boolean {
  return b !== undefined && cursorOf(a, "httpSource.paging.cursor").position === cursorOf(b, "httpSource.paging.cursor").position;
}

interface Answered {
  readonly response: Response;
  readonly body: unknown;
}

async function get<Item>(
  { api, path, headers }: HttpSourceOptions<Item>,
  url: string,
  { fetch, signal }: SourceContext,
): Promise<Answered> {
  const response = await fetch(api)(url, { signal, headers: { accept: "application/json", ...headers } });
  if (response.ok) return { response, body: (await response.json()) as unknown };
  await response.body?.cancel().catch(() => undefined);
  // Without the query: it may hold what is nobody's business.
  throw new Error(`GET ${path} of ${api} was answered ${response.status}`);
}

function itemsOf<Item>({ items, path }: HttpSourceOptions<Item>, body: unknown): readonly Item[] {
  const found = typeof items === "function" ? items(body) : items === undefined ? body : atPath(body, items);
  if (Array.isArray(found)) return found as readonly Item[];
  throw new TypeError(`the answer of ${path} has no list ${typeof items === "string" ? `at ${items}` : "of records"} (httpSource.items)`);
}

function withQuery(path: string, query: SourceQuery): string {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) if (value !== undefined) parameters.set(name, String(value));
  const text = parameters.toString();
  return text === "" ? path : `${path}${path.includes("?") ? "&" : "?"}${text}`;
}

function nextLink(response: Response): string | undefined {
  for (const [, target = "", parameters = ""] of (response.headers.get("link") ?? "").matchAll(/<([^>]*)>((?:\s*;\s*[^,;]+)*)/g)) {
    if (!/;\s*rel\s*=\s*"?(?:[^"]*\s)?next(?:\s[^"]*)?"?(?:;|$)/i.test(`${parameters};`)) continue;
    return response.url !== "" && URL.canParse(target, response.url) ? new URL(target, response.url).href : target;
  }
  return undefined;
}

function atPath(value: unknown, path: string): unknown {
  let found = value;
  for (const name of path.split(".")) {
    if (typeof found !== "object" || found === null || !Object.hasOwn(found, name)) return undefined;
    found = (found as Record<string, unknown>)[name];
  }
  return found;
}

function refuse(name: string, problem: string): ConfigError {
  return new ConfigError({ path: `httpSource.${name}`, message: `httpSource.${name} ${problem}` });
}
