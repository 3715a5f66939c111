import type { CallbackOptions } from "../../api/callback-options.ts";
import type { LetterWebhookOptions } from "../../api/letter-webhook-options.ts";
import type { RetryConfig } from "../../api/api-options.ts";
import { sourceOf } from "../../api/secret.ts";
import { resolveAlertOptions, type AlertOptions, type AlertSinkOptions } from "../../client/alert-options.ts";
import type { ConfiguredCallbacks } from "../../client/configured-callbacks.ts";
import type { ConfiguredInbox } from "../../client/configured-inboxes.ts";
import { durationMs, formatMs } from "../../core/duration.ts";
import type { AlertLevel } from "../../signals/alerts/rules.ts";
import { line, type InForce } from "./line.ts";

export function inboxInForce({ verify, forwardTo, keep, maxBytes }: ConfiguredInbox): readonly InForce[] {
  const { scheme, secret, tolerance, ...more } = verify;
  return [
    line("verify.scheme", scheme, scheme),
    line("verify.secret", secret, secretsOf(secret)),
    line("verify.tolerance", tolerance, formatMs(durationMs(tolerance ?? "5m", "tolerance"))),
    ...Object.entries(more).map(([name, value]) =>
      line(`verify.${name}`, value, typeof value === "string" ? value : JSON.stringify(value)),
    ),
    line("forwardTo", forwardTo, `${forwardTo.api} ${forwardTo.endpoint}`),
    line("keep", keep, formatMs(durationMs(keep ?? "7d", "keep"))),
    line("maxBytes", maxBytes, `${maxBytes ?? 5 * 1024 * 1024} bytes`),
  ];
}

export function letterWebhookInForce({ url, secret, each, retry }: LetterWebhookOptions): readonly InForce[] {
  return [
    line("url", url, url),
    line("secret", secret, secret === undefined ? "unsigned" : secretsOf(secret)),
    line("each", each, each ?? "letter"),
    ...retryInForce(retry),
  ];
}

export function callbacksInForce({ secret, retry, allow = [] }: ConfiguredCallbacks): readonly InForce[] {
  return [
    line("secret", secret, secretsOf(secret)),
    ...retryInForce(retry),
    line("allow", allow.length === 0 ? undefined : allow, allow.join(", ") || "public addresses only"),
  ];
}

/** Of what is sent until it is taken. */
function retryInForce(retry: RetryConfig | undefined): readonly InForce[] {
  const unless = retry === undefined ? "9" : "4";
  return [
    line("retry.maxAttempts", retry?.maxAttempts, retry?.maxAttempts ?? unless),
    line(
      "retry.backoff",
      retry?.backoff,
      retry?.backoff === undefined
        ? retry === undefined
          ? "5s to 20h, over three days"
          : "exponential, 200ms doubling to 30s, full jitter"
        : JSON.stringify(retry.backoff),
    ),
  ];
}

export function alertsInForce(options: AlertOptions): readonly InForce[] {
  const { to, rules, critical, everyMs } = resolveAlertOptions(options);
  return [
    ...to.map((sink, index) => line(`to[${index}]`, sink, `${sink.name}: ${sinkOf(sink)}`)),
    ...[...rules.values()].map(({ name, warning, critical: urgent, minimum }) =>
      line(
        `rules.${name}`,
        options.rules?.[name],
        `warning ${level(warning)}, critical ${level(urgent)}${minimum === undefined ? "" : `, from ${minimum} calls on`}`,
      ),
    ),
    ...Object.entries(options.rules ?? {}).flatMap(([name, rule]) => (rule === false ? [line(`rules.${name}`, rule, "off")] : [])),
    line("critical", options.critical, critical.join(", ") || "none"),
    line("every", options.every, formatMs(everyMs)),
  ];
}

function level(at: AlertLevel | undefined): string {
  return at === undefined ? "off" : `over ${at.over} for ${formatMs(at.forMs)}`;
}

function sinkOf(sink: AlertSinkOptions): string {
  switch (sink.type) {
    case "slack":
      return `slack, url ${sourceOf(sink.url)}`;
    case "webhook":
      return `webhook, url ${sourceOf(sink.url)}, ${sink.secret === undefined ? "unsigned" : `secret ${sourceOf(sink.secret)}`}`;
    case "pagerduty":
      return `pagerduty, routingKey ${sourceOf(sink.routingKey)}${sink.url === undefined ? "" : ` at ${sink.url}`}`;
    case "email":
      return `email to ${[sink.to].flat().join(", ")} from ${sink.from}`;
    case "function":
      return "a function";
  }
}

function secretsOf(secret: CallbackOptions["secret"]): string {
  return [secret]
    .flat()
    .map((one) => sourceOf(one))
    .join(", ");
}
