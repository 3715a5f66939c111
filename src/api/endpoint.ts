/** Segments that name a record and not a resource: numbers, UUIDs, long hex, prefixed ids (`cus_NffrFeUfNV2Hib`), e-mail addresses. */
const ID_SEGMENT =
  /^(?:\d+|[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|[0-9a-f]{16,}|[a-z]{2,8}_(?:[a-z]{2,8}_)?(?=[A-Za-z0-9]*\d)[A-Za-z0-9]{8,}|(?=[A-Za-z0-9]*\d)(?=[A-Za-z0-9]*[A-Z])[A-Za-z0-9]{15,}|[^@\s]+(?:@|%40)[^@\s]+)$/i;

/** `POST /contacts/{id}` of a method and a path: segments that look like ids stand as `{id}`. */
export function deriveEndpoint(method: string, path: string): string {
  const segments = path.split("/").map((segment) => (ID_SEGMENT.test(segment) ? "{id}" : segment));
  return `${method.toUpperCase()} ${segments.join("/") || "/"}`;
}

/** Finds the template that a request belongs to; templates that were written down come before derived ones. */
export class EndpointTable {
  readonly #templates: readonly { readonly endpoint: string; readonly method: string; readonly segments: readonly string[] }[];
  /** Derived names, kept because the same paths come again and again; bounded, because they come from outside. */
  readonly #derived = new Map<string, string>();

  constructor(endpoints: readonly string[]) {
    this.#templates = endpoints.map((endpoint) => {
      const [method = "", path = ""] = endpoint.split(" ", 2);
      return { endpoint, method, segments: path.split("/") };
    });
  }

  of(method: string, path: string): string {
    const known = `${method} ${path}`;
    const found = this.#derived.get(known);
    if (found !== undefined) return found;
    const endpoint = this.#match(method, path) ?? deriveEndpoint(method, path);
    if (this.#derived.size >= 2_000) this.#derived.clear();
    this.#derived.set(known, endpoint);
    return endpoint;
  }

  #match(method: string, path: string): string | undefined {
    const segments = path.split("/");
    return this.#templates.find(
      (template) =>
        template.method === method &&
        template.segments.length === segments.length &&
        template.segments.every((part, index) =>
          part.startsWith("{") && part.endsWith("}") ? segments[index] !== "" : part === segments[index],
        ),
    )?.endpoint;
  }
}
