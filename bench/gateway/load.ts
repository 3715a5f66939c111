/**
 * The load generator, a process: `node load.ts`. Connections that each send a request as soon as the one before is answered, by hand
 * on sockets: a client library would take more of the machine than what is measured. It does what it is told over IPC.
 */
import { connect, type Socket } from "node:net";

export interface LoadCommand {
  readonly port: number;
  readonly request: string;
  readonly connections: number;
  readonly ms: number;
  /** Of an answer's body; another one is a fault. @default any */
  readonly bytes?: number;
  /** ms that a connection rests after each answer. @default none */
  readonly pauseMs?: number;
}

export interface LoadReport {
  readonly requests: number;
  /** From the first request to the last answer. */
  readonly ms: number;
  /** Of single requests, µs. */
  readonly p50: number;
  readonly p99: number;
  /** How much of a core this process took meanwhile. */
  readonly busy: number;
  readonly fault?: string;
}

process.on("message", (command: LoadCommand) => {
  run(command).then(
    (report) => process.send?.(report),
    (error: unknown) => process.send?.({ requests: 0, ms: 0, p50: 0, p99: 0, busy: 0, fault: String(error) } satisfies LoadReport),
  );
});
process.on("disconnect", () => process.exit());
process.send?.("ready");

/** Latencies of one run. */
const latencies = new Float64Array(4_000_000);

async function run(command: LoadCommand): Promise<LoadReport> {
  const { connections, ms } = command;
  const sockets = await Promise.all(Array.from({ length: connections }, () => open(command.port)));
  const used = process.cpuUsage();
  const started = performance.now();
  const state = { count: 0, until: started + ms };
  await Promise.all(sockets.map((socket) => drive(socket, command, state)));
  const took = performance.now() - started;
  const { user, system } = process.cpuUsage(used);
  const sorted = latencies.slice(0, Math.min(state.count, latencies.length)).sort();
  const at = (share: number): number => (sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0) * 1_000;
  return { requests: state.count, ms: took, p50: at(0.5), p99: at(0.99), busy: (user + system) / 1_000 / took };
}

function open(port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: "127.0.0.1", noDelay: true }, () => resolve(socket));
    socket.once("error", reject);
  });
}

/** One connection, from the first request to the last answer. */
function drive(socket: Socket, { request, bytes, pauseMs }: LoadCommand, state: { count: number; readonly until: number }): Promise<void> {
  return new Promise((resolve, reject) => {
    const sent = Buffer.from(request, "latin1");
    let rest: Buffer | undefined;
    let at = 0;
    const send = (): void => {
      at = performance.now();
      socket.write(sent);
    };
    const fail = (what: string): void => {
      socket.destroy();
      reject(new Error(what));
    };
    socket.on("error", (error) => fail(error.message));
    socket.on("close", () => reject(new Error("a connection was closed")));
    socket.on("data", (chunk: Buffer) => {
      rest = rest === undefined ? chunk : Buffer.concat([rest, chunk]);
      const answer = readAnswer(rest);
      if (answer === undefined) return;
      const now = performance.now();
      if (answer.status !== 200 || (bytes !== undefined && answer.bytes !== undefined && answer.bytes !== bytes)) {
        fail(`answered ${rest.toString("latin1", 0, 400)}`);
        return;
      }
      rest = undefined;
      latencies[state.count] = now - at;
      state.count += 1;
      if (now >= state.until) {
        socket.removeAllListeners("close").destroy();
        resolve();
      } else if (pauseMs === undefined) send();
      else setTimeout(send, pauseMs);
    });
    send();
  });
}

const LENGTH = /\r\ncontent-length: *(\d+)/i;

/** The one answer that has come, once it is whole. `bytes` of its body, where it says how many. */
function readAnswer(bytes: Buffer): { readonly status: number; readonly bytes?: number } | undefined {
  const end = bytes.indexOf("\r\n\r\n");
  if (end < 0) return undefined;
  const head = bytes.toString("latin1", 0, end);
  const status = Number(head.slice(9, 12));
  const length = LENGTH.exec(head)?.[1];
  if (length !== undefined) return bytes.length >= end + 4 + Number(length) ? { status, bytes: Number(length) } : undefined;
  return bytes.toString("latin1", bytes.length - 5) === "0\r\n\r\n" ? { status } : undefined;
}
