import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import type { Duplex } from "node:stream";
import type { ResolvedGatewayOptions } from "../api/gateway-options.ts";
import type { Clock, TimerHandle } from "../ports/clock.ts";
import { Leaving } from "../ports/leaving.ts";
import { problem, retryAfterOf, type ProblemCode } from "./problem.ts";
import { writeProblem } from "./write-answer.ts";

/** What is done with the requests that may come in. */
export interface Doors {
  /** `/to/…` */
  readonly forward: (request: IncomingMessage, response: ServerResponse, leaving: Leaving) => Promise<void>;
  /** All else. */
  readonly other: (request: IncomingMessage, response: ServerResponse) => Promise<void>;
}

export interface ListenerParts {
  readonly options: ResolvedGatewayOptions;
  readonly doors: Doors;
  readonly clock: Clock;
  readonly failed: (error: unknown, where: string) => void;
  /** Where every path of this socket stands, such as `/to/stripe`: nothing else is reached by it. @default every path stands for itself */
  readonly under?: string;
}

/** Who asks how we are is let in beside the connections that there may be. */
const RESERVED_CONNECTIONS = 64;
const HEALTH: ReadonlySet<string> = new Set(["/healthz", "/readyz", "/metrics"]);
/** How often connections are looked through for slow ones. */
const CHECK_EVERY_MS = 1_000;

/**
 * The socket and its rules: what may not come in is refused here, before anything looks at it. How large a head and how slow a request
 * may be, how many connections there are, which targets and methods make no sense at a gateway.
 */
export class Listener {
  readonly #parts: ListenerParts;
  readonly #server: Server;
  #connections = 0;
  /** Connections over the limit: they are told so, whatever they ask for but health. */
  readonly #surplus = new WeakSet<Socket>();
  #underWay = 0;
  #draining = false;
  #idle: (() => void) | undefined = undefined;

  constructor(parts: ListenerParts) {
    this.#parts = parts;
    const { options } = parts;
    this.#server = createServer({
      maxHeaderSize: options.maxHeadersBytes,
      headersTimeout: options.headersTimeoutMs,
      requestTimeout: options.requestTimeoutMs,
      keepAliveTimeout: options.keepAliveMs,
      connectionsCheckingInterval: Math.min(CHECK_EVERY_MS, Math.max(50, options.headersTimeoutMs / 4)),
      // Refused here, in the words of all other refusals.
      requireHostHeader: false,
    });
    // The size of a head bounds their number; the built-in limit would leave out what comes after it without a word.
    this.#server.maxHeadersCount = 0;
    this.#server.maxConnections = options.maxConnections + RESERVED_CONNECTIONS;
    this.#server
      .on("connection", (socket: Socket) => this.#count(socket))
      .on("request", (request: IncomingMessage, response: ServerResponse) => this.#take(request, response))
      .on("checkContinue", (request: IncomingMessage, response: ServerResponse) => {
        if (!this.#isTooLong(request)) response.writeContinue();
        this.#take(request, response);
      })
      .on("connect", (_request: IncomingMessage, socket: Duplex) =>
        endRaw(socket, "method-not-allowed", "CONNECT is for proxies, and this is none"),
      )
      .on("clientError", refuseBroken);
  }

  /** Listens, and answers the port. */
  async listen(host: string, port: number): Promise<AddressInfo> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once("error", reject);
      this.#server.listen(port, host, () => {
        this.#server.off("error", reject);
        resolve();
      });
    });
    return this.#server.address() as AddressInfo;
  }

  get draining(): boolean {
    return this.#draining;
  }

  /** Requests that are being answered. */
  get underWay(): number {
    return this.#underWay;
  }

  /** Takes no new connection, and answers what is under way; resolves when that is done, or after `graceMs`. */
  async drain(graceMs: number): Promise<void> {
    this.#draining = true;
    this.#server.close();
    this.#server.closeIdleConnections();
    if (this.#underWay === 0) return;
    const { clock } = this.#parts;
    await new Promise<void>((resolve) => {
      const timer: TimerHandle = clock.setTimer(resolve, graceMs);
      this.#idle = () => {
        clock.clearTimer(timer);
        resolve();
      };
    });
  }

  /** Cuts what is left. */
  cut(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }

  #count(socket: Socket): void {
    this.#connections += 1;
    if (this.#connections > this.#parts.options.maxConnections) this.#surplus.add(socket);
    socket.once("close", () => (this.#connections -= 1));
  }

  #isTooLong(request: IncomingMessage): boolean {
    return Number(request.headers["content-length"] ?? 0) > this.#parts.options.maxBodyBytes;
  }

  #take(request: IncomingMessage, response: ServerResponse): void {
    this.#underWay += 1;
    const leaving = new Leaving();
    response.on("close", () => {
      this.#ended();
      if (!response.writableFinished) leaving.leave(new DOMException("the client has left", "AbortError"));
    });
    if (this.#draining) response.shouldKeepAlive = false;
    const { doors, failed, under } = this.#parts;
    const asked = request.url ?? "";
    const url = under === undefined || !asked.startsWith("/") ? asked : `${under}${asked}`;
    request.url = url;
    const refusal = this.#refusalOf(request, url);
    if (refusal !== undefined) {
      response.shouldKeepAlive = false;
      writeProblem(response, refusal.code, refusal.detail, refusal.allow === undefined ? {} : { headers: { allow: refusal.allow } }, {});
      return;
    }
    const done = url.startsWith("/to/") ? doors.forward(request, response, leaving) : doors.other(request, response);
    done.catch((error: unknown) => {
      failed(error, url);
      response.destroy();
    });
  }

  #refusalOf(
    request: IncomingMessage,
    url: string,
  ): { readonly code: ProblemCode; readonly detail: string; readonly allow?: string } | undefined {
    if (request.method === "TRACE")
      return {
        code: "method-not-allowed",
        detail: "TRACE would send back what stands in the request, its credentials too",
        allow: ALLOWED,
      };
    if (!url.startsWith("/")) {
      return {
        code: "invalid-request",
        detail: "the target is no path; absolute targets are for proxies, and this is none: send the path alone",
      };
    }
    if (this.#surplus.has(request.socket) && !HEALTH.has(url)) {
      return {
        code: "overloaded",
        detail: `there are ${this.#parts.options.maxConnections} connections already (gateway.maxConnections); use fewer and keep them, or come back`,
      };
    }
    return undefined;
  }

  #ended(): void {
    this.#underWay -= 1;
    if (!this.#draining || this.#underWay > 0) return;
    this.#server.closeIdleConnections();
    this.#idle?.();
  }
}

