import { ConfigError } from "../core/errors.ts";
import { refuseUnknown } from "../core/options.ts";
import { shown } from "../core/shown.ts";
import { headerNameAt } from "./headers.ts";
import { checkSecret, isAbsolute, type SecretSource } from "./secret.ts";

/** How calls to an API are authorised. The credential is put together when it is sent, and stands in nothing that is kept. */
export type AuthOptions = BearerAuth | BasicAuth | HeaderAuth | QueryAuth | OAuth2Auth;

/** `Authorization: Bearer …`. */
export interface BearerAuth {
  readonly type: "bearer";
  readonly token: SecretSource;
}

/** `Authorization: Basic …` (RFC 7617). */
export interface BasicAuth {
  readonly type: "basic";
  readonly username: SecretSource;
  readonly password: SecretSource;
}

/** A header of the API's own, such as `X-Api-Key`. */
export interface HeaderAuth {
  readonly type: "header";
  readonly name: string;
  readonly value: SecretSource;
}

/** A parameter of the URL's query, for APIs that know no better. It is added on the wire only: no URL that is kept or shown has it. */
export interface QueryAuth {
  readonly type: "query";
  readonly name: string;
  readonly value: SecretSource;
}

/** Bearer tokens that a token endpoint gives (RFC 6749): got when one is wanted, and again before they run out or once they are refused. */
export type OAuth2Auth = ClientCredentialsAuth | RefreshTokenAuth;

interface OAuth2Common {
  readonly type: "oauth2";
  /** The token endpoint, a full URL; `https`, or `http` on this machine. */
  readonly tokenUrl: string;
  readonly clientId: SecretSource;
  /** What the token is to be good for, parted by spaces. */
  readonly scope?: string;
  /** More fields of the token request, such as `audience` or `resource`. Not secret. */
  readonly parameters?: Readonly<Record<string, string>>;
  /** How the client says who it is: by a Basic header, or by fields of the request. @default "basic", or "body" without a secret */
  readonly clientAuth?: "basic" | "body";
}

/** For a program of its own (RFC 6749 §4.4). */
export interface ClientCredentialsAuth extends OAuth2Common {
  readonly grant: "client-credentials";
  readonly clientSecret: SecretSource;
}

/** For a program that acts for somebody who has agreed once (RFC 6749 §6). */
export interface RefreshTokenAuth extends OAuth2Common {
  readonly grant: "refresh-token";
  /** Public clients have none. */
  readonly clientSecret?: SecretSource;
  readonly refreshToken: SecretSource;
  /**
   * An absolute path. Endpoints that give a new refresh token with each answer, and forget the old one, need it: the new one is
   * written there (mode 0600), and read from there in place of `refreshToken` ever after. @default the new one lives as long as this process
   */
  readonly keepIn?: string;
}

/** `Authorization: Bearer …`. A function is asked once, and again after a 401: that is how a token is refreshed. */
export function bearer(token: SecretSource): BearerAuth {
  return { type: "bearer", token };
}

/** The secrets of each kind, and its other options. */
const KINDS: Readonly<Record<AuthOptions["type"], { readonly secrets: readonly string[]; readonly others: readonly string[] }>> = {
  bearer: { secrets: ["token"], others: [] },
  basic: { secrets: ["username", "password"], others: [] },
  header: { secrets: ["value"], others: ["name"] },
  query: { secrets: ["value"], others: ["name"] },
  oauth2: {
    secrets: ["clientId", "clientSecret", "refreshToken"],
    others: ["grant", "tokenUrl", "scope", "parameters", "clientAuth", "keepIn"],
  },
};

/** The secrets that it wants, by the option that names them. */
export function secretsOf(options: AuthOptions): readonly (readonly [name: string, source: SecretSource])[] {
  const sources = options as unknown as Readonly<Record<string, SecretSource | undefined>>;
  return KINDS[options.type].secrets.flatMap((name) => {
    const source = sources[name];
    return source === undefined ? [] : [[name, source] as const];
  });
}

