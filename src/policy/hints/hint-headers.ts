import { ConfigError } from "../../core/errors.ts";
import { refuseUnknown } from "../../core/options.ts";
import { shown } from "../../core/shown.ts";
import type { HintHeader, HintUnit } from "./parse-hint.ts";

const OPTIONS: readonly (keyof HintHeader)[] = ["name", "unit", "remaining"];
const UNITS: readonly HintUnit[] = ["seconds", "ms", "epoch", "duration", "rfc3339", "used/limit"];
/** A field name (RFC 9110 §5.1). `Headers` throws when asked for anything else. */
const TOKEN = /^[A-Za-z0-9!#$%&'*+.^_`|~-]+$/;

/** Whether it can be the name of a header. */
export function isHeaderName(value: unknown): value is string {
  return typeof value === "string" && TOKEN.test(value);
}

/** Checks a provider's own hint headers once. Throws a {@link ConfigError} that names the place. */
export function checkHintHeaders(headers: readonly HintHeader[], path: string): readonly HintHeader[] {
  if (!(Array.isArray as (value: unknown) => boolean)(headers)) {
    throw new ConfigError({ path, message: `${path} is ${shown(headers)}; give a list of headers` });
  }
  for (const [index, header] of headers.entries()) {
    const at = `${path}[${index}]`;
    refuseUnknown(header, OPTIONS, at);
    const { name, unit, remaining } = header;
    if (!isHeaderName(name)) throw notAName(`${at}.name`, name);
    if (remaining !== undefined && !isHeaderName(remaining)) throw notAName(`${at}.remaining`, remaining);
    if (unit === "used/limit" && remaining !== undefined) {
      throw new ConfigError({
        path: `${at}.remaining`,
        message: `${at}.remaining has no effect: ${name} itself says what is left (${unit})`,
      });
    }
    if (!UNITS.includes(unit)) {
      throw new ConfigError({ path: `${at}.unit`, message: `${at}.unit is ${shown(unit)}; give one of ${UNITS.join(", ")}` });
    }
  }
  return headers;
}

function notAName(path: string, value: unknown): ConfigError {
  return new ConfigError({ path, message: `${path} is ${shown(value)}, which is not the name of a header` });
}
