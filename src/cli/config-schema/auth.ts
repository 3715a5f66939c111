import type { BasicAuth, BearerAuth, ClientCredentialsAuth, HeaderAuth, QueryAuth, RefreshTokenAuth } from "../../api/auth.ts";
import { shape, use, type Option, type Schema, type Shape } from "./shape.ts";
import { either, headerName, keepIn, oneOf, secret, text } from "./values.ts";

function type(name: string): Option {
  return { about: "Its kind.", schema: { const: name } };
}

const bearer = shape<BearerAuth>({
  name: "BearerAuth",
  about: "`Authorization: Bearer …`.",
  options: { type: type("bearer"), token: { about: "The token.", schema: secret } },
  required: ["type", "token"],
});

const basic = shape<BasicAuth>({
  name: "BasicAuth",
  about: "`Authorization: Basic …` (RFC 7617).",
  options: {
    type: type("basic"),
    username: { about: "The user.", schema: secret },
    password: { about: "The password.", schema: secret },
  },
  required: ["type", "username", "password"],
});

const header = shape<HeaderAuth>({
  name: "HeaderAuth",
  about: "A header of the API's own, such as `X-Api-Key`.",
  options: { type: type("header"), name: { about: "The header.", schema: headerName }, value: { about: "What it holds.", schema: secret } },
  required: ["type", "name", "value"],
});

const query = shape<QueryAuth>({
  name: "QueryAuth",
  about: "A parameter of the URL's query. It is added on the wire only: no URL that is kept or shown has it.",
  options: { type: type("query"), name: { about: "The parameter.", schema: text }, value: { about: "What it holds.", schema: secret } },
  required: ["type", "name", "value"],
});

const common = {
  type: type("oauth2"),
  tokenUrl: {
    about: "The token endpoint: https, or http on this machine; without a credential or a fragment.",
    schema: {
      type: "string",
      pattern: "^\\s*[Hh][Tt][Tt][Pp][Ss]?:",
      examples: ["https://auth.example.com/oauth/token", "http://127.0.0.1:3000/token"],
    },
  },
  clientId: { about: "Who asks.", schema: secret },
  scope: { about: "What the token is to be good for, parted by spaces.", schema: text },
  parameters: {
    about: "More fields of the token request, such as `audience` or `resource`. Not secret.",
    fallback: "none",
    schema: {
      type: "object",
      propertyNames: { not: { enum: ["grant_type", "client_id", "client_secret", "refresh_token", "scope"] }, examples: ["audience"] },
      additionalProperties: { type: "string" },
    },
  },
  clientAuth: {
    about: "How the client says who it is: by a Basic header, or by fields of the request.",
    fallback: "basic, or body without a secret",
    schema: oneOf("basic", "body"),
  },
} satisfies Record<string, Option>;

const clientCredentials = shape<ClientCredentialsAuth>({
  name: "ClientCredentialsAuth",
  about:
    "OAuth 2 for a program of its own (RFC 6749 §4.4): tokens are got when one is wanted, and again before they run out or once they are refused.",
  options: {
    ...common,
    grant: { about: "Its grant.", schema: { const: "client-credentials" } },
    clientSecret: { about: "The client's secret.", schema: secret },
  },
  required: ["type", "grant", "tokenUrl", "clientId", "clientSecret"],
});

const refreshToken = shape<RefreshTokenAuth>({
  name: "RefreshTokenAuth",
  about: "OAuth 2 for a program that acts for somebody who has agreed once (RFC 6749 §6).",
  options: {
    ...common,
    grant: { about: "Its grant.", schema: { const: "refresh-token" } },
    clientSecret: { about: "The client's secret. Public clients have none.", fallback: "none", schema: secret },
    refreshToken: { about: "The refresh token that it begins with.", schema: secret },
    keepIn: {
      about:
        "An absolute path. Endpoints that give a new refresh token with each answer, and forget the old one, need it: the new one is written there (mode 0600), and read from there ever after.",
      fallback: "the new one lives as long as the process",
      schema: keepIn,
    },
  },
  required: ["type", "grant", "tokenUrl", "clientId", "refreshToken"],
});

export const AUTH_SHAPES: readonly Shape[] = [bearer, basic, header, query, clientCredentials, refreshToken];

export const auth: Schema = either(...AUTH_SHAPES.map(use));
