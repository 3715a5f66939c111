/** `@fastify/http-proxy`, as its documentation sets it up. `node http-proxy.ts UPSTREAM` */
import type { Server } from "node:http";
import { createRequire } from "node:module";
import { listen } from "./proxy.ts";

interface Fastify {
  readonly server: Server;
  register(plugin: unknown, options: object): Promise<unknown>;
  ready(): Promise<unknown>;
}

const load = createRequire(new URL("../peers/package.json", import.meta.url));
const app = (load("fastify") as (options: object) => Fastify)({ logger: false });
await app.register(load("@fastify/http-proxy"), { upstream: process.argv[2] });
await app.ready();
listen(app.server);
