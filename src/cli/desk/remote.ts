import { ConfigError } from "../../core/errors.ts";
import type { DeskTransport } from "./desk.ts";
import { UnreachableError } from "./faults.ts";

/** A gateway that runs, over HTTP. */
export function remoteTransport(url: string, token: string | undefined): { readonly where: string; readonly transport: DeskTransport } {
  const base = URL.canParse(url) ? new URL(url) : undefined;
  if (base === undefined || !/^https?:$/.test(base.protocol)) {
    throw new ConfigError({ path: "--url", message: "--url is no http or https URL; give the gateway's, such as http://127.0.0.1:4180" });
  }
  if (base.username !== "" || base.password !== "") {
    throw new ConfigError({ path: "--url", message: "--url holds a credential; give the token with --token or in HOLDFAST_TOKEN" });
  }
  const root = `${base.origin}${base.pathname.replace(/\/+$/, "")}`;
  return {
    where: root,
    transport: async (method, path, body) => {
      try {
        return await fetch(`${root}${path}`, {
          method,
          headers: {
            ...(token === undefined ? {} : { "holdfast-token": token }),
            ...(body === undefined ? {} : { "content-type": "application/json" }),
          },
          ...(body === undefined ? {} : { body }),
          // A gateway does not redirect, and the token is for nobody else.
          redirect: "error",
        });
      } catch (cause) {
        const reason = (cause as { readonly cause?: unknown }).cause ?? cause;
        const why = reason instanceof Error ? ((reason as { readonly code?: string }).code ?? reason.message) : String(reason);
        throw new UnreachableError(`the gateway at ${root} cannot be reached (${why}); is it running, and is this its address?`, { cause });
      }
    },
  };
}
