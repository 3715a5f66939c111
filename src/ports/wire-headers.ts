/** Header fields as a plain record: names in lower case; a field that came several times is a list. */
export type HeaderFields = Record<string, string | string[]>;

/** Fields whose values must not be joined into one (RFC 9110 §5.3). */
const NEVER_JOINED = "set-cookie";

/**
 * `Headers` over a plain record. The built-in class checks, sorts and copies every field each time it is made, which costs more
 * than the whole lifecycle of a call; what has come off the wire was checked by the parser that read it.
 */
export class WireHeaders implements Headers {
  /** For whoever writes them on the wire. Names are in lower case. */
  readonly fields: HeaderFields;

  /** Takes over the record. One with a prototype does no harm: inherited names are not seen. */
  constructor(fields: HeaderFields = Object.create(null) as HeaderFields) {
    this.fields = fields;
  }

  /** A copy of any headers. */
  static from(headers: Headers): WireHeaders {
    const fields = Object.create(null) as HeaderFields;
    if (headers instanceof WireHeaders) {
      for (const name of Object.keys(headers.fields)) fields[name] = headers.fields[name] as string | string[];
    } else {
      for (const [name, value] of headers) if (name !== NEVER_JOINED) fields[name] = value;
      const cookies = headers.getSetCookie();
      if (cookies.length > 0) fields[NEVER_JOINED] = cookies;
    }
    return new WireHeaders(fields);
  }

  get(name: string): string | null {
    const value = this.#own(name);
    return value === undefined ? null : typeof value === "string" ? value : value.join(", ");
  }

  has(name: string): boolean {
    return this.#own(name) !== undefined;
  }

  set(name: string, value: string): void {
    this.fields[lower(name)] = value;
  }

  append(name: string, value: string): void {
    const lower = name.toLowerCase();
    const before = this.#own(lower);
    this.fields[lower] = before === undefined ? value : typeof before === "string" ? [before, value] : [...before, value];
  }

  delete(name: string): void {
    delete this.fields[name.toLowerCase()];
  }

  getSetCookie(): string[] {
    const value = this.#own(NEVER_JOINED);
    return value === undefined ? [] : typeof value === "string" ? [value] : [...value];
  }

  forEach(callback: (value: string, name: string, headers: Headers) => void, self?: unknown): void {
    for (const [name, value] of this) callback.call(self, value, name, this);
  }

  *entries(): ReturnType<Headers["entries"]> {
    for (const name of Object.keys(this.fields)) {
      const value = this.fields[name] as string | string[];
      if (typeof value === "string") yield [name, value];
      else if (name === NEVER_JOINED) for (const one of value) yield [name, one];
      else yield [name, value.join(", ")];
    }
  }

  *keys(): ReturnType<Headers["keys"]> {
    for (const [name] of this.entries()) yield name;
  }

  *values(): ReturnType<Headers["values"]> {
    for (const [, value] of this.entries()) yield value;
  }

  [Symbol.iterator](): ReturnType<Headers["entries"]> {
    return this.entries();
  }

  #own(name: string): string | string[] | undefined {
    const value: unknown = this.fields[lower(name)];
    // What is inherited is neither.
    return typeof value === "string" || Array.isArray(value) ? value : undefined;
  }
}

/** Names that were asked for: nearly all are constants of this code. */
const lowered = new Map<string, string>();
const MOST_LOWERED = 500;

function lower(name: string): string {
  const known = lowered.get(name);
  if (known !== undefined) return known;
  const made = name.toLowerCase();
  if (lowered.size < MOST_LOWERED) lowered.set(name, made);
  return made;
}
