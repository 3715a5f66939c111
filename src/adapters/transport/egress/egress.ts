import { lookup as resolve, type LookupAddress } from "node:dns";
import { Agent as HttpAgent, request as httpRequest, type IncomingMessage, type RequestOptions } from "node:http";
import { Agent as HttpsAgent, request as httpsRequest } from "node:https";
import { isIP, type LookupFunction } from "node:net";
import type { Clock } from "../../../ports/clock.ts";
import type { Transport } from "../../../ports/transport.ts";
import { systemClock } from "../../clock/system.ts";
import { blockListOf, isPublic, notPublic } from "./public-addresses.ts";

/** How far a request goes that somebody outside has named the target of. */
export interface EgressOptions {
  /** Ranges that may be reached though they are not public, such as `["10.1.0.0/16"]`. @default none */
  readonly allow?: readonly string[];
  /** Bytes of an answer's body that are read; then the connection is closed. @default 64 KiB */
  readonly maxBodyBytes?: number;
  /** What becomes of an answer whose body is longer: an error, or the answer with what was read of it. @default "fail" */
  readonly longBody?: "fail" | "cut";
  /** Bytes of an answer's headers. @default 16 KiB */
  readonly maxHeaderBytes?: number;
  /** The whole exchange, to the last byte of the answer. @default 30_000 */
  readonly timeoutMs?: number;
  /** Told of a target that was refused, which its caller is not. */
  readonly onRefused?: (host: string, address: string) => void;
  readonly clock?: Clock;
  /** How names are resolved. @default the machine's resolver */
  readonly lookup?: typeof resolve;
}

/** A transport, and the end of its connections. */
export interface Egress {
  readonly transport: (...request: Parameters<Transport>) => Promise<Response>;
  close(): void;
}

const DEFAULTS = { maxBodyBytes: 64 * 1024, longBody: "fail", maxHeaderBytes: 16 * 1024, timeoutMs: 30_000 } as const;
const PORTS: Readonly<Record<string, number>> = { "http:": 80, "https:": 443 };

/**
 * Carries requests whose target a caller has named (callback URLs, forward URLs), so that nobody reaches through us what only we
 * can reach. Only public addresses, and those of `allow`, are connected to. The address is checked as it comes out of the
 * resolver for this very connection, so a name that is bound anew between two looks gains nothing; redirects are not followed;
 * what comes back is not decoded, and is cut off where it is too long or takes too long. Every request has a connection of its
 * own: one that was kept could have been closed meanwhile, and then nobody knows whether the request arrived. Only http and https.
 *
 * A target that is refused reads like a closed port (`ECONNREFUSED`): whoever asks learns nothing of what lies behind us.
 */
export function egress(options: EgressOptions = {}): Egress {
  const {
    maxBodyBytes,
    longBody,
    maxHeaderBytes,
    timeoutMs,
    onRefused,
    clock = systemClock,
    allow = [],
    lookup = resolve,
  } = { ...DEFAULTS, ...options };
  const allowed = allow.length === 0 ? undefined : blockListOf(allow, "egress.allow");
  const checkedLookup: LookupFunction = (hostname, asked, done) => {
    lookup(hostname, { ...asked, all: true }, (error, addresses) => {
      if (error !== null) return done(error, []);
      const stranger = addresses.find(({ address }) => !isPublic(address, allowed));
      if (stranger !== undefined) {
        onRefused?.(hostname, stranger.address);
        return done(refused(hostname), []);
      }
      if (asked.all === true) return done(null, addresses);
      const [first] = addresses as [LookupAddress];
      done(null, first.address, first.family);
    });
  };
  // The list as well, wherever nothing is allowed beyond it: it is looked at by the socket itself, also for addresses that no resolver saw.
  const connect = { lookup: checkedLookup, keepAlive: false, maxSockets: 64, ...(allowed === undefined ? { blockList: notPublic } : {}) };
  const agents = { "http:": new HttpAgent(connect), "https:": new HttpsAgent(connect) };

  const transport: Egress["transport"] = async (input, init) => {
    const url = new URL(input);
    if (url.protocol !== "http:" && url.protocol !== "https:")
      throw failed("ERR_INVALID_PROTOCOL", `${url.protocol} is neither http: nor https:`);
    if (url.username !== "" || url.password !== "") throw failed("ERR_INVALID_URL", "the URL holds a credential");
    const host = url.hostname.replace(/^\[|\]$/g, "");
    if (isIP(host) !== 0 && !isPublic(host, allowed)) {
      onRefused?.(host, host);
      throw wrapped(refused(host));
    }
    init.signal?.throwIfAborted();
    const body = init.body == null ? undefined : new Uint8Array(await new Response(init.body).arrayBuffer());
    const headers = new Headers(init.headers);
    // Nothing is decoded here, so nothing is asked for that would have to be: a bomb stays packed.
    headers.set("accept-encoding", "identity");
    for (const name of ["host", "connection", "transfer-encoding", "content-length"]) headers.delete(name);
    return await exchange({
      protocol: url.protocol,
      options: {
        host,
        port: url.port === "" ? PORTS[url.protocol] : Number(url.port),
        path: `${url.pathname}${url.search}`,
        method: init.method ?? "GET",
        headers: { ...Object.fromEntries(headers), host: url.host, ...(body === undefined ? {} : { "content-length": body.length }) },
        agent: agents[url.protocol],
        maxHeaderSize: maxHeaderBytes,
      },
      body,
      signal: init.signal ?? undefined,
      maxBodyBytes,
      longBody,
      timeoutMs,
      clock,
    });
  };
  return {
    transport,
    close() {
      agents["http:"].destroy();
      agents["https:"].destroy();
    },
  };
}

