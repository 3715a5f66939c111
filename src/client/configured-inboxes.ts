import { API_NAME } from "../api/api-name.ts";
import type { ResolvedApi } from "../api/resolve-api.ts";
import type { SecretSource } from "../api/secret.ts";
import { durationMs } from "../core/duration.ts";
import { ConfigError } from "../core/errors.ts";
import { refuseUnknown } from "../core/options.ts";
import { shown } from "../core/shown.ts";
import { verifierOf } from "../durable/inbox/options.ts";
import { checkMaxBytes, forwardTarget, type ForwardTo, type InboxOptions } from "./inbox-options.ts";

/** An inbox as a config says it: who sends, and where it is sent on. Data only. */
export interface ConfiguredInbox extends Pick<InboxOptions, "verify" | "keep" | "maxBytes"> {
  readonly forwardTo: ForwardTo;
}

const OPTIONS = ["verify", "forwardTo", "keep", "maxBytes"] as const satisfies readonly (keyof ConfiguredInbox)[];

/** What stands under `inboxes`; `apis` are those of the config. @throws ConfigError that names the place */
export function checkInboxes(
  inboxes: unknown,
  apis: ReadonlyMap<string, ResolvedApi>,
  path: string,
): asserts inboxes is Readonly<Record<string, ConfiguredInbox>> {
  if (typeof inboxes !== "object" || inboxes === null || Array.isArray(inboxes)) {
    throw new ConfigError({ path, message: `${path} is ${shown(inboxes)}; give them by source: { stripe: { verify, forwardTo } }` });
  }
  for (const [source, inbox] of Object.entries(inboxes)) {
    const at = `${path}.${source}`;
    if (!API_NAME.test(source)) {
      throw new ConfigError({
        path: at,
        message: `${path} has a source named ${shown(source)}; give up to 64 letters and digits, with ".", "_" or "-" between them: the name stands in the gateway's paths`,
      });
    }
    refuseUnknown(inbox, OPTIONS, at);
    const { verify, forwardTo, keep, maxBytes } = inbox as ConfiguredInbox;
    verifierOf(verify, `${at}.verify`);
    refusePlainSecrets(verify.secret, `${at}.verify.secret`);
    refuseUnknown(forwardTo, ["api", "endpoint"] satisfies (keyof ForwardTo)[], `${at}.forwardTo`);
    forwardTarget(forwardTo, apis.get(forwardTo.api), { names: [...apis.keys()], path: `${at}.forwardTo` });
    if (keep !== undefined) durationMs(keep, `${at}.keep`);
    checkMaxBytes(maxBytes, `${at}.maxBytes`);
  }
}

/** Whoever has read the config could sign. */
function refusePlainSecrets(secret: SecretSource | readonly SecretSource[], path: string): void {
  if (![secret].flat().some((one) => typeof one === "string")) return;
  throw new ConfigError({
    path,
    message: `${path} is written down; name where it stands, { "env": "NAME" } or { "file": "/path" }: a config holds no secret`,
  });
}
