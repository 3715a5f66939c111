import { errorAnswer, jsonAnswer } from "./answer.ts";
import type { Answer } from "./answer.ts";
import { parsePattern } from "./endpoint-pattern.ts";
import type { EndpointPattern } from "./endpoint-pattern.ts";
import { isFor, readPatterns } from "./endpoint-filter.ts";
import { join, optional, readList, readNumber, readObject, readText } from "../reading.ts";
import type { Received } from "./received.ts";
import type { ReadTime } from "./script-time.ts";

/** How the API asks for bearer tokens. */
export interface TokenRules {
  /** The endpoint that issues tokens. */
  readonly issuer: EndpointPattern;
  readonly validForMs: number;
  readonly uses: number;
  readonly tokens: readonly string[];
  readonly patterns: readonly EndpointPattern[];
}

export function readTokenRules(
  value: unknown,
  path: string,
  ground: { readonly endpoints: readonly EndpointPattern[]; readonly time: ReadTime },
): TokenRules {
  const fields = readObject(value, path, ["tokenPath", "validFor", "uses", "tokens", "endpoint"]);
  const tokenPath = optional(fields["tokenPath"], join(path, "tokenPath"), readText) ?? "/oauth/token";
  return {
    issuer: parsePattern(`POST ${tokenPath}`, join(path, "tokenPath"), "required"),
    validForMs: optional(fields["validFor"], join(path, "validFor"), ground.time) ?? Infinity,
    uses: optional(fields["uses"], join(path, "uses"), (uses, at) => readNumber(uses, at, { min: 1, integer: true })) ?? Infinity,
    tokens: (optional(fields["tokens"], join(path, "tokens"), readList) ?? []).map((token, index) =>
      readText(token, `${path}.tokens[${index}]`),
    ),
    patterns: optional(fields["endpoint"], join(path, "endpoint"), (texts, at) => readPatterns(texts, at, ground.endpoints)) ?? [],
  };
}

/** Counted by the desk. */
export interface TokenTally {
  issued: number;
  refused: number;
}

/** Issues tokens and looks at those that come back. */
export interface TokenDesk {
  readonly tally: Readonly<TokenTally>;
  issue(elapsedMs: number): Answer;
  /** The 401 for a request without a good token; a good one is used once more. */
  refuse(request: Received, elapsedMs: number): Answer | undefined;
}

export function tokenDesk(rules: TokenRules): TokenDesk {
  const tally: TokenTally = { issued: 0, refused: 0 };
  const known = new Map<string, { readonly expiresMs: number; left: number }>();
  for (const token of rules.tokens) known.set(token, { expiresMs: rules.validForMs, left: rules.uses });

  const spend = (token: string, elapsedMs: number): boolean => {
    const found = known.get(token);
    if (found === undefined) return false;
    if (elapsedMs >= found.expiresMs || found.left === 0) {
      known.delete(token);
      return false;
    }
    found.left -= 1;
    return true;
  };

  return {
    tally,
    issue(elapsedMs) {
      tally.issued += 1;
      const token = `token-${tally.issued}`;
      known.set(token, { expiresMs: elapsedMs + rules.validForMs, left: rules.uses });
      const expiry = rules.validForMs === Infinity ? {} : { expires_in: Math.ceil(rules.validForMs / 1_000) };
      return jsonAnswer(200, { access_token: token, token_type: "Bearer", ...expiry }, ["cache-control", "no-store"]);
    },
    refuse(request, elapsedMs) {
      if (!isFor(rules.patterns, request.method, request.path)) return undefined;
      const [, token] = /^bearer (\S+)$/i.exec(request.header("authorization") ?? "") ?? [];
      if (token !== undefined && spend(token, elapsedMs)) return undefined;
      tally.refused += 1;
      const challenge = token === undefined ? "Bearer" : 'Bearer error="invalid_token"';
      return errorAnswer(401, "UNAUTHORIZED", "the bearer token is missing, unknown or expired", ["www-authenticate", challenge]);
    },
  };
}
