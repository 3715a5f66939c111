/**
 * The upstream, a process: `node upstream.ts`. It answers every request with the same kilobyte of JSON, from a socket and not from
 * node:http, so that most of its core is left to the load generator. Paths with `/stall` get no answer. It tells its port over IPC.
 */
import { createServer, type AddressInfo, type Socket } from "node:net";
import { DOCUMENT } from "./workloads.ts";

const ANSWER = Buffer.from(
  [
    "HTTP/1.1 200 OK",
    "date: Sun, 22 Nov 2026 07:00:00 GMT",
    "content-type: application/json; charset=utf-8",
    `content-length: ${Buffer.byteLength(DOCUMENT)}`,
    "server: upstream",
    "cache-control: no-store",
    "x-request-id: 0198c1f2-7b3a-7c11-9c1e-3f2f6a1d2e4b",
    "connection: keep-alive",
    "",
    DOCUMENT,
  ].join("\r\n"),
);

const LENGTH = /\r\ncontent-length: *(\d+)/i;

const server = createServer({ noDelay: true }, serve);
server.listen(0, "127.0.0.1", () => process.send?.((server.address() as AddressInfo).port));
process.on("disconnect", () => process.exit());

function serve(socket: Socket): void {
  let rest: Buffer | undefined;
  socket.on("error", () => socket.destroy());
  socket.on("data", (chunk: Buffer) => {
    rest = rest === undefined ? chunk : Buffer.concat([rest, chunk]);
    for (let size = sizeOf(rest); size > 0 && size <= rest.length; size = sizeOf(rest)) {
      if (!rest.toString("latin1", 0, 40).includes("/stall")) socket.write(ANSWER);
      if (size === rest.length) {
        rest = undefined;
        return;
      }
      rest = rest.subarray(size);
    }
  });
}

/** How long the first request is; 0 while its head has not come. */
function sizeOf(bytes: Buffer): number {
  const end = bytes.indexOf("\r\n\r\n");
  if (end < 0) return 0;
  const chunked = LENGTH.exec(bytes.toString("latin1", 0, end));
  if (chunked !== null) return end + 4 + Number(chunked[1]);
  if (!bytes.toString("latin1", 0, end).toLowerCase().includes("\r\ntransfer-encoding:")) return end + 4;
  const last = bytes.indexOf("\r\n0\r\n\r\n", end);
  return last < 0 ? 0 : last + 7;
}
