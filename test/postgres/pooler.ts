import { connect, createServer, type AddressInfo, type Socket } from "node:net";
import { messages, type Message } from "./wire.ts";

/**
 * A pooler in transaction mode, as PgBouncer 1.18 is: a client has a server's connection for one transaction and the next one
 * perhaps another, so that nothing of a session stays: no setting, no lock, no prepared statement.
 *
 * Each client logs in through a connection of its own, which then serves everybody; that spares knowing how to log in.
 */
export interface Pooler {
  readonly url: string;
  /** Transactions of a client that were done on another connection than its last one. */
  readonly moved: () => number;
  close(): Promise<void>;
}

interface Upstream {
  readonly socket: Socket;
  client: Client | undefined;
}

interface Client {
  readonly socket: Socket;
  upstream: Upstream | undefined;
  last: Upstream | undefined;
  /** What it has sent and nobody has taken yet. */
  waiting: Buffer[];
  /** Ends of requests (Sync, Query) that were sent on and not answered; what is sent beyond the last is one more. */
  unanswered: number;
  open: boolean;
}

const SYNC = "S";
const QUERY = "Q";
const TERMINATE = "X";
const READY = "Z";
const IDLE = "I".charCodeAt(0);

/** Connections to the server that are kept. */
const SIZE = 6;

export async function poolerTo(target: string): Promise<Pooler> {
  const { hostname, port } = new URL(target);
  const sockets = new Set<Socket>();
  const free: Upstream[] = [];
  const queue: Client[] = [];
  let moved = 0;
  let kept = 0;

  const track = (socket: Socket): Socket => {
    sockets.add(socket);
    socket.setNoDelay(true);
    socket.on("error", () => socket.destroy());
    socket.on("close", () => sockets.delete(socket));
    return socket;
  };

  const send = (client: Client, { type, bytes }: Message): void => {
    if (type === SYNC || type === QUERY) {
      client.unanswered += 1;
      client.open = false;
    } else {
      client.open = true;
    }
    client.upstream?.socket.write(bytes);
  };

  const serve = (): void => {
    for (let upstream = free.shift(); upstream !== undefined; upstream = free.shift()) {
      const client = queue.shift();
      if (client === undefined) return void free.unshift(upstream);
      if (client.last !== undefined && client.last !== upstream) moved += 1;
      client.upstream = upstream;
      client.last = upstream;
      upstream.client = client;
      const read = messages();
      for (const message of client.waiting.splice(0).flatMap((bytes) => read(bytes))) send(client, message);
    }
  };

  const server = createServer((socket) => {
    track(socket);
    const own: Upstream = { socket: track(connect(Number(port), hostname)), client: undefined };
    const client: Client = { socket, upstream: own, last: undefined, waiting: [], unanswered: 0, open: false };
    let loggedIn = false;
    const fromServer = messages();
    const fromClient = messages();

    own.socket.on("data", (chunk) => {
      for (const { type, bytes } of fromServer(chunk)) {
        const to = loggedIn ? own.client : client;
        to?.socket.write(bytes);
        if (type !== READY) continue;
        if (to === client && !loggedIn) {
          loggedIn = true;
          client.upstream = undefined;
          if (kept === SIZE) return void own.socket.destroy();
          kept += 1;
          own.socket.on("close", () => (kept -= 1));
        } else if (to) {
          to.unanswered -= 1;
          if (to.unanswered > 0 || to.open || bytes.at(-1) !== IDLE) continue;
          to.upstream = undefined;
          own.client = undefined;
        }
        free.push(own);
        serve();
      }
    });
    own.socket.on("close", () => {
      if (free.includes(own)) free.splice(free.indexOf(own), 1);
      (loggedIn ? own.client : client)?.socket.destroy();
    });
    socket.on("data", (chunk) => {
      if (!loggedIn) return void own.socket.write(chunk);
      for (const message of fromClient(chunk)) {
        if (message.type === TERMINATE) return void socket.destroy();
        if (client.upstream) {
          send(client, message);
        } else {
          if (client.waiting.length === 0) queue.push(client);
          client.waiting.push(message.bytes);
        }
      }
      serve();
    });
    socket.on("close", () => {
      if (queue.includes(client)) queue.splice(queue.indexOf(client), 1);
      // In mid-transaction the connection is of no use to others.
      client.upstream?.socket.destroy();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port: listening } = server.address() as AddressInfo;
  return {
    url: Object.assign(new URL(target), { hostname: "127.0.0.1", port: String(listening) }).href,
    moved: () => moved,
    close: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
