import { WireHeaders, type HeaderFields } from "../ports/wire-headers.ts";
import { ProblemError } from "./problem.ts";

/** The head of a request to an upstream, read in one go: what goes on, and what was for us. */
export interface RequestHead {
  /** What goes on to the upstream: neither hop-by-hop (RFC 9110 §7.6.1) nor ours. */
  readonly headers: WireHeaders;
  /** What stays here, by name in lower case. */
  readonly own: Readonly<Record<string, string>>;
  /** Reads any header of the request. */
  readonly read: (name: string) => string | undefined;
}

/** Stays here: about this connection, or written anew for the next. */
const STAYS: ReadonlySet<string> = new Set([
  "connection",
  "keep-alive",
  "proxy-authenticate",
  "proxy-authorization",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
  "http2-settings",
  "host",
  "content-length",
  "expect",
  "prefer",
]);

const OWN_PREFIX = "holdfast-";

/** Options of `Connection` that name no header. */
const NO_HEADER: ReadonlySet<string> = new Set(["close", "keep-alive", ""]);

/**
 * @param raw names and values in turn, as node:http has them
 * @throws ProblemError where there is not exactly one Host
 */
export function readHead(raw: readonly string[]): RequestHead {
  // A plain object: one without a prototype is a table from the start, which is slower to fill. `__proto__` is no name that it takes.
  const fields: HeaderFields = {};
  const own = Object.create(null) as Record<string, string>;
  let hosts = 0;
  for (let index = 0; index < raw.length; index += 2) {
    const name = (raw[index] as string).toLowerCase();
    const value = raw[index + 1] as string;
    if (STAYS.has(name) || name.startsWith(OWN_PREFIX)) {
      if (name === "host") hosts += 1;
      own[name] = own[name] === undefined ? value : `${own[name]}, ${value}`;
      continue;
    }
    const before = Object.hasOwn(fields, name) ? (fields[name] as string) : undefined;
    fields[name] = before === undefined ? value : `${before}${name === "cookie" ? "; " : ", "}${value}`;
  }
  if (hosts !== 1) {
    const what = hosts === 0 ? "no Host header" : `${hosts} Host headers`;
    throw new ProblemError("invalid-request", `the request has ${what}, and it must have one (RFC 9112 §3.2)`);
  }
  const { connection } = own;
  if (connection !== undefined) leaveOut(fields, connection);
  return {
    headers: new WireHeaders(fields),
    own,
    read: (name) => own[name] ?? (Object.hasOwn(fields, name) ? (fields[name] as string) : undefined),
  };
}

/** Takes out what `Connection` names: it was meant for the next hop only. */
function leaveOut(fields: HeaderFields, connection: string): void {
  if (NO_HEADER.has(connection)) return;
  for (const option of nominated(connection)) delete fields[option];
}

/** Names of the headers that a `Connection` header nominates. */
export function nominated(connection: string): readonly string[] {
  return connection
    .toLowerCase()
    .split(",")
    .map((option) => option.trim())
    .filter((option) => !NO_HEADER.has(option));
}
