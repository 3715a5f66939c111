import type { DeadLetterOptions, LetterWebhookOptions } from "../../api/letter-webhook-options.ts";
import type { AlertOptions, AlertSinkOptions } from "../../client/alert-options.ts";
import type { ConfiguredCallbacks } from "../../client/configured-callbacks.ts";
import {
  type AlertLevelOptions,
  type AlertRuleOptions,
  DEFAULT_RULES,
  RULE_NAMES,
  type AlertRuleName,
} from "../../signals/alerts/rules.ts";
import { retry } from "./api.ts";
import { shape, use, type Option, type Shape } from "./shape.ts";
import { duration, either, httpUrl, listOf, off, oneOf, secret, secrets, whole } from "./values.ts";

const RESENT = "9 attempts over three days: 5s, 5m, 30m, 2h, 5h, 10h, 14h and 20h apart";

export const alertLevel: Shape = shape<AlertLevelOptions>({
  name: "AlertLevel",
  about: "When a tier is reached: the value has been over `over` for `for`.",
  options: {
    over: {
      about: "In the rule's own unit: a share (0.02 is 2 %), milliseconds, a count, or a multiple of the baseline.",
      fallback: "the rule's",
      schema: { type: "number", minimum: 0 },
    },
    for: { about: "For how long.", fallback: "the rule's", schema: duration() },
  },
});

const tier = { schema: either(use(alertLevel), off), fallback: "the rule's" };
const tiers = {
  warning: { about: "Look at it today; `false` switches it off.", ...tier },
  critical: { about: "Somebody has to act now; `false` switches it off.", ...tier },
};

export const alertRule: Shape = shape<AlertRuleOptions>({
  name: "AlertRule",
  about: "One rule over calls, over its defaults.",
  options: { ...tiers, minimum: { about: "Calls in the window below which nothing is judged.", fallback: "the rule's", schema: whole(1) } },
});

export const stateRule: Shape = shape<Omit<AlertRuleOptions, "minimum">>({
  name: "AlertStateRule",
  about: "One rule that does not count calls, over its defaults.",
  options: tiers,
});

export const alertRules: Shape = shape<Record<AlertRuleName, unknown>>({
  name: "AlertRules",
  about: "Rules by name, over their defaults ([alerts](../guide/alerts.md)); `false` switches one off.",
  options: Object.fromEntries(
    RULE_NAMES.map((name): [string, Option] => {
      const { minimum } = DEFAULT_RULES[name];
      return [
        name,
        { about: `The rule \`${name}\`.`, fallback: "on", schema: either(use(minimum === undefined ? stateRule : alertRule), off) },
      ];
    }),
  ) as Record<AlertRuleName, Option>,
});

type Sink<Type extends AlertSinkOptions["type"]> = Extract<AlertSinkOptions, { readonly type: Type }>;

function sink(type: string): { readonly type: Option; readonly name: Option } {
  return {
    type: { about: "Its kind.", schema: { const: type } },
    name: {
      about: "Tells sinks of one type apart.",
      fallback: "the type",
      schema: { type: "string", pattern: "^[a-z0-9][a-z0-9-]{0,63}$", examples: ["ops", "on-call"] },
    },
  };
}

export const slackSink: Shape = shape<Sink<"slack">>({
  name: "SlackSink",
  about: "A channel of Slack, or of what takes the same.",
  options: { ...sink("slack"), url: { about: "An incoming webhook's. It is a secret: whoever has it can post.", schema: secret } },
  required: ["type", "url"],
});

export const webhookSink: Shape = shape<Sink<"webhook">>({
  name: "WebhookSink",
  about: "Any URL.",
  options: {
    ...sink("webhook"),
    url: { about: "Where it stands.", schema: secret },
    secret: { about: "Signs by Standard Webhooks.", fallback: "unsigned", schema: secret },
  },
  required: ["type", "url"],
});

export const pagerdutySink: Shape = shape<Sink<"pagerduty">>({
  name: "PagerdutySink",
  about: "PagerDuty, or what takes the same events.",
  options: {
    ...sink("pagerduty"),
    routingKey: { about: "The integration's key.", schema: secret },
    url: {
      about: "Of what takes the same events.",
      fallback: "PagerDuty's Events API v2",
      schema: { type: "string", examples: ["https://events.example.com/v2", "https://events.example.org/v2"] },
    },
  },
  required: ["type", "routingKey"],
});

const SINKS: readonly Shape[] = [slackSink, webhookSink, pagerdutySink];

export const alerts: Shape = shape<AlertOptions>({
  name: "Alerts",
  about:
    "What is watched, and who is told. Sinks of the types `email` and `function` hold functions: only a definition in TypeScript has them.",
  options: {
    to: { about: "Who is told.", schema: listOf(either(...SINKS.map(use)), { least: 1 }) },
    rules: { about: "Over the defaults, by rule.", fallback: "the defaults", schema: use(alertRules) },
    critical: {
      about: "Endpoints of which somebody has to hear at once when a call is given up, as `crm POST /contacts`.",
      fallback: "none",
      schema: listOf({ type: "string", pattern: "^\\S+ \\S+ \\S", examples: ["crm POST /contacts"] }),
    },
    every: { about: "How often it is looked. At least a second.", fallback: "15s", schema: duration({ least: 1_000 }) },
  },
  required: ["to"],
});

export const callbacks: Shape = shape<ConfiguredCallbacks>({
  name: "Callbacks",
  about: "How the ends of operations are told to the URLs that they name as their `callback`; they reach public addresses only.",
  options: {
    secret: { about: "Signs by Standard Webhooks: `whsec_` and base64. Several while receivers change over.", schema: secrets(secret) },
    retry: { about: "How often, and after what waits, a callback is sent again.", fallback: RESENT, schema: use(retry) },
    allow: {
      about: "Ranges that callbacks may reach though they are not public, such as `10.1.0.0/16`.",
      fallback: "none",
      schema: listOf({
        type: "string",
        pattern: "^[0-9A-Fa-f:.]+/\\d{1,3}$",
        examples: ["10.1.0.0/16", "fd00::/8"],
      }),
    },
  },
  required: ["secret"],
});

export const letterWebhook: Shape = shape<LetterWebhookOptions>({
  name: "DeadLetterWebhook",
  about: "A URL that is told of new dead letters, durably: through the queue of the store, until it answers with a 2xx.",
  options: {
    url: { about: "Where it stands, without a credential. It is trusted, as everything in a config is.", schema: httpUrl },
    secret: {
      about: "Signs by Standard Webhooks: `whsec_` and base64. Several while a receiver changes over.",
      fallback: "unsigned",
      schema: secrets(secret),
    },
    each: {
      about: "Told of each letter, or only of a new group and of one that regressed.",
      fallback: "letter",
      schema: oneOf("letter", "group"),
    },
    retry: { about: "How often, and after what waits, it is sent again.", fallback: RESENT, schema: use(retry) },
  },
  required: ["url"],
});

export const deadLetters: Shape = shape<DeadLetterOptions>({
  name: "DeadLetters",
  about: "What is done about dead letters as they come.",
  options: { webhook: { about: "Who is told of each.", fallback: "nobody", schema: use(letterWebhook) } },
});

export const WATCHING_SHAPES: readonly Shape[] = [
  ...[deadLetters, letterWebhook, alerts, ...SINKS],
  ...[alertRules, alertRule, stateRule, alertLevel, callbacks],
];
