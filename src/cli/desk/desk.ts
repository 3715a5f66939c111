import { ConfigError } from "../../core/errors.ts";
import { withHoldfast, type Need, type StoreOptions } from "../open-store.ts";
import { faultOfAnswer, UnreachableError } from "./faults.ts";
import { localTransport } from "./local.ts";
import { remoteTransport } from "./remote.ts";

/** Where a command works: on a store, or on a gateway that runs. */
export interface DeskOptions extends StoreOptions {
  readonly url?: string;
  readonly token?: string;
}

/** Takes a request of the gateway's API, by path, to whatever answers it. */
export type DeskTransport = (method: string, path: string, body: string | undefined) => Promise<Response>;

type Query = Readonly<Record<string, string | number | undefined>>;

interface Asked {
  readonly query?: Query;
  readonly body?: unknown;
}

/**
 * What operators' commands work through: the API of a gateway, as its OpenAPI document tells it. One that runs is asked over HTTP; over a
 * store the same routes answer in this process. So a command is written once, prints the same either way, and what it does stands in the
 * audit log.
 */
export class Desk {
  /** For people. */
  readonly where: string;
  readonly remote: boolean;
  readonly #transport: DeskTransport;

  constructor(where: string, remote: boolean, transport: DeskTransport) {
    this.where = where;
    this.remote = remote;
    this.#transport = transport;
  }

  /** @throws HoldfastError, UnreachableError, DeniedError, RefusedError */
  async ask<Answer>(method: "GET" | "POST" | "DELETE", path: string, { query = {}, body }: Asked = {}): Promise<Answer> {
    const search = new URLSearchParams(
      Object.entries(query).flatMap(([name, value]) => (value === undefined ? [] : [[name, String(value)]])),
    );
    const full = search.size === 0 ? path : `${path}?${search.toString()}`;
    const response = await this.#transport(method, full, body === undefined ? undefined : JSON.stringify(body));
    const text = await response.text();
    let answer: unknown;
    try {
      answer = JSON.parse(text);
    } catch {
      throw new UnreachableError(
        `${this.where} answered ${method} ${path} with ${response.status} and no JSON; is it a gateway of Holdfast?`,
      );
    }
    if (response.ok) return answer as Answer;
    throw faultOfAnswer(response.status, answer, this.where);
  }

  /** The first `limit` of a listing. */
  async list<Item>(path: string, query: Query, limit: number = Number.POSITIVE_INFINITY): Promise<Listed<Item>> {
    const items: Item[] = [];
    for await (const item of this.#each<Item>(path, query, limit)) {
      if (items.length === limit) return { items, more: true };
      items.push(item);
    }
    return { items, more: false };
  }

  /** All of a listing, page by page. */
  each<Item>(path: string, query: Query = {}): AsyncGenerator<Item, void, undefined> {
    return this.#each(path, query, Number.POSITIVE_INFINITY);
  }

  async *#each<Item>(path: string, query: Query, wanted: number): AsyncGenerator<Item, void, undefined> {
    const limit = Math.max(1, Math.min(MOST_OF_A_PAGE, wanted));
    for (let after: string | null | undefined; after !== null;) {
      const page: Page<Item> = await this.ask("GET", path, { query: { ...query, limit, after } });
      yield* page.items;
      after = page.next;
    }
  }
}

/** The beginning of a listing. */
interface Listed<Item> {
  readonly items: readonly Item[];
  /** There are others. */
  readonly more: boolean;
}

interface Page<Item> {
  readonly items: readonly Item[];
  readonly next: string | null;
}

const MOST_OF_A_PAGE = 200;

/** Opens what a command is to work on, gives it to `work`, and closes it, whatever happens. */
export async function withDesk<Result>(options: DeskOptions, need: Need, work: (desk: Desk) => Promise<Result>): Promise<Result> {
  const { url, token, ...where } = options;
  const local = where.store !== undefined || where.config !== undefined;
  if (url !== undefined && local) {
    throw new ConfigError({ path: "--url", message: "--url names a gateway, and --store or --config a store; leave one of them out" });
  }
  // What is said on the line counts for more than the environment.
  const gateway = url ?? (local ? undefined : fromEnvironment("HOLDFAST_URL"));
  if (gateway !== undefined) {
    const remote = remoteTransport(gateway, token ?? fromEnvironment("HOLDFAST_TOKEN"));
    return await work(new Desk(remote.where, true, remote.transport));
  }
  if (token !== undefined) throw new ConfigError({ path: "--token", message: "--token is for a gateway, and none is named; say --url" });
  return await withHoldfast(where, need, async (hf, store) => {
    const { transport, where: name, close } = await localTransport(hf, store);
    try {
      return await work(new Desk(name, false, transport));
    } finally {
      await close();
    }
  });
}

function fromEnvironment(name: string): string | undefined {
  const value = process.env[name];
  return value === "" ? undefined : value;
}
