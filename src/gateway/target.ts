import { ProblemError } from "./problem.ts";

/** Where a request to `/to/…` goes. */
export interface Target {
  readonly api: string;
  /** What follows the API's name, as it came: the path, and the query with its `?`. */
  readonly rest: string;
}

export const PREFIX = "/to/";

/**
 * Takes the target of a request apart. What follows the API's name is put behind its base URL as it came, so it must not be able to
 * climb out of that: a segment that is `.` or `..`, plain or percent-encoded, is refused and not resolved.
 *
 * @throws ProblemError
 */
export function targetOf(url: string): Target {
  const queryAt = url.indexOf("?");
  const end = queryAt < 0 ? url.length : queryAt;
  const slash = url.indexOf("/", PREFIX.length);
  const nameEnd = slash < 0 || slash > end ? end : slash;
  const name = url.slice(PREFIX.length, nameEnd);
  const path = url.slice(nameEnd, end);
  if (MAY_CLIMB.test(path)) refuseClimbing(path);
  return { api: name.includes("%") ? decoded(name) : name, rest: url.slice(nameEnd) };
}

/** What only a path has that deserves a second look. */
const MAY_CLIMB = /\/\.|[%\\#]/;

function refuseClimbing(path: string): void {
  if (path.includes("#"))
    throw new ProblemError("invalid-request", "the target has a fragment (#), which no request carries; encode it as %23");
  // Whoever stands behind may take %2f and a backslash for a slash.
  const climbs = decoded(path)
    .split(/[/\\]/)
    .some((segment) => segment === "." || segment === "..");
  if (!climbs) return;
  throw new ProblemError(
    "invalid-request",
    "the path has a segment . or .., which could lead out of the API's base URL; send the path that is meant",
  );
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new ProblemError("invalid-request", "the path has a % that is not followed by two hexadecimal digits of UTF-8; encode it as %25");
  }
}
