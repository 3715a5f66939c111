/** The system call that Node names with a code, for those that it does not read from a socket. */
const CALLS: Readonly<Record<string, string>> = {
  ENOTFOUND: "getaddrinfo",
  EAI_AGAIN: "getaddrinfo",
  ECONNREFUSED: "connect",
  EHOSTUNREACH: "connect",
  ENETUNREACH: "connect",
  EPIPE: "write",
};

/** An error as Node's network code throws it; the text says who really threw it. */
export function networkError(code: string): Error {
  const syscall = CALLS[code] ?? "read";
  return Object.assign(new Error(`${syscall} ${code} (put in by chaos)`), { code, syscall });
}

/** The same, as the built-in `fetch` wraps it. */
export function fetchError(code: string): TypeError {
  return new TypeError("fetch failed", { cause: networkError(code) });
}
