import { ProblemError } from "./problem.ts";
import type { ResolvedRateLimit } from "../policy/rate-limit/options.ts";

/** What a token may do: `call` upstreams and enqueue, `read` what was kept, `operate` on it. None includes another. */
export type Scope = "call" | "read" | "operate";

export const SCOPES: readonly Scope[] = ["call", "read", "operate"];

/** A token as it is kept: never the token itself. */
export interface TokenEntry {
  /** Names it in the audit log and in `holdfast tokens`. */
  readonly name: string;
  /** SHA-256 of the token, in lower-case hex. */
  readonly sha256: string;
  readonly scopes: readonly Scope[];
  /** Only these APIs. Left out: all. */
  readonly apis?: readonly string[];
  /** Requests that it may make. Left out: no limit of its own. */
  readonly rateLimit?: Pick<ResolvedRateLimit, "limit" | "perMs" | "burst">;
  /** The account that it acts for: the partition of all its calls, and all that it sees. */
  readonly account?: string;
  /** Wall-clock milliseconds. */
  readonly expiresAt?: number;
  /** SHA-256 of the token that this one stands for, as a session does for who has signed in: it lives no longer than that. */
  readonly parent?: string;
}

/** Who makes a request. */
export interface Principal {
  /** The token's name; `local` where the gateway has no tokens, and `anonymous` on public routes. */
  readonly name: string;
  readonly scopes: readonly Scope[];
  /** Undefined: all. */
  readonly apis: readonly string[] | undefined;
  /** The account that the token or the header `Holdfast-Account` names. */
  readonly account: string | undefined;
  /** Whether the token is bound to its account, and so sees no other. */
  readonly bound: boolean;
}

/** Whoever reaches a gateway that has no tokens; it listens on loopback only. */
export const LOCAL: Principal = { name: "local", scopes: SCOPES, apis: undefined, account: undefined, bound: false };

/** Whether it may have to do with an API. */
export function mayUse(principal: Principal, api: string): boolean {
  return principal.apis === undefined || principal.apis.includes(api);
}

/** Whether it may see what belongs to an API and a partition. */
export function maySee(principal: Principal, of: { readonly api: string; readonly partition: string }): boolean {
  return mayUse(principal, of.api) && (!principal.bound || principal.account === of.partition);
}

/** Refuses whoever is bound to an account, where what is shown goes over all of them. @throws ProblemError */
export function refuseAccount({ name, bound }: Principal, what: string): void {
  if (bound) throw new ProblemError("forbidden", `the token ${name} is bound to an account, and ${what} over all of them`);
}

/** Refuses whoever sees a part only, where what is shown goes over everything. @throws ProblemError */
export function refusePart({ name, bound, apis }: Principal, what: string): void {
  if (!bound && apis === undefined) return;
  throw new ProblemError("forbidden", `the token ${name} is bound to ${bound ? "an account" : "some APIs"}, and ${what} over all of them`);
}
