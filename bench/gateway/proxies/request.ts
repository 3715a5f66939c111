/** node:http and undici's `request`, its body piped. `node request.ts UPSTREAM` */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { Pool } from "undici";
import { forwarded, listen } from "./proxy.ts";

const upstream = new Pool(process.argv[2] as string);

listen(
  createServer((request, response) => {
    forward(request, response).catch(() => response.destroy());
  }),
);

async function forward(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { statusCode, headers, body } = await upstream.request({
    path: request.url as string,
    method: request.method as "GET",
    headers: forwarded(request.rawHeaders),
    body: request.headers["content-length"] === undefined ? null : request,
  });
  response.writeHead(statusCode, headers);
  body.pipe(response);
}
