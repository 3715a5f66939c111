import { isIP } from "node:net";
import type { ReadHeader, Refusal } from "./auth.ts";

/** Names under which a machine reaches itself. */
const LOOPBACK = new Set(["localhost", "127.0.0.1", "::1"]);

/**
 * Keeps out requests that a web page makes behind its reader's back. Two ways lead there: a page's own request to another site
 * (told by `Origin` and `Sec-Fetch-Site`, which no page can leave out or forge), and DNS rebinding, in which the page's own name
 * suddenly stands for our address (told by `Host`, which then holds that name).
 *
 * An address in `Host` is no name that could be rebound, so every IP address is let through; names are those of loopback and
 * of `allowedHosts`.
 */
export class StrangerGuard {
  readonly #hosts: ReadonlySet<string>;
  /** The last that was let through: mostly it is always the same. */
  #lastHost: string | undefined = undefined;

  /** `allowedHosts`: names under which the gateway is reached, without port. */
  constructor(allowedHosts: readonly string[] = []) {
    this.#hosts = new Set([...LOOPBACK, ...allowedHosts.map((name) => hostnameOf(name) ?? name.toLowerCase())]);
  }

  /** Why a request may not go on. `navigable`: another site may link to it, for what is shown is for a reader and changes nothing. */
  refusal(read: ReadHeader, navigable = false): Refusal | undefined {
    const host = read("host");
    if (host == null || host !== this.#lastHost) {
      const name = host == null ? undefined : hostnameOf(host);
      if (name === undefined || !(this.#hosts.has(name) || isIP(name) > 0)) {
        return {
          code: "host-refused",
          detail: `the header Host names ${name === undefined ? "no host" : JSON.stringify(name)}; add the name under which the gateway is reached to its allowed hosts`,
        };
      }
      this.#lastHost = host ?? undefined;
    }
    const site = read("sec-fetch-site");
    if (site === "cross-site" || site === "same-site") {
      if (navigable && read("sec-fetch-mode") === "navigate") return undefined;
      return { code: "origin-refused", detail: `a page of another site made this request (Sec-Fetch-Site: ${site})` };
    }
    const origin = read("origin");
    if (origin == null || hostOfOrigin(origin) === host?.toLowerCase()) return undefined;
    return { code: "origin-refused", detail: `a page of another origin made this request (Origin: ${origin.slice(0, 100)})` };
  }
}

/** The name or address in a `Host`, in lower case, without port and brackets; undefined where it is neither. */
function hostnameOf(host: string): string | undefined {
  const [, bracketed, plain] = /^(?:\[([0-9a-f:.]+)\]|([^\s:/?#@[\]\\]+))(?::\d{0,5})?$/i.exec(host.trim()) ?? [];
  return (bracketed ?? plain)?.toLowerCase().replace(/\.$/, "");
}

function hostOfOrigin(origin: string): string | undefined {
  return URL.canParse(origin) ? new URL(origin).host : undefined;
}
