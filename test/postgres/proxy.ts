import { connect, createServer, type AddressInfo, type Socket } from "node:net";
import { messages } from "./wire.ts";

/** A way to PostgreSQL that breaks when it is told to. */
export interface Proxy {
  /** The address to connect to instead. */
  readonly url: string;
  /**
   * The next request is done by the server, committed if it commits, and then its connection is gone: the answer stays with us.
   * Resolves when that has happened. `after`: so many requests pass before.
   */
  loseNextAnswer(after?: number): Promise<void>;
  /** The connection is gone before the next request is sent on. */
  loseNextRequest(): Promise<void>;
  /** Ends every connection now. */
  cutAll(): void;
  close(): Promise<void>;
}

/** The server says that everything that was asked is done, and committed. */
const READY = "Z";

export async function proxyTo(target: string): Promise<Proxy> {
  const { hostname, port } = new URL(target);
  const sockets = new Set<Socket>();
  let armed: { readonly lose: "answer" | "request"; after: number; readonly done: () => void } | undefined;

  const server = createServer((client) => {
    const upstream = connect(Number(port), hostname);
    /** It has asked for something since the last loss was ordered. */
    let asking = false;
    const read = messages();
    const cut = (): void => {
      client.destroy();
      upstream.destroy();
    };
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.setNoDelay(true);
      socket.on("error", cut);
      socket.on("close", () => {
        sockets.delete(socket);
        cut();
      });
    }
    let started = false;
    client.on("data", (chunk) => {
      asking = started && armed !== undefined;
      if (asking && armed?.lose === "request") {
        armed.done();
        armed = undefined;
        return cut();
      }
      upstream.write(chunk);
    });
    upstream.on("data", (chunk) => {
      const ready = read(chunk).at(-1)?.type === READY;
      if (ready && asking && armed?.lose === "answer") {
        asking = false;
        if (armed.after === 0) {
          armed.done();
          armed = undefined;
          return cut();
        }
        armed.after -= 1;
      }
      if (ready) started = true;
      client.write(chunk);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port: own } = server.address() as AddressInfo;
  const arm = (lose: "answer" | "request", after: number): Promise<void> =>
    new Promise((done) => {
      armed = { lose, after, done };
    });
  return {
    url: Object.assign(new URL(target), { hostname: "127.0.0.1", port: String(own) }).href,
    loseNextAnswer: (after = 0) => arm("answer", after),
    loseNextRequest: () => arm("request", 0),
    cutAll: () => {
      for (const socket of sockets) socket.destroy();
    },
    close: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
