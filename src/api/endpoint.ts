import { ConfigError } from "../core/errors.ts";

/**
 * What names a record and not a resource. Only what is certain: an id that is taken for a word costs a lane, a word that is taken
 * for an id merges two endpoints. Each in linear time, since paths come from outside.
 */
const IDS: readonly RegExp[] = [
  // Numbers, and lists of them.
  /^-?\d+(?:,-?\d+)*$/,
  // UUIDs, and hex from 64 bits on.
  /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i,
  /^[0-9a-f]{16,}$/i,
  // Prefixed: cus_NffrFeUfNV2Hib, cs_test_a1b2c3d4e5, file-XjGxS3KTG0uNmNOK362iJua3. The prefix is what sets them apart from words.
  /^[a-z]{2,10}(?:_[a-z]{2,10}){0,2}_(?=[A-Za-z]*\d)[A-Za-z0-9]{8,}$/,
  /^[a-z]{2,5}_(?=[A-Z]*[a-z])(?=[a-z]*[A-Z])[A-Za-z0-9]{14,}$/,
  /^[a-z]{2,10}-(?=[A-Za-z]*\d)(?=[a-z0-9]*[A-Z])[A-Za-z0-9]{12,}$/,
  // Salesforce's 15 and 18 characters, ULIDs: letters of the upper case and digits, as no word has them.
  /^(?=[A-Za-z]*\d)(?=[a-z0-9]*[A-Z])[A-Za-z0-9]{15,}$/,
  // cuid and its like: lower case, but too many digits for a name such as "oauth2authorizations".
  /^(?=(?:[a-z]*\d){4})[a-z0-9]{20,}$/,
  // Base64url, as nanoid makes them.
  /^(?=(?:[A-Za-z_-]*\d){2})(?=[A-Z0-9_-]*[a-z])(?=[a-z0-9_-]*[A-Z])[A-Za-z0-9_-]{20,}$/,
  // E-mail addresses.
  /^[^@\s]+?(?:@|%40)[^@\s]+$/i,
];

/** Longer than any word: a token, or a text that somebody put into the path. */
const LONGEST_WORD = 100;
/** `450789469.json` and `42:cancel` name a record and a form or an action; these stay. */
const SUFFIX = /(?:\.(?:json|xml|csv|pdf|html)|:[A-Za-z]+)$/;
/** OData's `Accounts(00000000-0000-0000-0000-000000000001)`. */
const KEYED = /^([A-Za-z_]+)\(.+\)$/;

function isId(segment: string): boolean {
  return segment.length > LONGEST_WORD || IDS.some((pattern) => pattern.test(segment));
}

function generalised(segment: string): string {
  const keyed = KEYED.exec(segment);
  if (keyed !== null) return `${keyed[1]}({id})`;
  if (isId(segment)) return "{id}";
  const suffix = SUFFIX.exec(segment)?.[0];
  return suffix !== undefined && isId(segment.slice(0, -suffix.length)) ? `{id}${suffix}` : segment;
}

/** `POST /contacts/{id}` of a method and a path: segments that look like ids stand as `{id}`. A query is no part of it. */
export function deriveEndpoint(method: string, path: string): string {
  return `${method.toUpperCase()} ${withoutQuery(path).split("/").map(generalised).join("/") || "/"}`;
}

function withoutQuery(path: string): string {
  const end = path.search(/[?#]/);
  return end < 0 ? path : path.slice(0, end);
}

interface Template {
  readonly endpoint: string;
  readonly method: string;
  /** A literal each, or undefined where anything may stand. */
  readonly segments: readonly (string | undefined)[];
}

const ENDPOINT = /^(GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS) (\/\S*)$/;
/** Names are kept because the same paths come again and again; both bounds, because paths come from outside. */
const KEPT_NAMES = 2_000;
const KEPT_PATH_LENGTH = 300;

/** Finds the template that a request belongs to; templates that were written down come before derived ones. */
export class EndpointTable {
  readonly #templates: readonly Template[];
  readonly #known = new Map<string, string>();

  /** Throws a {@link ConfigError} at `path` for what is not an endpoint, or is one that was there before under another name. */
  constructor(endpoints: readonly string[], path = "endpoints") {
    this.#templates = endpoints.map((endpoint) => parseTemplate(endpoint, `${path}["${endpoint}"]`)).toSorted(specificFirst);
    const shapes = new Map<string, Template>();
    for (const template of this.#templates) {
      const shape = `${template.method} ${template.segments.map((segment) => segment ?? "{}").join("/")}`;
      const twin = shapes.get(shape);
      if (twin !== undefined) {
        const at = `${path}["${template.endpoint}"]`;
        throw new ConfigError({
          path: at,
          message: `${at} has no effect: every request that it fits belongs to "${twin.endpoint}"; join the two`,
        });
      }
      shapes.set(shape, template);
    }
  }

  /** The endpoint's name. `path` is the request's, below the base URL. */
  of(method: string, path: string): string {
    const upper = method.toUpperCase();
    const plain = withoutQuery(path);
    const request = `${upper} ${plain}`;
    const found = this.#known.get(request);
    if (found !== undefined) return found;
    const endpoint = this.#match(upper, plain) ?? deriveEndpoint(upper, plain);
    if (plain.length <= KEPT_PATH_LENGTH) {
      if (this.#known.size >= KEPT_NAMES) this.#known.clear();
      this.#known.set(request, endpoint);
    }
    return endpoint;
  }

  #match(method: string, path: string): string | undefined {
    const segments = path.split("/");
    return this.#templates.find(
      (template) =>
        template.method === method &&
        template.segments.length === segments.length &&
        template.segments.every((part, index) => (part === undefined ? segments[index] !== "" : part === segments[index])),
    )?.endpoint;
  }
}

function parseTemplate(endpoint: string, at: string): Template {
  const refuse = (problem: string): never => {
    throw new ConfigError({ path: at, message: `${at} ${problem}; write method and path template, such as "POST /contacts/{id}"` });
  };
  const [, method, template] = ENDPOINT.exec(endpoint) ?? [];
  if (method === undefined || template === undefined) return refuse("is not an endpoint");
  if (/[?#]/.test(template)) return refuse("has a query or a fragment, by which endpoints are not told apart");
  const segments = template.split("/").map((segment) => {
    if (/^\{[^{}]+\}$/.test(segment)) return undefined;
    return /[{}]/.test(segment) ? refuse(`has braces that are not a whole segment ("${segment}")`) : segment;
  });
  return { endpoint, method, segments };
}

/** `/contacts/search` before `/contacts/{id}`, in whatever order they were written. */
function specificFirst(a: Template, b: Template): number {
  for (let index = 0; index < Math.min(a.segments.length, b.segments.length); index += 1) {
    const order = Number(a.segments[index] === undefined) - Number(b.segments[index] === undefined);
    if (order !== 0) return order;
  }
  return 0;
}
