import { once } from "node:events";
import { createServer, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { gzipSync } from "node:zlib";
import { afterEach, describe, expect, it } from "vitest";
import { egress, type Egress, type EgressOptions } from "../../src/adapters/transport/egress/egress.ts";

const servers: Server[] = [];
const opened: Egress[] = [];
afterEach(() => {
  for (const one of opened.splice(0)) one.close();
  for (const server of servers.splice(0)) {
    server.close();
    server.closeAllConnections();
  }
});

async function server(listener: RequestListener): Promise<{ readonly port: number; readonly asked: string[] }> {
  const asked: string[] = [];
  const one = createServer((request, response) => {
    asked.push(`${request.method} ${request.url} ${request.headers.host}`);
    listener(request, response);
  });
  servers.push(one);
  one.listen(0, "127.0.0.1");
  await once(one, "listening");
  return { port: (one.address() as AddressInfo).port, asked };
}

function open(options: EgressOptions = {}): Egress {
  const one = egress(options);
  opened.push(one);
  return one;
}

const LOOPBACK = { allow: ["127.0.0.1"] };

/** A resolver that says what it is told to, one answer after the other. */
function resolver(...answers: readonly (readonly string[])[]): NonNullable<EgressOptions["lookup"]> & { calls: number } {
  const fake = ((_name: string, _options: unknown, done: (error: null, addresses: unknown) => void) => {
    const answer = answers[Math.min(fake.calls, answers.length - 1)] as readonly string[];
    fake.calls += 1;
    done(
      null,
      answer.map((address) => ({ address, family: address.includes(":") ? 6 : 4 })),
    );
  }) as unknown as NonNullable<EgressOptions["lookup"]> & { calls: number };
  fake.calls = 0;
  return fake;
}

async function failureOf(
  promise: Promise<unknown>,
): Promise<{ readonly name: string; readonly message: string; readonly cause: Record<string, unknown> }> {
  try {
    await promise;
  } catch (error) {
    const { name, message, cause } = error as Error & { cause: Error };
    return { name, message, cause: { code: (cause as NodeJS.ErrnoException).code, message: cause.message } };
  }
  throw new Error("it did not fail");
}

describe("where a caller's URL may lead", () => {
  it("no address of our own, however it is spelled, and the server behind it hears nothing", async () => {
    const { port, asked } = await server((_, response) => response.end("secret"));
    const { transport } = open();
    const spellings = [
      "127.0.0.1",
      "localhost",
      "127.1",
      "2130706433",
      "0x7f000001",
      "0177.0.0.1",
      "[::ffff:127.0.0.1]",
      "[::ffff:7f00:1]",
    ];
    for (const host of spellings) {
      expect((await failureOf(transport(`http://${host}:${port}/`, {}))).cause["code"]).toBe("ECONNREFUSED");
    }
    expect(asked).toEqual([]);
  });

  it("the same address goes where the operator allows it, so that the refusals above say something", async () => {
    const { port, asked } = await server((_, response) => response.end("hello"));
    const { transport } = open(LOOPBACK);
    const response = await transport(`http://127.0.0.1:${port}/hook?a=1`, { method: "POST", body: "x", headers: { "x-a": "1" } });
    expect([response.status, await response.text()]).toEqual([200, "hello"]);
    expect(asked).toEqual([`POST /hook?a=1 127.0.0.1:${port}`]);
  });

  it("a name is judged by the address that is connected to: one bound anew between two looks gains nothing", async () => {
    const { port, asked } = await server((_, response) => response.end());
    const lookup = resolver(["127.0.0.1"], ["10.0.0.7"]);
    const { transport } = open({ ...LOOPBACK, lookup });
    expect((await transport(`http://rebound.example:${port}/`, {})).status).toBe(200);
    expect((await failureOf(transport(`http://rebound.example:${port}/`, {}))).cause["code"]).toBe("ECONNREFUSED");
    expect([lookup.calls, asked.length]).toEqual([2, 1]);
  });

  it("a name with one address of ours among its public ones is refused whole", async () => {
    const refusals: string[] = [];
    const { transport } = open({
      lookup: resolver(["93.184.216.34", "169.254.169.254"]),
      onRefused: (host, address) => refusals.push(`${host} ${address}`),
    });
    expect((await failureOf(transport("http://mixed.example/", {}))).cause["code"]).toBe("ECONNREFUSED");
    expect(refusals).toEqual(["mixed.example 169.254.169.254"]);
  });

  it("a refused target and a closed port read the same", async () => {
    const { port } = await server(() => {});
    const closed = servers.splice(0)[0] as Server;
    closed.close();
    await once(closed, "close");
    const refused = await failureOf(open().transport(`http://127.0.0.1:${port}/`, {}));
    expect(refused).toEqual(await failureOf(open(LOOPBACK).transport(`http://127.0.0.1:${port}/`, {})));
    expect(refused.name).toBe("TypeError");
  });

  it("a redirect is an answer like any other", async () => {
    const { port, asked } = await server((_, response) => response.writeHead(302, { location: "http://169.254.169.254/latest" }).end());
    const response = await open(LOOPBACK).transport(`http://127.0.0.1:${port}/`, {});
    expect([response.status, asked.length]).toEqual([302, 1]);
  });

  it("other schemes and credentials in the URL are refused", async () => {
    const { transport } = open(LOOPBACK);
    for (const url of ["file:///etc/passwd", "ftp://127.0.0.1/", "http://user:secret@127.0.0.1/", "data:text/plain,x"]) {
      const { cause } = await failureOf(transport(url, {}));
      expect(["ERR_INVALID_PROTOCOL", "ERR_INVALID_URL"]).toContain(cause["code"]);
      expect(JSON.stringify(cause)).not.toContain("secret");
    }
  });
});

describe("what comes back", () => {
  it("a long body is an error, or is cut, as the option says", async () => {
    const { port } = await server((_, response) => response.end(Buffer.alloc(100_000, "x")));
    const url = `http://127.0.0.1:${port}/`;
    expect((await failureOf(open({ ...LOOPBACK, maxBodyBytes: 1_000 }).transport(url, {}))).cause["code"]).toBe("ERR_BODY_TOO_LONG");
    const cut = await open({ ...LOOPBACK, maxBodyBytes: 1_000, longBody: "cut" }).transport(url, {});
    expect([cut.status, (await cut.text()).length]).toEqual([200, 1_000]);
    expect((await (await open({ ...LOOPBACK, maxBodyBytes: 100_000 }).transport(url, {})).text()).length).toBe(100_000);
  });

  it("a bomb stays packed", async () => {
    const bomb = gzipSync(Buffer.alloc(10_000_000));
    const { port } = await server((_, response) => response.writeHead(200, { "content-encoding": "gzip" }).end(bomb));
    const response = await open(LOOPBACK).transport(`http://127.0.0.1:${port}/`, {});
    expect((await response.arrayBuffer()).byteLength).toBe(bomb.length);
  });

  it("headers without end are an error", async () => {
    const { port } = await server((_, response) => response.writeHead(200, { "x-long": "y".repeat(30_000) }).end());
    expect((await failureOf(open(LOOPBACK).transport(`http://127.0.0.1:${port}/`, {}))).cause["code"]).toBe("HPE_HEADER_OVERFLOW");
  });

  it("a body that never ends is over when its time is", async () => {
    const { port } = await server((_, response) => response.write("a"));
    expect((await failureOf(open({ ...LOOPBACK, timeoutMs: 50 }).transport(`http://127.0.0.1:${port}/`, {}))).cause["code"]).toBe(
      "ETIMEDOUT",
    );
  });

  it("the caller's abort ends it with the caller's reason", async () => {
    const controller = new AbortController();
    const { port } = await server(() => controller.abort(new Error("enough")));
    await expect(open(LOOPBACK).transport(`http://127.0.0.1:${port}/`, { signal: controller.signal })).rejects.toThrow("enough");
  });

  it("an answer without a body, and several cookies, come through", async () => {
    const { port } = await server((_, response) =>
      response
        .writeHead(
          204,
          [
            ["set-cookie", "a=1"],
            ["set-cookie", "b=2"],
          ].flat(),
        )
        .end(),
    );
    const response = await open(LOOPBACK).transport(`http://127.0.0.1:${port}/`, {});
    expect([response.status, response.body, response.headers.getSetCookie()]).toEqual([204, null, ["a=1", "b=2"]]);
  });
});
