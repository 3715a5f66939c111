import type { HoldfastConfig } from "../../client/define-config.ts";
import { apiInForce } from "./api.ts";
import { gatewayInForce, tokenInForce, workerInForce } from "./gateway.ts";
import type { Section } from "./line.ts";
import { alertsInForce, callbacksInForce, inboxInForce, letterWebhookInForce } from "./watching.ts";

export type { Section } from "./line.ts";

/** Everything that a config comes to: the APIs first, then what is said of the rest; what is not said of worker and gateway is the default. */
export function inForce({
  apis,
  tokens = [],
  worker,
  gateway,
  deadLetters,
  inboxes = {},
  alerts,
  callbacks,
}: HoldfastConfig): readonly Section[] {
  return [
    ...Object.entries(apis).map(([name, options]) => ({ name: `apis.${name}`, inForce: apiInForce(name, options) })),
    ...tokens.map((token, index) => ({ name: `tokens[${index}]`, inForce: tokenInForce(token) })),
    { name: "worker", inForce: workerInForce(worker) },
    { name: "gateway", inForce: gatewayInForce(gateway) },
    ...Object.entries(inboxes).map(([source, inbox]) => ({ name: `inboxes.${source}`, inForce: inboxInForce(inbox) })),
    ...(deadLetters?.webhook === undefined ? [] : [{ name: "deadLetters.webhook", inForce: letterWebhookInForce(deadLetters.webhook) }]),
    ...(alerts === undefined ? [] : [{ name: "alerts", inForce: alertsInForce(alerts) }]),
    ...(callbacks === undefined ? [] : [{ name: "callbacks", inForce: callbacksInForce(callbacks) }]),
  ];
}