/** Refuses what no credential can be made of. No error text holds a secret. */
export function checkAuth(options: AuthOptions, path: string): void {
  const type: unknown = (options as { type?: unknown } | null)?.type;
  if (typeof type !== "string" || !Object.hasOwn(KINDS, type)) {
    throw new ConfigError({
      path: `${path}.type`,
      message: `${path}.type is ${shown(type)}; give one of ${Object.keys(KINDS).join(", ")}`,
    });
  }
  const { secrets, others } = KINDS[options.type];
  refuseUnknown(options, ["type", ...secrets, ...others], path);
  switch (options.type) {
    case "header":
      headerNameAt(options.name, `${path}.name`);
      break;
    case "query":
      parameterNameAt(options.name, `${path}.name`);
      break;
    case "oauth2":
      checkOAuth2(options, path);
      return;
    case "bearer":
    case "basic":
      break;
  }
  for (const name of secrets) checkSecret((options as unknown as Record<string, unknown>)[name], `${path}.${name}`);
}

function parameterNameAt(name: unknown, path: string): void {
  if (typeof name === "string" && name !== "") return;
  throw new ConfigError({ path, message: `${path} is ${shown(name)}; give the name of the parameter, such as "api_key"` });
}

function checkOAuth2(options: OAuth2Auth, path: string): void {
  const refuse = (name: string, problem: string): never => {
    throw new ConfigError({ path: `${path}.${name}`, message: `${path}.${name} ${problem}` });
  };
  const { grant, scope, parameters = {}, clientAuth } = options;
  if (grant !== "client-credentials" && grant !== "refresh-token") {
    refuse("grant", `is ${shown(grant)}; give "client-credentials" or "refresh-token"`);
  }
  checkTokenUrl(options.tokenUrl, refuse);
  checkSecret(options.clientId, `${path}.clientId`);
  if (grant === "client-credentials" || options.clientSecret !== undefined) checkSecret(options.clientSecret, `${path}.clientSecret`);
  if (grant === "refresh-token") {
    checkSecret(options.refreshToken, `${path}.refreshToken`);
    if (options.keepIn !== undefined && !isAbsolute(options.keepIn)) {
      refuse("keepIn", `is ${shown(options.keepIn)}; give an absolute path, such as "/var/lib/holdfast/crm.refresh-token"`);
    }
  } else {
    for (const name of ["refreshToken", "keepIn"]) {
      if (name in options) refuse(name, 'has no effect with grant "client-credentials", which needs none; remove it');
    }
  }
  if (scope !== undefined && (typeof scope !== "string" || scope === ""))
    refuse("scope", `is ${shown(scope)}; give scopes, parted by spaces`);
  if (clientAuth !== undefined && clientAuth !== "basic" && clientAuth !== "body") {
    refuse("clientAuth", `is ${shown(clientAuth)}; give "basic" or "body"`);
  }
  if (clientAuth === "basic" && options.clientSecret === undefined) {
    refuse("clientAuth", 'is "basic", which takes a clientSecret; give one, or leave clientAuth out');
  }
  if (typeof parameters !== "object" || (parameters as unknown) === null || Array.isArray(parameters)) {
    refuse("parameters", `is ${shown(parameters)}; give the fields by name`);
  }
  for (const [name, value] of Object.entries(parameters)) {
    if (OWN_FIELDS.has(name)) refuse(`parameters.${name}`, "is a field that the grant sets by itself; remove it");
    if (typeof value !== "string") refuse(`parameters.${name}`, `is ${shown(value)}; give a text`);
  }
}

/** Fields of a token request that have options of their own. */
const OWN_FIELDS: ReadonlySet<string> = new Set(["grant_type", "client_id", "client_secret", "refresh_token", "scope"]);

function checkTokenUrl(text: unknown, refuse: (name: string, problem: string) => never): void {
  const url = typeof text === "string" && URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || (url.protocol !== "https:" && url.protocol !== "http:")) {
    return refuse("tokenUrl", "is no full URL; give the token endpoint, such as https://auth.example.com/oauth/token");
  }
  if (url.username !== "" || url.password !== "" || url.hash !== "") {
    return refuse("tokenUrl", "holds a credential or a fragment; name the client by clientId and clientSecret");
  }
  if (url.protocol === "http:" && !/^(?:localhost|127(?:\.\d+){3}|\[::1\])$/.test(url.hostname)) {
    return refuse("tokenUrl", "is http, so the client's secret would cross the network in clear; give https");
  }
}
