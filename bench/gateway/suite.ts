/**
 * The gateway beside other proxies, in one run, over loopback, each a process of its own on one core in front of the same upstream;
 * load generator and upstream share the other core. They take turns, many short rounds long. Values are µs for each request, so that a
 * ratio below 1 is faster: 0.8 of the throughput is a ratio of 1.25. What a request takes of the proxy's core is told beside: it says the
 * same on a machine of its own, and what a proxy could do where the load generator is the slower one, or a neighbour takes the core.
 */
import { absolute, compare, type Figure, type Suite } from "../figure.ts";
import { median } from "../harness.ts";
import { installPeers } from "../install-peers.ts";
import { startHoldfast, startNginx, startPortkey, startProxy, type Contender } from "./contenders.ts";
import { pins } from "./cores.ts";
import { coreMs, openStand, startLoad, type Stand } from "./stand.ts";
import { DOCUMENT, GET, POST, type Workload } from "./workloads.ts";

const PEERS = new URL("peers/", import.meta.url);

interface Effort {
  readonly rounds: number;
  readonly ms: number;
}

const FULL: Effort = { rounds: 12, ms: 400 };
const QUICK: Effort = { rounds: 1, ms: 100 };

/** Connections that are never idle. */
const CONNECTIONS = 50;
/** Below this share of its core it was not the proxy that was measured. */
const BUSY = 0.9;
const DISPATCH = "undici dispatch";

/** What was measured, by contender, one reading a round. */
class Measured {
  readonly perRequest = new Map<string, number[]>();
  readonly p99 = new Map<string, number[]>();
  readonly p50 = new Map<string, number[]>();
  /** Share of its core that a proxy was busy, and what a request took of it. */
  readonly busy = new Map<string, number[]>();
  readonly cpu = new Map<string, number[]>();
  /** The same of the load generator, by what it was generated for. */
  readonly generator = new Map<string, number[]>();
}

function push(readings: Map<string, number[]>, name: string, value: number): void {
  const list = readings.get(name);
  if (list === undefined) readings.set(name, [value]);
  else list.push(value);
}

/** Not counted: code is compiled in them. */
const WARM_UP_ROUNDS = 3;

/** Lets the proxies take turns. */
async function race(
  stand: Stand,
  contenders: readonly Contender[],
  workload: Workload,
  { connections, rounds, ms }: Effort & { readonly connections: number },
): Promise<Measured> {
  const measured = new Measured();
  for (let round = -WARM_UP_ROUNDS; round < rounds; round += 1) {
    const shift = (round + WARM_UP_ROUNDS) % contenders.length;
    for (const contender of [...contenders.slice(shift), ...contenders.slice(0, shift)]) {
      const request = contender.request(workload);
      if (request === undefined) continue;
      const before = coreMs(contender.pid);
      const report = await stand.load({ port: contender.port, request, connections, ms, bytes: Buffer.byteLength(DOCUMENT) });
      const after = coreMs(contender.pid);
      if (round < 0) continue;
      push(measured.perRequest, contender.name, (report.ms * 1_000) / report.requests);
      push(measured.p50, contender.name, report.p50);
      push(measured.p99, contender.name, report.p99);
      push(measured.generator, contender.name, report.busy);
      if (before === undefined || after === undefined) continue;
      push(measured.busy, contender.name, (after - before) / report.ms);
      push(measured.cpu, contender.name, ((after - before) * 1_000) / report.requests);
    }
  }
  return measured;
}

/** Throughput and its 99th percentile. */
function figuresOf(measured: Measured, { name }: Workload, contenders: readonly Contender[]): readonly Figure[] {
  const aims = (aim: number): Readonly<Record<string, { readonly aim?: number }>> =>
    Object.fromEntries(
      contenders
        .filter((one) => one.name !== "holdfast" && measured.perRequest.has(one.name))
        .map((one) => [one.name, one.name === DISPATCH ? { aim } : {}]),
    );
  const { busy, cpu, generator, p99, perRequest } = measured;
  for (const [contender, shares] of busy) {
    const share = median(shares);
    if (share < BUSY) {
      process.stderr.write(
        `${name}: ${contender} was busy for ${Math.round(share * 100)} % of its core only (the load generator for ${Math.round(median(generator.get(contender) ?? []) * 100)} % of the other): it can do more than is said\n`,
      );
    }
  }
  return [
    ...compare(perRequest, { name: `gateway: ${name}, ${CONNECTIONS} connections`, ours: "holdfast", unit: "µs" }, aims(1 / 0.8)),
    ...compare(cpu, { name: `gateway: ${name}, time of its core`, ours: "holdfast", unit: "µs" }, cpu.size === 0 ? {} : aims(1 / 0.8)),
    ...compare(p99, { name: `gateway: ${name}, p99`, ours: "holdfast", unit: "µs" }, aims(1.5)),
  ];
}

