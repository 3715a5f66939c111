import type { GatewayOptions } from "../../api/gateway-options.ts";
import { TOKEN_SCOPES, type TokenOptions, type TokenRateLimit } from "../../api/token-options.ts";
import type { WorkerOptions } from "../../engine/worker-options.ts";
import { shape, use, type Shape } from "./shape.ts";
import { aboveZero, duration, either, listOf, oneOf, reference, someTime, text, whole } from "./values.ts";

const MOST = Number.MAX_SAFE_INTEGER;

export const tokenRateLimit: Shape = shape<TokenRateLimit>({
  name: "TokenRateLimit",
  about: "Requests that may be made with a token.",
  options: {
    limit: { about: "Requests per `per`.", schema: aboveZero },
    per: { about: "The time that `limit` is counted in.", fallback: "1s", schema: someTime },
    burst: { about: "How many may go at once.", fallback: "limit", schema: { type: "number", minimum: 1 } },
  },
  required: ["limit"],
});

export const tokenHash: Shape = shape<{ readonly sha256: string }>({
  name: "TokenHash",
  about: "A token by what is left of it when it is not known.",
  options: { sha256: { about: "SHA-256 of the token, in hex.", schema: { type: "string", pattern: "^[0-9a-fA-F]{64}$" } } },
  required: ["sha256"],
});

export const token: Shape = shape<TokenOptions>({
  name: "Token",
  about: "Somebody who may use the gateway.",
  options: {
    name: { about: "Names it in the audit log; no two are alike.", schema: text },
    token: {
      about: "Where the token stands, or its SHA-256 in hex: a config holds no token.",
      schema: either(use(reference), use(tokenHash)),
    },
    scopes: {
      about: "What it may do: `call` upstreams and enqueue, `read` what was kept, `operate` on it. None includes another.",
      schema: listOf(oneOf(...TOKEN_SCOPES), { least: 1 }),
    },
    apis: { about: "Only these APIs.", fallback: "all", schema: listOf({ type: "string", examples: ["crm"] }, { least: 1 }) },
    rateLimit: { about: "Requests that may be made with it.", fallback: "no limit of its own", schema: use(tokenRateLimit) },
    account: {
      about: "The account that it acts for: the partition of all its calls, and all that it sees.",
      fallback: "any, by the header `Holdfast-Account`",
      schema: text,
    },
    expires: {
      about: "From when on it is worth nothing: a date, or an instant, of RFC 3339.",
      fallback: "never",
      schema: {
        type: "string",
        pattern: "^\\d{4}-\\d{2}-\\d{2}(?:T\\d{2}:\\d{2}(?::\\d{2}(?:\\.\\d+)?)?(?:Z|[+-]\\d{2}:\\d{2}))?$",
        examples: ["2027-01-31", "2027-01-31T12:00:00Z"],
      },
    },
  },
  required: ["name", "token", "scopes"],
});

export const worker: Shape = shape<WorkerOptions>({
  name: "Worker",
  about: "How the queue's worker works.",
  options: {
    concurrency: { about: "Operations under way at once in this process.", fallback: "200", schema: whole(1) },
    laneConcurrency: { about: "Of one lane.", fallback: "50, or concurrency where that is less", schema: whole(1) },
    lease: {
      about: "How long an operation is held without a word; extended while an attempt lasts. At least a second.",
      fallback: "60s",
      schema: duration({ least: 1_000 }),
    },
    poisonAfter: {
      about: "Holders that may vanish with an operation before it is a dead letter `poison`.",
      fallback: "3",
      schema: whole(1),
    },
    pollEvery: { about: "Longest rest while there is nothing to do. At least 10 ms.", fallback: "2s", schema: duration({ least: 10 }) },
  },
});

export const gateway: Shape = shape<GatewayOptions>({
  name: "Gateway",
  about: "What `holdfast serve` asks of those who come to it. Sizes are bytes.",
  options: {
    allowedHosts: {
      about: "Names under which it is reached, beside those of loopback and IP addresses: any other `Host` is refused.",
      fallback: "none",
      schema: listOf({ type: "string", pattern: "^[^\\s:/?#@[\\]\\\\]+$", examples: ["holdfast.internal"] }),
    },
    maxBody: { about: "A larger body is refused with 413.", fallback: "104857600 (100 MiB)", schema: whole(1, MOST) },
    replayBody: {
      about: "Up to this a body is held, so that it can be sent again; a larger one goes through once, and the answer says so.",
      fallback: "1048576 (1 MiB), or maxBody where that is less",
      schema: whole(0, MOST),
    },
    maxHeaders: {
      about: "All headers of a request together; larger ones are refused with 431.",
      fallback: "32768",
      schema: whole(1_024, MOST),
    },
    headersTimeout: {
      about: "In this time a request's headers have to come.",
      fallback: "15s, or requestTimeout where that is less",
      schema: someTime,
    },
    requestTimeout: { about: "In this time a whole request has to come, its body too.", fallback: "5m", schema: someTime },
    keepAlive: { about: "A connection that nothing comes by for so long is closed.", fallback: "75s", schema: someTime },
    maxConnections: {
      about: "Connections at once; who comes beyond them is told to come back. Health stays reachable.",
      fallback: "10000",
      schema: whole(1, MOST),
    },
    grace: { about: "How long what is under way may take when the process is told to end.", fallback: "20s", schema: duration() },
  },
});
