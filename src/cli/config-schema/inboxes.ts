import type { ConfiguredInbox } from "../../client/configured-inboxes.ts";
import type { ForwardTo } from "../../client/inbox-options.ts";
import type { VerifyOptions } from "../../durable/inbox/options.ts";
import { SCHEMES } from "../../policy/webhook/schemes.ts";
import { shape, use, type Option, type Schema, type Shape } from "./shape.ts";
import { duration, either, headerName, oneOf, reference, secrets, text, whole } from "./values.ts";

type Plain = Extract<VerifyOptions, { readonly scheme: "hmac" }>;
type Known = Exclude<VerifyOptions, Plain>;

const common = {
  secret: {
    about: "What the sender signs with. Several while it is being replaced. A config holds none itself.",
    schema: secrets(use(reference)),
  },
  tolerance: { about: "How far a signed timestamp may be off, in both directions.", fallback: "5m", schema: duration() },
} satisfies Record<string, Option>;

const scheme = "How the sender signs.";

export const verifyKnown: Shape = shape<Omit<Known, "url">>({
  name: "VerifyByScheme",
  about: "A sender whose way of signing is known.",
  options: { scheme: { about: scheme, schema: oneOf(...Object.keys(SCHEMES).filter((name) => name !== "hubspot")) }, ...common },
  required: ["scheme", "secret"],
});

export const verifyHubspot: Shape = shape<Known>({
  name: "VerifyHubspot",
  about: "HubSpot, which signs the URL too.",
  options: {
    scheme: { about: scheme, schema: { const: "hubspot" } },
    ...common,
    url: {
      about: "The URL that the sender calls, where a proxy changes it.",
      fallback: "as it came",
      schema: { type: "string", examples: ["https://hooks.example.com/in/hubspot", "https://hooks.example.org/in/hubspot"] },
    },
  },
  required: ["scheme", "secret"],
});

function only(name: string, value: Schema): Schema {
  return { type: "object", properties: { [name]: value }, required: [name], additionalProperties: false };
}

export const verifyHmac: Shape = shape<Plain>({
  name: "VerifyHmac",
  about: "A sender that follows nobody's scheme: an HMAC over the body in a header.",
  options: {
    scheme: { about: scheme, schema: { const: "hmac" } },
    ...common,
    header: { about: "The header that holds the signature.", schema: headerName },
    prefix: { about: "What stands before it in the header, such as `sha256=`.", fallback: "nothing", schema: { type: "string" } },
    encoding: { about: "How it is written.", fallback: "hex", schema: oneOf("hex", "base64") },
    hash: { about: "The hash.", fallback: "sha256", schema: oneOf("sha256", "sha512", "sha1") },
    id: {
      about: "Where the event's id stands: in a `header`, or in the `json` body by a dotted path.",
      schema: either(only("header", headerName), only("json", text)),
    },
    timestamp: {
      about: "A header with the time of sending, if it is signed: the message is then timestamp, a dot and the body.",
      fallback: "none",
      schema: {
        type: "object",
        properties: { header: headerName, unit: oneOf("s", "ms") },
        required: ["header", "unit"],
        additionalProperties: false,
      },
    },
  },
  required: ["scheme", "secret", "header", "id"],
});

export const forwardTo: Shape = shape<ForwardTo>({
  name: "ForwardTo",
  about: "Where events are sent on to.",
  options: {
    api: { about: "The name of an API of this config, which has a baseUrl.", schema: { type: "string", examples: ["crm", "erp"] } },
    endpoint: {
      about: "Method and path, such as `POST /hooks/stripe`.",
      schema: { type: "string", pattern: "^(?:POST|PUT|PATCH) /\\S*$", examples: ["POST /hooks/stripe", "PUT /hooks"] },
    },
  },
  required: ["api", "endpoint"],
});

export const inbox: Shape = shape<ConfiguredInbox>({
  name: "Inbox",
  about: "Webhooks of one source: who sends, and where they are sent on ([inbox](../guide/inbox.md)).",
  options: {
    verify: { about: "How it is known who sent one.", schema: either(use(verifyKnown), use(verifyHubspot), use(verifyHmac)) },
    forwardTo: { about: "Where they are sent on to.", schema: use(forwardTo) },
    keep: { about: "How long ids are remembered.", fallback: "7d", schema: duration() },
    maxBytes: { about: "Longer deliveries are refused.", fallback: "5242880 (5 MiB)", schema: whole(1, Number.MAX_SAFE_INTEGER) },
  },
  required: ["verify", "forwardTo"],
});

export const INBOX_SHAPES: readonly Shape[] = [inbox, verifyKnown, verifyHubspot, verifyHmac, forwardTo];
