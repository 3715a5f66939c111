import { ConfigError } from "../../core/errors.ts";
import { refuseUnknown } from "../../core/options.ts";
import { shown } from "../../core/shown.ts";
import type { ItemAnswer, SyncItem, SyncSink } from "./sink.ts";

export interface HttpSinkOptions<Item> {
  /** The API that is written to: `hf.fetch(api)`, under its limits, retries and credential. */
  readonly api: string;
  /** Method and path, such as `POST /contacts/batch`. */
  readonly endpoint: string;
  /** The body of a batch, sent as JSON. */
  readonly body: (batch: readonly SyncItem<Item>[]) => unknown;
  /**
   * What the answer says of each record: its id with a status, which is judged by the API's rules, or with an error. In any order; a
   * record that is not named counts as failed. Without it a 2xx is taken for all of the batch.
   */
  readonly answers?: (body: unknown, batch: readonly SyncItem<Item>[]) => readonly ItemAnswer[];
  /** The batch's idempotency key, where the API takes one. */
  readonly key?: (batch: readonly SyncItem<Item>[]) => string;
  readonly headers?: Readonly<Record<string, string>>;
}

const OPTIONS = ["api", "endpoint", "body", "answers", "key", "headers"] as const satisfies readonly (keyof HttpSinkOptions<unknown>)[];

/**
 * A sink that sends batches to an HTTP API, and reads its answer record by record.
 *
 * @throws ConfigError that names the option by its path.
 */
export function httpSink<Item>(options: HttpSinkOptions<Item>): SyncSink<Item> {
  refuseUnknown(options, OPTIONS, "httpSink");
  const { api, endpoint, body, answers, key, headers } = options;
  if (typeof api !== "string" || api === "") throw refuse("api", `is ${shown(api)}; give the name of an API`);
  const [, method, path] = /^([A-Z]+) (\/\S*)$/.exec(endpoint) ?? [];
  if (method === undefined || path === undefined) {
    throw refuse("endpoint", `is ${shown(endpoint)}; give method and path, such as "POST /contacts/batch"`);
  }
  if (typeof body !== "function") throw refuse("body", `is ${shown(body)}; give a function that makes the body of a batch`);
  return async (batch, context) => {
    const response = await context.fetch(api)(path, {
      method,
      headers: { "content-type": "application/json", ...(key === undefined ? {} : { "idempotency-key": key(batch) }), ...headers },
      body: JSON.stringify(body(batch)),
      signal: context.signal,
    });
    if (!response.ok || answers === undefined) {
      await response.body?.cancel().catch(() => undefined);
      return response;
    }
    return answers((await response.json()) as unknown, batch).map((answer) => {
      const { id, status, body: own, verdict } = answer;
      if (status === undefined || verdict !== undefined) return answer;
      return { id, verdict: context.judge(api, endpoint, { status, ...(own === undefined ? {} : { body: own }) }) };
    });
  };
}

function refuse(name: keyof HttpSinkOptions<unknown>, problem: string): ConfigError {
  return new ConfigError({ path: `httpSink.${name}`, message: `httpSink.${name} ${problem}` });
}