interface Exchange {
  readonly protocol: "http:" | "https:";
  readonly options: RequestOptions;
  readonly body: Uint8Array | undefined;
  readonly signal: AbortSignal | undefined;
  readonly maxBodyBytes: number;
  readonly longBody: "fail" | "cut";
  readonly timeoutMs: number;
  readonly clock: Clock;
}

/** One request and its answer, whole: it is small, and whoever waits for it needs nothing of it before its end. */
function exchange({ protocol, options, body, signal, maxBodyBytes, longBody, timeoutMs, clock }: Exchange): Promise<Response> {
  return new Promise((settle, reject) => {
    const request = (protocol === "https:" ? httpsRequest : httpRequest)(options);
    const end = (): void => {
      clock.clearTimer(timer);
      signal?.removeEventListener("abort", onAbort);
    };
    const fail = (error: unknown): void => {
      end();
      reject(error);
      request.destroy();
    };
    const succeed = (response: Response): void => {
      end();
      settle(response);
    };
    const onAbort = (): void => fail(signal?.reason);
    const timer = clock.setTimer(() => fail(failed("ETIMEDOUT", `the exchange took longer than ${timeoutMs} ms`)), timeoutMs);
    signal?.addEventListener("abort", onAbort, { once: true });
    request.on("error", (error) => fail(wrapped(blocked(error) ? refused(String(options.host)) : error)));
    request.on("response", (message) => {
      void readAnswer(message, maxBodyBytes, longBody).then(succeed, fail);
    });
    request.end(body);
  });
}

async function readAnswer(message: IncomingMessage, maxBodyBytes: number, longBody: "fail" | "cut"): Promise<Response> {
  const chunks: Buffer[] = [];
  let length = 0;
  try {
    for await (const chunk of message as AsyncIterable<Buffer>) {
      const room = maxBodyBytes - length;
      length += chunk.length;
      chunks.push(chunk.subarray(0, room));
      if (chunk.length <= room) continue;
      if (longBody === "fail") throw failed("ERR_BODY_TOO_LONG", `the answer's body is longer than ${maxBodyBytes} bytes`);
      break; // which closes the connection
    }
  } catch (error) {
    throw error instanceof TypeError ? error : wrapped(error);
  }
  const { statusCode: status = 0, statusMessage: statusText = "" } = message;
  if (status < 200 || status > 599) throw failed("ERR_INVALID_STATUS", `the answer's status is ${status}`);
  const headers = new Headers();
  for (let index = 0; index + 1 < message.rawHeaders.length; index += 2) {
    headers.append(message.rawHeaders[index] as string, message.rawHeaders[index + 1] as string);
  }
  const bodiless = status === 204 || status === 205 || status === 304;
  return new Response(bodiless ? null : Buffer.concat(chunks), { status, statusText, headers });
}

/** What a closed port says, word for word. */
function refused(host: string): NodeJS.ErrnoException {
  return Object.assign(new Error(`connect ECONNREFUSED ${host}`), { code: "ECONNREFUSED", syscall: "connect" });
}

/** Whether it was the socket's own look at the list that ended it. */
function blocked(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === "ERR_IP_BLOCKED";
}

/** As `fetch` fails: a TypeError, the cause inside. A closed port is told without the address that it has. */
function wrapped(cause: unknown): TypeError {
  const { code } = cause as NodeJS.ErrnoException;
  const told = code === "ECONNREFUSED" ? Object.assign(new Error("connect ECONNREFUSED"), { code, syscall: "connect" }) : cause;
  return new TypeError("fetch failed", { cause: told });
}

function failed(code: string, message: string): TypeError {
  return new TypeError("fetch failed", { cause: Object.assign(new Error(message), { code }) });
}
