import { ConfigError, NotFoundError, StoreError } from "../../core/errors.ts";

/** The gateway cannot be reached, or is none. */
export class UnreachableError extends Error {
  override readonly name: string = "UnreachableError";
}

/** The gateway wants a token, or another one. */
export class DeniedError extends Error {
  override readonly name: string = "DeniedError";
}

/** The gateway understood, and does not do it: what is to be changed is in no state for it. */
export class RefusedError extends Error {
  override readonly name: string = "RefusedError";
}

/** What a refusal is on the command line. */
export function faultOfAnswer(status: number, answer: unknown, where: string): Error {
  const { detail, code, errors } = (answer ?? {}) as {
    readonly detail?: string;
    readonly code?: string;
    readonly errors?: readonly { readonly path: string }[];
  };
  if (detail === undefined) return new UnreachableError(`${where} answered ${status} and no problem+json; is it a gateway of Holdfast?`);
  if (code === "unauthorized" || code === "forbidden" || code === "host-refused" || code === "origin-refused") {
    return new DeniedError(code === "unauthorized" ? `${detail}; give one with --token or in HOLDFAST_TOKEN` : detail);
  }
  if (code === "not-found") return new NotFoundError(detail);
  if (code === "store") return new StoreError(detail);
  if (code === "no-route") return new UnreachableError(`${where} is no gateway of Holdfast, or one of another version: ${detail}`);
  if (status === 503 || status === 429) return new UnreachableError(detail);
  if (status === 409 || status >= 500) return new RefusedError(detail);
  return new ConfigError({ path: errors?.[0]?.path ?? "request", message: detail });
}
