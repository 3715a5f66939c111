/**
 * Whether the gateway's memory stays flat: half of the time at full load, the other half at full load beside 5,000 connections that are
 * kept and say nothing. What a process holds is asked of the system every second.
 */
import { connect, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { absolute, type Figure, type Suite } from "../figure.ts";
import { startHoldfast, type Contender } from "./contenders.ts";
import { openStand, residentBytes, type Stand } from "./stand.ts";
import { GET } from "./workloads.ts";

const CONNECTIONS = 50;
const IDLE = 5_000;
const EVERY_MS = 1_000;
/** Until then code is compiled and the heap finds its size. */
const WARM_UP_SHARE = 0.1;
/** The most that was held in the last half by the most in the first: between two collections what is held rises and falls by a third. */
const FLAT = 1.1;
const MIB = 2 ** 20;

interface Phase {
  readonly grown: number;
  readonly bytes: number;
  readonly requests: number;
}

/** One phase: a load for so long, and what was held meanwhile. */
async function phase(stand: Stand, { port, pid }: Contender, ms: number): Promise<Phase> {
  const held: number[] = [];
  const ended = new AbortController();
  const watching = (async () => {
    while (!ended.signal.aborted) {
      held.push(residentBytes(pid) ?? Number.NaN);
      await sleep(Math.min(EVERY_MS, ms / 20), undefined, { signal: ended.signal }).catch(() => undefined);
    }
  })();
  const { requests } = await stand.load({ port, request: GET.request("/to/up"), connections: CONNECTIONS, ms });
  ended.abort();
  await watching;
  const settled = held.slice(Math.floor(held.length * WARM_UP_SHARE));
  const half = Math.ceil(settled.length / 2);
  const bytes = Math.max(...settled.slice(-half));
  return { grown: bytes / Math.max(...settled.slice(0, half)), bytes, requests };
}

/** Connections that have been answered once and are kept. */
async function openIdle(port: number, count: number): Promise<readonly Socket[]> {
  const request = GET.request("/to/up");
  const sockets: Socket[] = [];
  while (sockets.length < count) {
    sockets.push(...(await Promise.all(Array.from({ length: Math.min(100, count - sockets.length) }, () => answeredOnce(port, request)))));
  }
  return sockets;
}

function answeredOnce(port: number, request: string): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: "127.0.0.1" }, () => socket.write(request));
    socket.once("error", reject);
    socket.once("data", () => resolve(socket));
    socket.resume();
  });
}

async function run(quick: boolean, minutes = 10): Promise<readonly Figure[]> {
  const ms = quick ? 500 : minutes * 30_000;
  await using stand = await openStand();
  const holdfast = await startHoldfast(stand.upstream, stand.upstream);
  try {
    const loaded = await phase(stand, holdfast, ms);
    const idle = await openIdle(holdfast.port, quick ? 50 : IDLE);
    const crowded = await phase(stand, holdfast, ms);
    const cut = idle.filter((socket) => socket.destroyed).length;
    for (const socket of idle) socket.destroy();
    const during = `${(ms / 60_000).toPrecision(2)} min of full load`;
    return [
      absolute(
        `gateway: most memory in the second half of ${during} (${loaded.requests.toLocaleString("en")} requests), by that in the first`,
        loaded.grown,
        "×",
        FLAT,
      ),
      absolute(`gateway: the same beside ${idle.length} idle connections`, crowded.grown, "×", FLAT),
      absolute("gateway: most held at full load", loaded.bytes / MIB, "MiB"),
      absolute(`gateway: most held beside ${idle.length} idle connections`, crowded.bytes / MIB, "MiB"),
      absolute("gateway: idle connections that were cut", cut, "", 0),
    ];
  } finally {
    await holdfast.stop();
  }
}

/** By the name that `main.ts` knows it by. */
export const suites: Readonly<Record<"gateway-soak", Suite>> = {
  "gateway-soak": { about: "whether the gateway's memory stays flat", run },
};
