import type { ReadHeader } from "./auth.ts";

/**
 * The cookie of who has signed in. The prefix makes browsers take it over https only, for this host alone and for all of it (RFC 6265bis
 * §4.1.3), and so no page next door can set one in our name.
 */
const NAME = "__Host-holdfast";

/** What sets the cookie, so that no script can read it and no other site's request carries it. */
export function sessionCookie(session: string, maxAgeMs: number): string {
  return `${NAME}=${session}; Path=/; Max-Age=${Math.floor(maxAgeMs / 1_000)}; Secure; HttpOnly; SameSite=Strict`;
}

/** What takes it away again. */
export const NO_SESSION_COOKIE: string = sessionCookie("", 0);

/**
 * Reads the headers of a request with the cookie in the place of a token, where no token was sent. Only for requests of our own pages,
 * which browsers mark: whatever else carries the cookie was not made by the one who signed in.
 */
export function withSession(read: ReadHeader): ReadHeader {
  const session = sessionIn(read);
  return session === undefined ? read : (name) => (name === "holdfast-token" ? session : read(name));
}

function sessionIn(read: ReadHeader): string | undefined {
  if (["holdfast-token", "proxy-authorization", "authorization"].some((name) => (read(name) ?? "") !== "")) return undefined;
  if (read("sec-fetch-site") !== "same-origin") return undefined;
  const cookies = (read("cookie") ?? "").split("; ").filter((one) => one.startsWith(`${NAME}=`));
  // Two of one name are nobody's doing but an attacker's.
  const session = cookies.length === 1 ? cookies[0]?.slice(NAME.length + 1) : undefined;
  return session === "" ? undefined : session;
}
