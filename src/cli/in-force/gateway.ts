import { resolveGatewayOptions, type GatewayOptions } from "../../api/gateway-options.ts";
import { sourceOf } from "../../api/secret.ts";
import type { TokenOptions } from "../../api/token-options.ts";
import { durationMs, formatMs } from "../../core/duration.ts";
import { resolveWorkerOptions, type WorkerOptions } from "../../engine/worker-options.ts";
import { line, type InForce } from "./line.ts";

export function workerInForce(options: WorkerOptions = {}): readonly InForce[] {
  const { concurrency, laneConcurrency, leaseMs, poisonAfter, pollMs } = resolveWorkerOptions(options);
  return [
    line("concurrency", options.concurrency, concurrency),
    line("laneConcurrency", options.laneConcurrency, laneConcurrency),
    line("lease", options.lease, formatMs(leaseMs)),
    line("poisonAfter", options.poisonAfter, poisonAfter),
    line("pollEvery", options.pollEvery, formatMs(pollMs)),
  ];
}

export function gatewayInForce(options: GatewayOptions = {}): readonly InForce[] {
  const resolved = resolveGatewayOptions(options);
  return [
    line("allowedHosts", options.allowedHosts, resolved.allowedHosts.join(", ") || "none but loopback and addresses"),
    line("maxBody", options.maxBody, `${resolved.maxBodyBytes} bytes`),
    line("replayBody", options.replayBody, `${resolved.replayBodyBytes} bytes`),
    line("maxHeaders", options.maxHeaders, `${resolved.maxHeadersBytes} bytes`),
    line("headersTimeout", options.headersTimeout, formatMs(resolved.headersTimeoutMs)),
    line("requestTimeout", options.requestTimeout, formatMs(resolved.requestTimeoutMs)),
    line("keepAlive", options.keepAlive, formatMs(resolved.keepAliveMs)),
    line("maxConnections", options.maxConnections, resolved.maxConnections),
    line("grace", options.grace, formatMs(resolved.graceMs)),
  ];
}

/** Never the token, nor what its hash is. */
export function tokenInForce({ name, token, scopes, apis, account, rateLimit, expires }: TokenOptions): readonly InForce[] {
  const { limit, per = "1s", burst } = rateLimit ?? { limit: 0 };
  const rate = `${limit} per ${formatMs(durationMs(per, "per"))}, ${burst ?? Math.max(1, limit)} at once`;
  return [
    line("name", name, name),
    line("token", token, "sha256" in token ? `by its SHA-256, ${token.sha256.slice(0, 8).toLowerCase()}…` : sourceOf(token)),
    line("scopes", scopes, scopes.join(", ")),
    line("apis", apis, apis?.join(", ") ?? "all"),
    line("account", account, account ?? "any"),
    line("rateLimit", rateLimit, rateLimit === undefined ? "none" : rate),
    line("expires", expires, expires ?? "never"),
  ];
}
