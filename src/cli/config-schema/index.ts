import type { HoldfastConfig } from "../../client/define-config.ts";
import {
  api,
  backoff,
  breaker,
  concurrency,
  endpoint,
  hintHeader,
  idempotency,
  rateLimit,
  retry,
  retryBudget,
  retryQuota,
  timeout,
} from "./api.ts";
import { AUTH_SHAPES } from "./auth.ts";
import { gateway, token, tokenHash, tokenRateLimit, worker } from "./gateway.ts";
import { inbox, INBOX_SHAPES } from "./inboxes.ts";
import { conditions, jsonCondition, rule } from "./rules.ts";
import { definitionOf, shape, use, type Schema, type Shape } from "./shape.ts";
import { either, listOf, named, reference } from "./values.ts";
import { alerts, callbacks, deadLetters, WATCHING_SHAPES } from "./watching.ts";

export type { Option, Schema, Shape } from "./shape.ts";

/** All that a config may hold. */
const config: Shape = shape<HoldfastConfig & { readonly $schema: string }>({
  name: "Config",
  about: "The whole config.",
  options: {
    $schema: { about: "The schema's address, for editors.", schema: { type: "string" } },
    store: {
      about:
        "Where what must outlive a call is kept: `sqlite:` and a path (relative to the config's folder), `postgres://…` (with `?schema=`), `memory:`, or where a secret stands that says so.",
      fallback: "sqlite:holdfast.db",
      schema: either(use(reference), {
        type: "string",
        pattern: "^(?:memory:$|sqlite:(?!//)[\\s\\S]|postgres(?:ql)?:)",
        examples: ["memory:", "sqlite:holdfast.db", "postgres://holdfast@127.0.0.1/holdfast"],
      }),
    },
    apis: { about: "The APIs, by the name that calls use; in the gateway, the name in `/to/{name}/…`.", schema: named(use(api)) },
    tokens: {
      about: "Who may use the gateway. Without any it listens on this machine only, and anybody there may.",
      fallback: "none",
      schema: listOf(use(token)),
    },
    pipelines: {
      about: "Pipelines, made with `definePipeline()`: their dead letters can be replayed, and their runs go on.",
      fallback: "none",
    },
    worker: { about: "How the queue's worker works.", schema: use(worker) },
    gateway: { about: "What `holdfast serve` asks of those who come to it.", schema: use(gateway) },
    deadLetters: { about: "What is done about dead letters as they come.", schema: use(deadLetters) },
    inboxes: {
      about: "Webhooks that `holdfast serve` takes, by their source: the name in `/in/{source}`.",
      fallback: "none",
      schema: named(use(inbox)),
    },
    alerts: { about: "What `holdfast serve` watches, and who is told.", fallback: "nothing", schema: use(alerts) },
    callbacks: { about: "How `holdfast serve` tells the ends of operations.", fallback: "off", schema: use(callbacks) },
  },
  required: ["apis"],
});

/** Every object of options, in the order in which the reference tells of them. */
export const SHAPES: readonly Shape[] = [
  ...[config, api, endpoint, retry, backoff, timeout, rateLimit, concurrency, breaker, retryBudget, retryQuota, idempotency],
  ...[rule, conditions, jsonCondition, hintHeader, ...AUTH_SHAPES, reference],
  ...[token, tokenHash, tokenRateLimit, worker, gateway, ...WATCHING_SHAPES, ...INBOX_SHAPES],
];

/** The JSON Schema of a config file in JSON. */
export function configSchema(): Schema {
  return {
    $schema: "https://json-schema.org/draft/2020-12/schema",
    title: "Holdfast's config",
    ...use(config),
    $defs: {
      DottedPath: { type: "string", pattern: "^[^.]+(?:\\.[^.]+)*$", examples: ["usage.total_tokens"] },
      ...Object.fromEntries(SHAPES.map((one) => [one.name, definitionOf(one)])),
    },
  };
}
