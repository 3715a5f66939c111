import type { Contract } from "./contract.ts";
import { sessionHeader } from "./session-keep.ts";

export type RouteName = keyof Contract;
export type Answer<Name extends RouteName> = Contract[Name]["answer"];
/** One item of a route that lists some. */
export type Item<Name extends RouteName> = Answer<Name> extends { readonly items: readonly (infer One)[] } ? One : never;

/** What is asked for beside the route. What it does not take cannot be given. */
export interface Asked<Name extends RouteName> {
  readonly params?: Contract[Name]["params"];
  readonly query?: Partial<Contract[Name]["query"]>;
  readonly body?: Contract[Name]["body"];
}

/** What the gateway said no with. */
export class ApiError extends Error {
  readonly status: number;
  readonly code: string;
  readonly errors: readonly { readonly path: string; readonly message: string }[];

  constructor(status: number, problem: { readonly code?: string; readonly detail?: string; readonly errors?: ApiError["errors"] }) {
    super(problem.detail ?? `the gateway answered ${status}`);
    this.status = status;
    this.code = problem.code ?? "unknown";
    this.errors = problem.errors ?? [];
  }

  override get name(): string {
    return "ApiError";
  }
}

/** The gateway did not answer at all. */
export class UnreachableError extends Error {
  override get name(): string {
    return "UnreachableError";
  }
}

/** Asks the gateway by the name of a route. @throws ApiError, UnreachableError */
export async function ask<Name extends RouteName>(name: Name, asked: Asked<Name> = {}, signal?: AbortSignal): Promise<Answer<Name>> {
  const { path, method } = addressOf(name, asked);
  const response = await send(path, {
    method,
    headers: { ...sessionHeader(), ...(asked.body === undefined ? {} : { "content-type": "application/json" }) },
    ...(asked.body === undefined ? {} : { body: JSON.stringify(asked.body) }),
    ...(signal === undefined ? {} : { signal }),
  });
  const text = await response.text();
  const body = parsed(text);
  if (!response.ok) throw new ApiError(response.status, body ?? {});
  return body as Answer<Name>;
}

/** A request that says of a network's silence what it means here. */
export async function send(path: string, init: RequestInit): Promise<Response> {
  try {
    return await fetch(path, init);
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    throw new UnreachableError("the gateway does not answer; it may be restarting", { cause: error });
  }
}

/** The method and URL of a route, with its parameters filled in. */
export function addressOf<Name extends RouteName>(
  name: Name,
  { params, query }: Asked<Name>,
): { readonly method: string; readonly path: string } {
  const [method = "GET", template = "/"] = name.split(" ");
  const given = (params ?? {}) as Readonly<Record<string, string>>;
  const path = template.replaceAll(/\{(\w+)\}/g, (_, key: string) => encodeURIComponent(given[key] ?? ""));
  const search = new URLSearchParams(
    Object.entries((query ?? {}) as Readonly<Record<string, string | number | undefined>>).flatMap(([key, value]) =>
      value === undefined || value === "" ? [] : [[key, String(value)]],
    ),
  );
  return { method, path: search.size === 0 ? path : `${path}?${search.toString()}` };
}

function parsed(text: string): unknown {
  try {
    return text === "" ? undefined : JSON.parse(text);
  } catch {
    return undefined;
  }
}
