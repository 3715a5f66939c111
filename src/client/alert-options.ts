import { checkSecret, type SecretSource } from "../api/secret.ts";
import type { Duration } from "../core/duration.ts";
import { durationMs } from "../core/duration.ts";
import { ConfigError } from "../core/errors.ts";
import { refuseUnknown } from "../core/options.ts";
import { shown } from "../core/shown.ts";
import type { AlertNotice } from "../signals/alerts/notice.ts";
import { resolveAlertRules, type AlertRule, type AlertRuleName, type AlertRuleOptions } from "../signals/alerts/rules.ts";
import type { EmailTransport } from "../signals/alerts/sinks/email.ts";
import { checkFunction } from "./options.ts";

/** Somebody who is told of alerts. `name` tells sinks of one type apart. @default name: the type */
export type AlertSinkOptions = { readonly name?: string } & (
  | {
      readonly type: "slack";
      /** An incoming webhook's. It is a secret: whoever has it can post. */
      readonly url: SecretSource;
    }
  | {
      readonly type: "webhook";
      readonly url: SecretSource;
      /** Signs by Standard Webhooks. @default unsigned */
      readonly secret?: SecretSource;
    }
  | {
      readonly type: "pagerduty";
      readonly routingKey: SecretSource;
      /** Of what takes the same events. @default PagerDuty's Events API v2 */
      readonly url?: string;
    }
  | {
      readonly type: "email";
      /** A transport of nodemailer, or anything with its `sendMail`; for definitions in TypeScript. */
      readonly transport: EmailTransport;
      readonly from: string;
      readonly to: string | readonly string[];
    }
  | {
      readonly type: "function";
      /** Told of each notice; what it throws is tried again. For definitions in TypeScript. */
      readonly tell: (notice: AlertNotice) => void | Promise<void>;
    }
);

/** What is watched, and who is told. */
export interface AlertOptions {
  readonly to: readonly AlertSinkOptions[];
  /** Over the defaults, by rule; `false` switches one off. See `docs/guide/alerts.md`. */
  readonly rules?: Partial<Readonly<Record<AlertRuleName, AlertRuleOptions | false>>>;
  /** Endpoints of which somebody has to hear at once when a call is given up, as `crm POST /contacts`. */
  readonly critical?: readonly string[];
  /** How often it is looked. @default "15s" */
  readonly every?: Duration;
}

export interface ResolvedAlertOptions {
  readonly to: readonly (AlertSinkOptions & { readonly name: string })[];
  readonly rules: ReadonlyMap<AlertRuleName, AlertRule>;
  readonly critical: readonly string[];
  readonly everyMs: number;
}

const OPTIONS = ["to", "rules", "critical", "every"] satisfies (keyof AlertOptions)[];
const SINKS = {
  slack: ["url"],
  webhook: ["url", "secret"],
  pagerduty: ["routingKey", "url"],
  email: ["transport", "from", "to"],
  function: ["tell"],
} as const satisfies Record<AlertSinkOptions["type"], readonly string[]>;
const NAME = /^[a-z0-9][a-z0-9-]{0,63}$/;
const DEFAULT_EVERY = "15s";
const LEAST_EVERY_MS = 1_000;

/** @throws ConfigError that names the place */
export function resolveAlertOptions(options: AlertOptions, path = "alerts"): ResolvedAlertOptions {
  refuseUnknown(options, OPTIONS, path);
  const { to, rules = {}, critical = [], every = DEFAULT_EVERY } = options;
  if (!Array.isArray(to) || to.length === 0) {
    throw new ConfigError({ path: `${path}.to`, message: `${path}.to is ${shown(to)}; give at least one sink, or nobody would be told` });
  }
  const sinks = (to as readonly AlertSinkOptions[]).map((sink, index) => sinkAt(sink, `${path}.to[${index}]`));
  for (const [index, { name }] of sinks.entries()) {
    if (sinks.findIndex((other) => other.name === name) < index) {
      throw new ConfigError({
        path: `${path}.to[${index}].name`,
        message: `${path}.to has two sinks named ${name}; give each a name of its own`,
      });
    }
  }
  if (!Array.isArray(critical) || critical.some((endpoint) => typeof endpoint !== "string" || !/^\S+ \S+ \S/.test(endpoint))) {
    throw new ConfigError({
      path: `${path}.critical`,
      message: `${path}.critical is ${shown(critical)}; give endpoints with their API, such as "crm POST /contacts"`,
    });
  }
  const everyMs = durationMs(every, `${path}.every`);
  if (everyMs < LEAST_EVERY_MS) {
    throw new ConfigError({ path: `${path}.every`, message: `${path}.every is ${shown(every)}; give at least a second` });
  }
  return { to: sinks, rules: resolveAlertRules(rules, `${path}.rules`), critical: critical as readonly string[], everyMs };
}

function sinkAt(sink: AlertSinkOptions, path: string): AlertSinkOptions & { readonly name: string } {
  const { type } = sink as { readonly type?: unknown };
  if (typeof type !== "string" || !Object.hasOwn(SINKS, type)) {
    throw new ConfigError({
      path: `${path}.type`,
      message: `${path}.type is ${shown(type)}; give one of ${Object.keys(SINKS).join(", ")}`,
    });
  }
  refuseUnknown(sink, ["type", "name", ...SINKS[type as AlertSinkOptions["type"]]], path);
  const name = sink.name ?? type;
  if (typeof name !== "string" || !NAME.test(name)) {
    throw new ConfigError({ path: `${path}.name`, message: `${path}.name is ${shown(name)}; give small letters, digits and hyphens` });
  }
  switch (sink.type) {
    case "slack":
      checkSecret(sink.url, `${path}.url`);
      break;
    case "webhook":
      checkSecret(sink.url, `${path}.url`);
      if (sink.secret !== undefined) checkSecret(sink.secret, `${path}.secret`);
      break;
    case "pagerduty":
      checkSecret(sink.routingKey, `${path}.routingKey`);
      if (sink.url !== undefined && !(typeof sink.url === "string" && URL.canParse(sink.url))) {
        throw new ConfigError({ path: `${path}.url`, message: `${path}.url is ${shown(sink.url)}; give a full URL` });
      }
      break;
    case "email":
      if (typeof (sink.transport as { readonly sendMail?: unknown } | undefined)?.sendMail !== "function") {
        throw new ConfigError({ path: `${path}.transport`, message: `${path}.transport has no sendMail; give a transport of nodemailer` });
      }
      for (const [field, value] of [
        ["from", sink.from],
        ["to", sink.to],
      ] as const) {
        if ((Array.isArray(value) ? value : [value]).some((address) => typeof address !== "string" || !/@/.test(address))) {
          throw new ConfigError({ path: `${path}.${field}`, message: `${path}.${field} is ${shown(value)}; give an address` });
        }
      }
      break;
    case "function":
      checkFunction(sink.tell, `${path}.tell`, "a function that is told of each notice");
  }
  return { ...sink, name };
}
