import { durationMs, type Duration } from "../core/duration.ts";
import { ConfigError } from "../core/errors.ts";
import { refuseUnknown } from "../core/options.ts";
import { shown } from "../core/shown.ts";

/** What `holdfast serve` asks of those who come to it. Sizes are bytes. */
export interface GatewayOptions {
  /** Names under which it is reached, beside those of loopback and IP addresses: any other `Host` is refused. @default none */
  readonly allowedHosts?: readonly string[];
  /** A larger body is refused with 413. @default 104857600 (100 MiB) */
  readonly maxBody?: number;
  /** Up to this a body is held, so that it can be sent again; a larger one goes through once, and the answer says so. @default 1048576 (1 MiB) */
  readonly replayBody?: number;
  /** All headers of a request together; larger ones are refused with 431. @default 32768 */
  readonly maxHeaders?: number;
  /** In this time a request's headers have to come. @default "15s" */
  readonly headersTimeout?: Duration;
  /** In this time a whole request has to come, its body too. @default "5m" */
  readonly requestTimeout?: Duration;
  /** A connection that nothing comes by for so long is closed. @default "75s" */
  readonly keepAlive?: Duration;
  /** Connections at once; who comes beyond them is told to come back. Health stays reachable. @default 10000 */
  readonly maxConnections?: number;
  /** How long what is under way may take when the process is told to end. @default "20s" */
  readonly grace?: Duration;
}

export interface ResolvedGatewayOptions {
  readonly allowedHosts: readonly string[];
  readonly maxBodyBytes: number;
  readonly replayBodyBytes: number;
  readonly maxHeadersBytes: number;
  readonly headersTimeoutMs: number;
  readonly requestTimeoutMs: number;
  readonly keepAliveMs: number;
  readonly maxConnections: number;
  readonly graceMs: number;
}

const OPTIONS = [
  "allowedHosts",
  "maxBody",
  "replayBody",
  "maxHeaders",
  "headersTimeout",
  "requestTimeout",
  "keepAlive",
  "maxConnections",
  "grace",
] as const satisfies (keyof GatewayOptions)[];

const MIB = 1024 * 1024;
/** Less than this holds no ordinary request. */
const LEAST_HEADERS = 1024;

/** The options, checked and completed. Throws a {@link ConfigError} that names what is wrong. */
export function resolveGatewayOptions(options: GatewayOptions = {}, path = "gateway"): ResolvedGatewayOptions {
  refuseUnknown(options, OPTIONS, path);
  const refuse = (name: keyof GatewayOptions, problem: string): never => {
    throw new ConfigError({ path: `${path}.${name}`, message: `${path}.${name} ${problem}` });
  };
  const whole = (name: keyof GatewayOptions, fallback: number, least = 1): number => {
    const value: unknown = options[name] ?? fallback;
    if (Number.isSafeInteger(value) && (value as number) >= least) return value as number;
    return refuse(name, `is ${shown(value)}; give a whole number of at least ${least}`);
  };
  const time = (name: keyof GatewayOptions, fallback: Duration): number => {
    const ms = durationMs((options[name] as Duration | undefined) ?? fallback, `${path}.${name}`);
    return ms > 0 ? ms : refuse(name, "is 0, and nothing could come in no time; give a time");
  };
  const allowedHosts: unknown = options.allowedHosts ?? [];
  if (!Array.isArray(allowedHosts) || allowedHosts.some((host) => typeof host !== "string" || !/^[^\s:/?#@[\]\\]+$/.test(host))) {
    refuse("allowedHosts", `is ${shown(allowedHosts)}; give a list of names without port, such as "holdfast.internal"`);
  }
  const maxBodyBytes = whole("maxBody", 100 * MIB);
  const replayBodyBytes = whole("replayBody", Math.min(MIB, maxBodyBytes), 0);
  if (replayBodyBytes > maxBodyBytes)
    refuse("replayBody", `is ${replayBodyBytes}, more than ${path}.maxBody (${maxBodyBytes}) lets through`);
  const headersTimeoutMs = time("headersTimeout", Math.min(15_000, time("requestTimeout", "5m")));
  const requestTimeoutMs = time("requestTimeout", "5m");
  if (headersTimeoutMs > requestTimeoutMs) {
    refuse(
      "headersTimeout",
      `is ${headersTimeoutMs} ms, longer than the whole request may take (${path}.requestTimeout, ${requestTimeoutMs} ms)`,
    );
  }
  return Object.freeze({
    allowedHosts: allowedHosts as readonly string[],
    maxBodyBytes,
    replayBodyBytes,
    maxHeadersBytes: whole("maxHeaders", 32 * 1024, LEAST_HEADERS),
    headersTimeoutMs,
    requestTimeoutMs,
    keepAliveMs: time("keepAlive", "75s"),
    maxConnections: whole("maxConnections", 10_000),
    graceMs: durationMs(options.grace ?? "20s", `${path}.grace`),
  });
}
