import { refuse } from "../reading.ts";

/**
 * A method and a path template, such as `POST /contacts/{id}`. `*` (or no method at all, where a rule names a path only)
 * stands for any method; `{name}` for one segment; a closing `/*` for any rest.
 */
export interface EndpointPattern {
  /** As it was written. */
  readonly text: string;
  readonly method: string;
  readonly segments: readonly Segment[];
  /** Whether more segments may follow. */
  readonly open: boolean;
  /** Names of the `{…}` segments. */
  readonly params: readonly string[];
}

type Segment = { readonly type: "fixed"; readonly text: string } | { readonly type: "param"; readonly name: string };

const PATTERN = /^(?:([A-Z]+|\*) )?(\/\S*)$/;

export function parsePattern(text: string, path: string, method: "required" | "optional"): EndpointPattern {
  const match = PATTERN.exec(text);
  if (!match || (match[1] === undefined && method === "required")) {
    return refuse(path, text, 'it must be a method and a path, such as "POST /contacts/{id}"');
  }
  const pieces = splitPath(match[2] ?? "/");
  const open = pieces.at(-1) === "*";
  const segments = (open ? pieces.slice(0, -1) : pieces).map((piece): Segment => {
    if (/^\{\w+\}$/.test(piece)) return { type: "param", name: piece.slice(1, -1) };
    if (/[{}*?#]/.test(piece)) return refuse(path, text, `the segment ${JSON.stringify(piece)} must be fixed, "{name}", or "*" at the end`);
    return { type: "fixed", text: piece };
  });
  const params = segments.flatMap((segment) => (segment.type === "param" ? [segment.name] : []));
  return { text, method: match[1] ?? "*", segments, open, params };
}

/** The segments of a path, `/` alone having none. */
export function splitPath(path: string): readonly string[] {
  return path === "/" ? [] : path.slice(1).split("/");
}

/** The path's parameters if the pattern fits, else nothing. */
export function matchPattern(
  pattern: EndpointPattern,
  method: string,
  pieces: readonly string[],
): Readonly<Record<string, string>> | undefined {
  if (pattern.method !== "*" && pattern.method !== method) return undefined;
  if (pattern.open ? pieces.length < pattern.segments.length : pieces.length !== pattern.segments.length) return undefined;
  let params: Record<string, string> | undefined;
  for (const [index, segment] of pattern.segments.entries()) {
    const piece = pieces[index] as string;
    if (segment.type === "param") (params ??= Object.create(null) as Record<string, string>)[segment.name] = decode(piece);
    else if (segment.text !== piece) return undefined;
  }
  return params ?? NO_PARAMS;
}

const NO_PARAMS: Readonly<Record<string, string>> = Object.freeze(Object.create(null) as Record<string, string>);

/** Whether any request at all could fit both patterns: tells a rule for a mistyped endpoint from one that can match. */
export function patternsMeet(one: EndpointPattern, other: EndpointPattern): boolean {
  if (one.method !== "*" && other.method !== "*" && one.method !== other.method) return false;
  const [short, long] = one.segments.length <= other.segments.length ? [one, other] : [other, one];
  if (short.segments.length < long.segments.length && !short.open) return false;
  return short.segments.every((segment, index) => {
    const across = long.segments[index];
    return segment.type === "param" || across?.type !== "fixed" || segment.text === across.text;
  });
}

function decode(piece: string): string {
  try {
    return decodeURIComponent(piece);
  } catch {
    return piece;
  }
}
