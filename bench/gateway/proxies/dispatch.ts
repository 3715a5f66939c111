/** The least that a proxy on Node can be: node:http, and undici's `dispatch` with backpressure. `node dispatch.ts UPSTREAM` */
import { createServer } from "node:http";
import { Pool } from "undici";
import { forwarded, listen } from "./proxy.ts";

const upstream = new Pool(process.argv[2] as string);

listen(
  createServer((request, response) => {
    upstream.dispatch(
      {
        path: request.url as string,
        method: request.method as "GET",
        headers: forwarded(request.rawHeaders),
        body: request.headers["content-length"] === undefined ? null : request,
      },
      {
        onRequestStart() {},
        onResponseStart(_controller, status, headers) {
          response.writeHead(status, headers);
        },
        onResponseData(controller, chunk) {
          if (response.write(chunk)) return;
          controller.pause();
          response.once("drain", () => controller.resume());
        },
        onResponseEnd() {
          response.end();
        },
        onResponseError() {
          response.destroy();
        },
      },
    );
  }),
);
