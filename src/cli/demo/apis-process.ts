/**
 * The four APIs, in a process of their own as other people's APIs are: the job cannot reach their ledgers but by asking,
 * and killing it does not kill the truth. It ends when its parent does; until the operating system has let go of its lock,
 * the next one does not open the ledgers.
 */
import { systemClock } from "../../adapters/clock/system.ts";
import { sleep } from "../../ports/clock.ts";
import { flakyApi, type FlakyApi } from "../../testing/flaky-api/flaky-api.ts";
import type { ApisAnswer, ApisRequest, ApiStart, UpstreamReport } from "./apis-protocol.ts";
import { tryLock } from "./lock.ts";
import type { Plan } from "./plan.ts";
import { storyClock } from "./story-clock.ts";
import { badDay, ENDPOINTS, healthy, isOutageMet, rulesFrom, type ApiName } from "./weather.ts";

type Start = Extract<ApisRequest, { type: "start" }>;

/** How long an earlier process may take to die. */
const LOCK_WAIT_MS = 20_000;
const LOCK_LOOK_MS = 25;

const running = new Map<ApiName, FlakyApi>();

// Ctrl-C reaches the whole terminal; the parent decides when it is over.
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => undefined);
process.on("disconnect", () => process.exit(0));
process.on("message", (request: ApisRequest) => {
  answer(request).then(tell, (error: unknown) => tell({ type: "failed", message: error instanceof Error ? error.message : String(error) }));
});

function tell(message: ApisAnswer): void {
  if (process.connected) process.send?.(message);
}

async function answer(request: ApisRequest): Promise<ApisAnswer> {
  switch (request.type) {
    case "lock":
      await lock(request.lockFile);
      return { type: "locked" };
    case "start":
      for (const start of request.apis) running.set(start.name, await open(start, request));
      return { type: "ready", ports: byName((_, api) => api.port) };
    case "report":
      return { type: "report", apis: byName(reportOf) };
  }
}

async function lock(file: string): Promise<void> {
  const giveUpAt = systemClock.monotonic() + LOCK_WAIT_MS;
  while (tryLock(file) === undefined) {
    if (systemClock.monotonic() > giveUpAt) throw new Error(`another process still holds ${file}; is one of an earlier run stopped?`);
    await sleep(systemClock, LOCK_LOOK_MS);
  }
}

/** On the port that it had before, so that dead letters of an earlier stretch still point at it; on another where that is taken. */
async function listen({ name, port, seed, ledgerFile }: ApiStart, { plan, stretch, weather }: Start): Promise<FlakyApi> {
  const script = (weather === "bad" ? badDay(plan) : healthy(plan))[name];
  const options = { seed, ledgerFile, clock: storyClock(stretch), requestLog: 1 };
  try {
    return await flakyApi(script, { ...options, port });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EADDRINUSE") throw error;
    return await flakyApi(script, { ...options, port: 0 });
  }
}

async function open(start: ApiStart, request: Start): Promise<FlakyApi> {
  const api = await listen(start, request);
  if (request.weather === "bad") letWeatherPass(start.name, api, request.plan);
  return api;
}

const LOOK_MS = 50;

/** Its ledger says how much of the day is over at the start, and when the outage begins. */
function letWeatherPass(name: ApiName, api: FlakyApi, plan: Plan): void {
  const look = (): { readonly met: number; readonly outage: boolean } => {
    const { endpoints, rules } = api.ledger.summary();
    return { met: endpoints[ENDPOINTS[name]]?.requests ?? 0, outage: isOutageMet(rules) };
  };
  const before = look();
  if (before.met > 0) api.setRules(rulesFrom(name, plan, before.met, false));
  // An outage that a killed run was in is over: the process that was down is not the one that is up.
  if (before.outage) return;
  const lookAgain = (): void => {
    const { met, outage } = look();
    if (outage) api.setRules(rulesFrom(name, plan, met, true));
    else systemClock.setTimer(lookAgain, LOOK_MS);
  };
  lookAgain();
}

function byName<Value>(read: (name: ApiName, api: FlakyApi) => Value): Record<ApiName, Value> {
  return Object.fromEntries([...running].map(([name, api]) => [name, read(name, api)])) as Record<ApiName, Value>;
}

function reportOf(name: ApiName, { ledger }: FlakyApi): UpstreamReport {
  const endpoint = ENDPOINTS[name];
  const { endpoints, rules, limits } = ledger.summary();
  return {
    attempts: [...ledger.attempts(endpoint)],
    effects: [...ledger.effects(endpoint)],
    endings: endpoints[endpoint]?.endings ?? {},
    others: Object.fromEntries(Object.entries(endpoints).flatMap(([name, { requests }]) => (name === endpoint ? [] : [[name, requests]]))),
    misbehaved: { ...rules, ...limits },
  };
}
