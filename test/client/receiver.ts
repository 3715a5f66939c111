import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

interface Received {
  readonly headers: Record<string, string>;
  readonly body: string;
}

/** A server that takes what it is sent, but for the first, which it answers as it is told. */
export interface TestServer {
  readonly url: string;
  /** Statuses of the next answers; then 204. */
  answers: number[];
  readonly received: readonly Received[];
  /** What was answered 2xx. */
  readonly taken: readonly Received[];
  close(): Promise<void>;
}

export async function serve(): Promise<TestServer> {
  const received: Received[] = [];
  const taken: Received[] = [];
  const handle = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const message = { headers: plain(request.headers), body: Buffer.concat(chunks).toString() };
    const status = server.answers.shift() ?? 204;
    received.push(message);
    if (status < 300) taken.push(message);
    response.writeHead(status).end();
  };
  const http = createServer((request, response) => void handle(request, response));
  await new Promise<void>((resolve) => http.listen(0, "127.0.0.1", resolve));
  const server: TestServer = {
    url: `http://127.0.0.1:${(http.address() as AddressInfo).port}`,
    answers: [],
    received,
    taken,
    close: () => new Promise((resolve) => http.close(() => resolve())),
  };
  return server;
}

function plain(headers: IncomingHttpHeaders): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, String(value)]));
}