const ALLOWED = "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS";

/** What could not even be read as a request. Its sender is told, as far as it listens. */
function refuseBroken(error: NodeJS.ErrnoException, socket: Duplex): void {
  if (!socket.writable || error.code === "ECONNRESET") {
    socket.destroy();
    return;
  }
  switch (error.code) {
    case "HPE_HEADER_OVERFLOW":
      return endRaw(socket, "headers-too-large", "the headers are larger than the gateway reads (gateway.maxHeaders)");
    case "ERR_HTTP_REQUEST_TIMEOUT":
      return endRaw(
        socket,
        "request-timeout",
        "the request did not come in the time that it has (gateway.headersTimeout, gateway.requestTimeout)",
      );
    case undefined:
    default:
      return endRaw(socket, "invalid-request", `this is no request of HTTP/1.1${error.code === undefined ? "" : ` (${error.code})`}`);
  }
}

const PHRASES: Readonly<Record<number, string>> = {
  400: "Bad Request",
  405: "Method Not Allowed",
  408: "Request Timeout",
  431: "Request Header Fields Too Large",
};

/** An answer where there is no ServerResponse to write it with. */
function endRaw(socket: Duplex, code: ProblemCode, detail: string): void {
  const told = problem(code, detail);
  const body = JSON.stringify(told);
  const retryAfter = retryAfterOf(told, undefined);
  const head = [
    `HTTP/1.1 ${told.status} ${PHRASES[told.status] ?? "Refused"}`,
    "content-type: application/problem+json",
    `content-length: ${Buffer.byteLength(body)}`,
    "connection: close",
    ...(retryAfter === undefined ? [] : [`retry-after: ${retryAfter}`]),
    ...(told.status === 405 ? [`allow: ${ALLOWED}`] : []),
  ];
  socket.end(`${head.join("\r\n")}\r\n\r\n${body}`, () => socket.destroy());
}