/** What one request takes longer that nothing else is beside. */
async function alone(stand: Stand, contenders: readonly Contender[], effort: Effort): Promise<readonly Figure[]> {
  const both = contenders.filter(({ name }) => name === "holdfast" || name === DISPATCH);
  const { p50 } = await race(stand, both, GET, { connections: 1, rounds: effort.rounds * 2, ms: effort.ms });
  const theirs = p50.get(DISPATCH) ?? [];
  const more = median((p50.get("holdfast") ?? []).map((one, round) => one - (theirs[round] as number)));
  return [absolute(`gateway: one connection, median above that of ${DISPATCH}`, more, "µs", 40)];
}

/** Requests of one API while the upstream of another has stopped answering, and 200 callers wait for it. */
async function besideStalled(stand: Stand, holdfast: Contender, { rounds, ms }: Effort): Promise<readonly Figure[]> {
  const readings = new Map<string, number[]>();
  const request = GET.request("/to/up");
  for (let round = 0; round < rounds / 2; round += 1) {
    for (const name of ["all are well", "an API is stalled"]) {
      const stalled =
        name === "all are well"
          ? undefined
          : startLoad({ port: holdfast.port, request: GET.request("/to/stalled/stall"), connections: 200, ms: 1 });
      push(readings, name, (await stand.load({ port: holdfast.port, request, connections: 10, ms: 2 * ms })).p99);
      stalled?.stop();
    }
  }
  return compare(
    readings,
    { name: "gateway: p99 beside 200 calls of a stalled API", ours: "an API is stalled", unit: "µs" },
    { "all are well": { aim: 2 } },
  );
}

/** Starts them all. What cannot be had is said, and left out. */
async function startAll(stand: Stand): Promise<readonly Contender[]> {
  const peers = await installPeers(PEERS);
  const { upstream } = stand;
  const starts: readonly (() => Promise<Contender>)[] = [
    () => startProxy(DISPATCH, "dispatch.ts", upstream),
    () => startProxy("undici request", "request.ts", upstream),
    () => startProxy("@fastify/http-proxy", "http-proxy.ts", upstream),
    () => startPortkey(peers, upstream),
    () => startNginx(upstream),
  ];
  const contenders: Contender[] = [await startHoldfast(upstream, upstream)];
  for (const start of starts) {
    try {
      contenders.push(await start());
    } catch (error) {
      process.stderr.write(`left out: ${error instanceof Error ? error.message : String(error)}\n`);
    }
  }
  return contenders;
}

async function run(quick: boolean): Promise<readonly Figure[]> {
  const effort = quick ? QUICK : FULL;
  if (!pins) process.stderr.write("processes cannot be held to a core here (taskset, two cores): figures tell less\n");
  await using stand = await openStand();
  const contenders = await startAll(stand);
  try {
    const figures: Figure[] = [];
    for (const workload of [GET, POST]) {
      const measured = await race(stand, contenders, workload, { ...effort, connections: CONNECTIONS });
      figures.push(...figuresOf(measured, workload, contenders));
    }
    figures.push(...(await alone(stand, contenders, effort)));
    figures.push(...(await besideStalled(stand, contenders[0] as Contender, effort)));
    return figures;
  } finally {
    for (const contender of contenders) await contender.stop();
  }
}

/** By the names that `main.ts` knows them by. */
export const suites: Readonly<Record<"gateway-proxy", Suite>> = {
  "gateway-proxy": { about: "the gateway beside other proxies", run },
};
