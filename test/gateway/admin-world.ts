import { randomBytes } from "node:crypto";
import { systemClock } from "../../src/adapters/clock/system.ts";
import { memory } from "../../src/adapters/store/memory/index.ts";
import type { ApiOptions } from "../../src/api/api-options.ts";
import { createHoldfast, type Holdfast } from "../../src/client/holdfast.ts";
import { createApp, type App, type AppParts } from "../../src/gateway/app.ts";
import { Authenticator, tokenHash, tokenOf } from "../../src/gateway/auth.ts";
import type { TokenEntry } from "../../src/gateway/principal.ts";
import { StrangerGuard } from "../../src/gateway/stranger.ts";
import type { Store, StoreFactory } from "../../src/ports/store.ts";
import type { Transport } from "../../src/ports/transport.ts";

/** The admin side of a gateway over real parts, spoken to through `fetch(Request)`. */
export interface AdminWorld extends AsyncDisposable {
  readonly app: App;
  readonly hf: Holdfast;
  readonly store: Store;
  readonly authenticator: Authenticator;
  /** Faults that the gateway would have logged. */
  readonly faults: unknown[];
  readonly drain: () => void;
  /** Asks as one of the tokens; `null` sends none. Bodies are sent as JSON. */
  readonly ask: (method: string, path: string, options?: AskOptions) => Promise<Answer>;
}

export interface AskOptions {
  readonly as?: string | null;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  readonly client?: string;
  readonly signal?: AbortSignal;
}

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  // oxlint-disable-next-line typescript/no-explicit-any -- tests look into answers of every shape
  readonly body: any;
}

/** The tokens of the test, by name; each world knows them. */
export const TOKENS: Readonly<Record<string, string>> = Object.fromEntries(
  ["all", "call", "read", "operate", "crm-only", "acme", "slow"].map((name) => [name, tokenOf(randomBytes(32))]),
);

const ENTRIES: readonly Omit<TokenEntry, "sha256">[] = [
  { name: "all", scopes: ["call", "read", "operate"] },
  { name: "call", scopes: ["call"] },
  { name: "read", scopes: ["read"] },
  { name: "operate", scopes: ["operate"] },
  { name: "crm-only", scopes: ["call", "read", "operate"], apis: ["crm"] },
  { name: "acme", scopes: ["call", "read", "operate"], account: "acme" },
  { name: "slow", scopes: ["read"], rateLimit: { limit: 1, perMs: 60_000, burst: 2 } },
];

export interface WorldOptions {
  readonly store?: StoreFactory;
  readonly transport?: Transport;
  readonly apis?: Readonly<Record<string, ApiOptions>>;
  readonly tokens?: boolean;
  readonly parts?: Partial<AppParts>;
}

const API: ApiOptions = { baseUrl: "https://api.example.com", profile: "crm", rateLimit: { limit: 10_000 } };

export async function adminWorld(options: WorldOptions = {}): Promise<AdminWorld> {
  const store = await (options.store ?? memory())();
  const transport = options.transport ?? (async () => Response.json({ id: 7 }, { status: 201 }));
  const hf: Holdfast = await createHoldfast({ store: async () => store, apis: options.apis ?? { crm: API, mail: API }, transport });
  const authenticator = new Authenticator(systemClock);
  if (options.tokens !== false) {
    authenticator.replace(
      "test",
      ENTRIES.map((entry) => ({ ...entry, sha256: tokenHash(TOKENS[entry.name] as string) })),
    );
  }
  const faults: unknown[] = [];
  let draining = false;
  const app = createApp({
    hf,
    store,
    clock: systemClock,
    randomBytes,
    authenticator,
    strangers: new StrangerGuard(["gateway.example.com"]),
    version: "0.0.0-test",
    draining: () => draining,
    failed: (error) => faults.push(error),
    ...options.parts,
  });
  return {
    app,
    hf,
    store,
    authenticator,
    faults,
    drain: () => {
      draining = true;
    },
    ask: async (method, path, asked = {}) => {
      const response = await app.fetch(requestOf(method, path, asked), asked.client ?? "192.0.2.1");
      const text = await response.text();
      return { status: response.status, headers: response.headers, body: text === "" ? undefined : JSON.parse(text) };
    },
    [Symbol.asyncDispose]: async () => {
      await app.close();
      await hf.close({ grace: 0 });
    },
  };
}

/** A request as a client sends it. */
export function requestOf(method: string, path: string, { as = "all", body, headers, signal }: AskOptions = {}): Request {
  return new Request(`http://127.0.0.1:4180${path}`, {
    method,
    headers: {
      host: "127.0.0.1:4180",
      ...(as === null ? {} : { authorization: `Bearer ${TOKENS[as] ?? as}` }),
      ...(body === undefined ? {} : { "content-type": "application/json" }),
      ...headers,
    },
    ...(body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) }),
    ...(signal === undefined ? {} : { signal }),
  });
}
