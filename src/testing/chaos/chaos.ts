import { systemRandom } from "../../adapters/clock/random.ts";
import { systemClock } from "../../adapters/clock/system.ts";
import { ConfigError } from "../../core/errors.ts";
import { sleep } from "../../ports/clock.ts";
import { optional, readBoolean, readNumber, readObject, refuse } from "../reading.ts";
import type { Chaos, ChaosInjection, ChaosOptions } from "./chaos-options.ts";
import { cutBody } from "./cut-body.ts";
import { needsFetch, readFaults } from "./fault-plan.ts";
import type { FaultPlan } from "./fault-plan.ts";
import { fetchError, networkError } from "./network-error.ts";

/**
 * Lets faults loose on your own calls: wrap a function or a `fetch`, and a share of the calls fails as calls over a
 * network do. It is off unless `enabled: true` or the environment's `HOLDFAST_CHAOS=1` says otherwise, and loud when it
 * is on: one line on stderr when it is made, one event per fault.
 *
 * @throws ConfigError naming the option that is wrong, also while it is off.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { chaos, seededRandom } from "holdfast/testing";
 *
 * const trouble = chaos({ faults: [{ error: "ECONNRESET", at: "after" }], rate: 0.5, enabled: true, random: seededRandom(7) });
 * let sent = 0;
 * const send = trouble.wrap(async () => (sent += 1));
 * const outcomes = await Promise.allSettled(Array.from({ length: 100 }, () => send()));
 *
 * assert.equal(sent, 100); // every call was made: the faults come after it
 * assert.equal(outcomes.filter((one) => one.status === "rejected").length, trouble.counts.injected);
 * ```
 */
export function chaos(options: ChaosOptions): Chaos {
  const { faults, rate, enabled } = readOptions(options);
  const { when, onFault, random = systemRandom, clock = systemClock } = options;
  const byFault: Record<string, number> = {};
  let calls = 0;
  let injected = 0;

  /** The fault that this call meets, if any; counts and tells. */
  const draw = (args: readonly unknown[]): FaultPlan | undefined => {
    if (when !== undefined && !when(...args)) return undefined;
    calls += 1;
    if (random() >= rate) return undefined;
    const plan = faults[Math.floor(random() * faults.length)] as FaultPlan;
    injected += 1;
    byFault[plan.name] = (byFault[plan.name] ?? 0) + 1;
    tell(onFault, { fault: plan.fault, name: plan.name, call: calls, at: clock.now() });
    return plan;
  };

  const wait = ({ fromMs, toMs }: { fromMs: number; toMs: number }, signal: AbortSignal | undefined): Promise<void> =>
    sleep(clock, fromMs + random() * (toMs - fromMs), signal);

  if (enabled) {
    const share = `${Math.round(rate * 1_000) / 10} %`;
    process.stderr.write(`holdfast: chaos is on: ${faults.map((fault) => fault.name).join(", ")} in ${share} of the wrapped calls\n`);
  }
  return {
    enabled,
    get counts() {
      return { calls, injected, byFault: { ...byFault } };
    },
    wrap(fn) {
      const wrong = faults.find(needsFetch);
      if (wrong !== undefined) {
        refuse(wrong.path, wrong.fault, "a function has no HTTP answer to put it into; wrap a fetch with chaos().fetch()");
      }
      if (!enabled) return fn;
      return async (...args) => {
        const does = draw(args)?.does;
        if (does?.type === "delay") await wait(does, signalOf(args));
        if (does?.type !== "error") return fn(...args);
        if (does.at === "after") await fn(...args);
        throw networkError(does.code);
      };
    },
    fetch(fetch) {
      if (!enabled) return fetch;
      return async (input, init) => {
        const does = draw([input, init])?.does;
        switch (does?.type) {
          case undefined:
            return fetch(input, init);
          case "delay":
            await wait(does, signalOf([input, init]));
            return fetch(input, init);
          case "error":
            if (does.at === "after") await drop(fetch(input, init));
            throw fetchError(does.code);
          case "status":
            if (does.at === "after") await drop(fetch(input, init));
            return new Response(does.answer.body ?? null, { status: does.answer.status, headers: { ...does.answer.headers } });
          case "cut-body":
            return cutBody(await fetch(input, init));
        }
      };
    },
  };
}

function readOptions(options: ChaosOptions): { readonly faults: readonly FaultPlan[]; readonly rate: number; readonly enabled: boolean } {
  readObject(options, "", ["faults", "rate", "when", "enabled", "onFault", "random", "clock"]);
  for (const name of ["when", "onFault", "random"] as const) {
    if (options[name] !== undefined && typeof options[name] !== "function") refuse(name, options[name], "it must be a function");
  }
  const rate = readNumber(options.rate, "rate", { min: 0, max: 1 });
  const enabled = optional(options.enabled, "enabled", readBoolean) ?? enabledByEnvironment();
  return { faults: readFaults(options.faults, "faults"), rate, enabled };
}

/** Only a plain 1 or 0: a value such as `false` must not be read as yes, nor a mistyped one as no. */
function enabledByEnvironment(): boolean {
  const value = process.env["HOLDFAST_CHAOS"];
  if (value === undefined || value === "" || value === "0") return false;
  if (value === "1") return true;
  throw new ConfigError({
    path: "HOLDFAST_CHAOS",
    message: `HOLDFAST_CHAOS is ${JSON.stringify(value)}; set it to 1 to let faults loose, or leave it out`,
  });
}

/** Whoever listens cannot break the call: a broken listener would look like one more fault. */
function tell(listener: ChaosOptions["onFault"], injection: ChaosInjection): void {
  try {
    listener?.(injection);
  } catch (error) {
    process.stderr.write(`holdfast: chaos: onFault threw ${String(error)}\n`);
  }
}

/** Lets go of the connection of an answer that nobody will read. */
async function drop(response: Promise<Response>): Promise<void> {
  await (await response).body?.cancel();
}

/** The signal that a call was given, alone or among its options. */
function signalOf(args: readonly unknown[]): AbortSignal | undefined {
  for (const arg of args) {
    if (arg instanceof AbortSignal) return arg;
    const { signal } = (arg ?? {}) as { signal?: unknown };
    if (signal instanceof AbortSignal) return signal;
  }
  return undefined;
}
