import type { IncomingMessage } from "node:http";
import type { Clock } from "../../ports/clock.ts";
import { seededRandom } from "../seeded-random.ts";
import { control, isControl } from "./control.ts";
import { settle } from "./exchange.ts";
import type { Scope } from "./expression.ts";
import { resolveFlakyApiOptions } from "./flaky-options.ts";
import type { FlakyApiOptions } from "./flaky-options.ts";
import { listen } from "./http-server.ts";
import type { HttpServer } from "./http-server.ts";
import type { Ledger } from "./ledger.ts";
import { ledgerBook } from "./ledger-book.ts";
import { limitGate } from "./limit.ts";
import type { Plan } from "./plan.ts";
import { Received } from "./received.ts";
import { resolveScript } from "./resolved-script.ts";
import { router } from "./router.ts";
import { ruleBook } from "./rule.ts";
import type { Rule } from "./rule.ts";
import type { FlakyScript, RuleScript } from "./script.ts";
import { timers } from "./timers.ts";
import { tokenDesk } from "./token-desk.ts";
import { carryOut } from "./wire.ts";
import { workshop } from "./workshop.ts";

/** A running API. */
export interface FlakyApi extends AsyncDisposable {
  /** Such as `http://127.0.0.1:40123`, without a closing slash. */
  readonly url: string;
  readonly port: number;
  /** The truth about what reached it and what it did. */
  readonly ledger: Ledger;
  /** Puts other rules in force: their windows and counts start now. */
  setRules(rules: readonly RuleScript[]): void;
  /** Cuts every connection and lets go of the port. The ledger can still be read. */
  close(): Promise<void>;
}

/**
 * Starts a real HTTP server on this machine that behaves like somebody else's API on a bad day, as a script says, and
 * keeps a ledger of what really happened.
 *
 * @throws ConfigError naming the path of whatever in the script is wrong, unknown or without effect.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { flakyApi } from "holdfast/testing";
 *
 * await using api = await flakyApi({
 *   endpoints: { "POST /contacts": { subject: "body.email" } },
 *   rules: [{ when: { nth: 1 }, then: { reset: "after" } }],
 * });
 * const send = () => fetch(`${api.url}/contacts`, { method: "POST", body: JSON.stringify({ email: "a@example.com" }) });
 *
 * await assert.rejects(send()); // the effect happened, the answer was lost
 * await send(); // so a blind retry doubles it
 * assert.deepEqual(api.ledger.doubled(), [{ endpoint: "POST /contacts", subject: "a@example.com", count: 2 }]);
 * ```
 */
export async function flakyApi(script: FlakyScript = {}, options: FlakyApiOptions = {}): Promise<FlakyApi> {
  const { port, host, requestLog, clock, ledgerFile, seed, scale } = resolveFlakyApiOptions(options);
  const resolved = resolveScript(script, { seed, scale });
  const startedAt = clock.now();
  const startedMonotonic = clock.monotonic();
  const elapsedMs = (): number => clock.monotonic() - startedMonotonic;

  const random = seededRandom(resolved.seed);
  const desk = resolved.auth === undefined ? undefined : tokenDesk(resolved.auth);
  const book = ledgerBook({ file: ledgerFile, requestLog, startedAt, elapsedMs, tokens: () => desk?.tally ?? NO_TOKENS });
  const waits = timers(clock);
  const date = dateHeader(clock);

  const putInForce = (rules: readonly Rule[]) => ({ book: ruleBook(rules, random), since: startedAt + elapsedMs() });
  let rules = putInForce(resolved.rules);
  const setRules = (value: unknown): void => {
    rules = putInForce(resolved.readRules(value, "rules"));
  };

  const parts = {
    route: router(resolved.endpoints, resolved.open),
    limits: limitGate(resolved.limits),
    meet: (scope: Scope, at: number) => rules.book.find(scope, at - rules.since),
    workshop: workshop(book, desk),
    book,
    random,
    startedAt,
  };
  const decide = (request: Received): Plan => {
    if (!isControl(request.path)) return settle(request, parts);
    return { delayMs: 0, ending: { type: "answer", answer: control(request, book.ledger, setRules) } };
  };

  let server: HttpServer;
  try {
    server = await listen({ port, host }, (message, bytes, response) => {
      const plan = decide(receive(message, bytes, startedAt + elapsedMs()));
      carryOut(plan, response, waits, date());
    });
  } catch (error) {
    book.close();
    throw error;
  }

  const shutDown = async (): Promise<void> => {
    await server.close();
    waits.clear();
    book.close();
  };
  let closing: Promise<void> | undefined;
  const close = (): Promise<void> => (closing ??= shutDown());
  return { url: server.url, port: server.port, ledger: book.ledger, setRules, close, [Symbol.asyncDispose]: close };
}

/** The Date header by the API's own clock, written once a second. */
function dateHeader(clock: Clock): () => string {
  let second = Number.NaN;
  let text = "";
  return () => {
    const now = Math.floor(clock.now() / 1_000);
    if (now !== second) {
      second = now;
      text = new Date(now * 1_000).toUTCString();
    }
    return text;
  };
}

const NO_TOKENS = { issued: 0, refused: 0 };

function receive(message: IncomingMessage, bytes: Uint8Array, at: number): Received {
  return new Received({ method: message.method ?? "GET", target: message.url ?? "/", headers: message.headers, bytes, at });
}
