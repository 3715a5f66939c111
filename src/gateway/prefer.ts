/** What a request prefers (RFC 7240), as far as it is for us. */
export interface Preferences {
  readonly respondAsync: boolean;
  /** How long its caller waits, in seconds; undefined without a word on it. */
  readonly waitSeconds: number | undefined;
  /** The rest, which is the upstream's: `return=minimal` and its like. */
  readonly rest: string | undefined;
}

const NONE: Preferences = Object.freeze({ respondAsync: false, waitSeconds: undefined, rest: undefined });

/** A token, perhaps `=` and a value, plain or quoted, and what follows up to the next comma (parameters). In linear time. */
const PREFERENCE = /([\w!#$%&'*+.^`|~-]+)(?:[ \t]*=[ \t]*(?:"((?:[^"\\]|\\.)*)"|([^\s,;"]+)))?([^,"]*(?:"(?:[^"\\]|\\.)*"[^,"]*)*)/g;

/** A day: more than that nobody waits for an answer. */
const LONGEST_WAIT_SECONDS = 86_400;

/** What comes after so many characters is no preference of anybody. */
const LONGEST_HEADER = 1_000;

/** Reads `Prefer`. What cannot be read is no preference: RFC 7240 §2 wants that ignored. The first of two of a name counts. */
export function readPrefer(header: string | undefined): Preferences {
  if (header === undefined || header === "") return NONE;
  let respondAsync = false;
  let waitSeconds: number | undefined;
  const rest: string[] = [];
  for (const [text, name = "", quoted, plain] of header.slice(0, LONGEST_HEADER).matchAll(PREFERENCE)) {
    switch (name.toLowerCase()) {
      case "respond-async":
        respondAsync = true;
        break;
      case "wait": {
        const value = quoted ?? plain ?? "";
        if (waitSeconds === undefined && /^\d{1,9}$/.test(value)) waitSeconds = Math.min(Number(value), LONGEST_WAIT_SECONDS);
        break;
      }
      default:
        rest.push(text.trim());
    }
  }
  return { respondAsync, waitSeconds, rest: rest.length === 0 ? undefined : rest.join(", ") };
}

/** `Preference-Applied`: what of it was done. */
export function preferenceApplied({ respondAsync, waitSeconds }: Omit<Preferences, "rest">): string | undefined {
  if (!respondAsync && waitSeconds === undefined) return undefined;
  const applied = [...(respondAsync ? ["respond-async"] : []), ...(waitSeconds === undefined ? [] : [`wait=${waitSeconds}`])];
  return applied.join(", ");
}
