import { describe, expect, it } from "vitest";
import { ConfigError } from "../../core/errors.ts";
import { flakyApi } from "./flaky-api.ts";
import type { FlakyApiOptions } from "./flaky-options.ts";
import type { FlakyScript } from "./script.ts";

const POST = "POST /contacts";

/** Starts a script that must not start, and answers the path that the refusal names. */
async function refusedPath(script: unknown, options: unknown = {}): Promise<string> {
  try {
    await using api = await flakyApi(script as FlakyScript, options as FlakyApiOptions);
    return `started at ${api.port}`;
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    // The text must name the place too: it is what people see.
    return error.message.includes(error.path) ? error.path : error.message;
  }
}

function rule(rule: unknown): unknown {
  return { endpoints: { [POST]: {}, "GET /contacts/{id}": {} }, rules: [rule] };
}

function endpoint(endpoint: unknown, name = POST): unknown {
  return { endpoints: { [name]: endpoint } };
}

describe("a script that is wrong does not start, and the refusal names the place", () => {
  it.each([
    ["an unknown key", { endpionts: {} }, "endpionts"],
    ["a list of endpoints", { endpoints: [] }, "endpoints"],
    ["no endpoint at all", { endpoints: {} }, "endpoints"],
    ["a path without a method", endpoint({}, "/contacts"), 'endpoints["/contacts"]'],
    ["half a parameter", endpoint({}, "GET /a/{id"), 'endpoints["GET /a/{id"]'],
    ["a reserved path", endpoint({}, "GET /__holdfast/ledger"), 'endpoints["GET /__holdfast/ledger"]'],
    ["an unknown key of an endpoint", endpoint({ subjct: "body.id" }), 'endpoints["POST /contacts"].subjct'],
    ["an unknown root", endpoint({ subject: "cookie.id" }), 'endpoints["POST /contacts"].subject'],
    ["a parameter that the path has not", endpoint({ subject: "path.id" }), 'endpoints["POST /contacts"].subject'],
    ["a hole without an end", endpoint({ answer: { json: { a: ["{{body.a"] } } }), 'endpoints["POST /contacts"].answer.json.a[0]'],
    ["a hole for what is not there yet", endpoint({ answer: { json: "{{lookup.items}}" } }), 'endpoints["POST /contacts"].answer.json'],
    ["two bodies", endpoint({ answer: { json: 1, text: "a" } }), 'endpoints["POST /contacts"].answer'],
    ["a body where none can be", endpoint({ answer: { status: 204, json: {} } }), 'endpoints["POST /contacts"].answer'],
    ["a status out of range", endpoint({ answer: { status: 42 } }), 'endpoints["POST /contacts"].answer.status'],
    [
      "a header that the server sets",
      endpoint({ answer: { headers: { "Content-Length": "3" } } }),
      'endpoints["POST /contacts"].answer.headers.Content-Length',
    ],
    ["a key of two kinds", endpoint({ key: { header: "a", natural: "body.a" } }), 'endpoints["POST /contacts"].key'],
    [
      "an option of the other kind of key",
      endpoint({ key: { header: "a", repeat: "conflict" } }),
      'endpoints["POST /contacts"].key.repeat',
    ],
    ["a key where nothing changes", endpoint({ key: "blind", effect: false }), 'endpoints["POST /contacts"].key'],
    ["a key for a stream", endpoint({ key: { header: "a" }, answer: { stream: { events: [] } } }), 'endpoints["POST /contacts"].key'],
    ["a lookup of what nobody keeps", endpoint({ lookup: "deals" }, "GET /deals"), 'endpoints["GET /deals"].lookup'],
    ["by without a lookup", endpoint({ by: "email" }), 'endpoints["POST /contacts"].by'],
    ["from without by", endpoint({ lookup: "contacts", from: "query.a" }), 'endpoints["POST /contacts"].from'],
    ["a delay that is no time", endpoint({ delay: "fast" }), 'endpoints["POST /contacts"].delay'],
    ["a rule that does nothing", rule({ then: {} }), "rules[0].then"],
    ["a rule without then", rule({}), "rules[0].then"],
    [
      "a rule for an endpoint that is not there",
      rule({ when: { endpoint: "POST /contcats" }, then: { status: 500 } }),
      "rules[0].when.endpoint",
    ],
    ["a condition that is not there", rule({ when: { paht: "/" }, then: { status: 500 } }), "rules[0].when.paht"],
    ["a window that ends before it starts", rule({ when: { between: ["2s", "1s"] }, then: { status: 500 } }), "rules[0].when.between"],
    ["a window of three", rule({ when: { between: [1, 2, 3] }, then: { status: 500 } }), "rules[0].when.between"],
    ["the request before the first", rule({ when: { nth: 0 }, then: { status: 500 } }), "rules[0].when.nth"],
    ["nth of two kinds", rule({ when: { nth: { every: 2, from: 1 } }, then: { status: 500 } }), "rules[0].when.nth"],
    ["per without nth", rule({ when: { per: "key" }, then: { status: 500 } }), "rules[0].when.per"],
    ["a chance over one", rule({ when: { probability: 2 }, then: { status: 500 } }), "rules[0].when.probability"],
    ["a field of nowhere", rule({ when: { where: { email: "a" } }, then: { status: 500 } }), "rules[0].when.where.email"],
    [
      "a field compared with an object",
      rule({ when: { where: { "body.a": { is: 1 } } }, then: { status: 500 } }),
      'rules[0].when.where["body.a"].is',
    ],
    [
      "a parameter that no path has",
      rule({ when: { where: { "path.lead": 1 } }, then: { status: 500 } }),
      'rules[0].when.where["path.lead"]',
    ],
    ["two endings", rule({ then: { reset: "before", hang: true } }), "rules[0].then"],
    ["an answer that a reset swallows", rule({ then: { reset: "after", status: 500 } }), "rules[0].then"],
    ["an effect that the reset told already", rule({ then: { reset: "after", effect: false } }), "rules[0].then.effect"],
    ["the endpoint's answer without its effect", rule({ then: { cut: true, effect: false } }), "rules[0].then.effect"],
    ["pass with something else", rule({ then: { pass: true, delay: 5 } }), "rules[0].then"],
    ["a hint with nothing to stand in", rule({ then: { delay: 5, retryAfter: "1s" } }), "rules[0].then.retryAfter"],
    ["a hint without a unit", rule({ then: { status: 429, retryAfter: 5 } }), "rules[0].then.retryAfter"],
    ["a hint of an unknown form", rule({ then: { status: 429, retryAfter: { in: "5s", as: "days" } } }), "rules[0].then.retryAfter.as"],
    ["an event without data", rule({ then: { stream: { events: [{ event: "a" }] } } }), "rules[0].then.stream.events[0].data"],
    ["a limit of nothing", { limits: [{ limit: 0, per: "1s" }] }, "limits[0].limit"],
    ["a limit in no time", { limits: [{ limit: 1, per: 0 }] }, "limits[0].per"],
    [
      "a limit for an endpoint that is not there",
      { endpoints: { [POST]: {} }, limits: [{ limit: 1, per: "1s", endpoint: "GET /a" }] },
      "limits[0].endpoint",
    ],
    ["a limit by nothing known", { limits: [{ limit: 1, per: "1s", scope: "account" }] }, "limits[0].scope"],
    ["no uses of a token", { auth: { uses: 0 } }, "auth.uses"],
    ["a scale of nothing", { scale: 0 }, "scale"],
    ["a prototype", JSON.parse('{"__proto__":{"scale":1}}') as unknown, "__proto__"],
  ])("%s", async (_title, script, path) => {
    expect(await refusedPath(script)).toBe(path);
  });

  it.each([
    ["an unknown option", { prot: 1 }, "options.prot"],
    ["a port out of range", { port: 70_000 }, "options.port"],
    ["a log of nothing", { requestLog: 0 }, "options.requestLog"],
  ])("so does %s", async (_title, options, path) => {
    expect(await refusedPath({}, options)).toBe(path);
  });

  it("while a script that uses everything starts: the twin of all these", async () => {
    const script: FlakyScript = {
      about: "everything at once",
      seed: 3,
      scale: 0.5,
      endpoints: {
        "POST /contacts": {
          subject: "body.lead",
          key: { header: "Idempotency-Key", ttl: "1h", required: true },
          delay: ["1ms", "2ms"],
          answer: { status: 202, headers: { "x-id": "{{ledger.id}}" }, json: { id: "{{ledger.id}}" } },
        },
        "PUT /contacts/{id}": { key: { natural: "path.id", repeat: "update" }, collection: "contacts" },
        "GET /contacts/{id}": { lookup: "contacts", by: "id" },
      },
      rules: [
        {
          name: "a",
          when: { method: "POST", endpoint: "/contacts", between: [0, "1s"], nth: [1], per: "subject", probability: 0.5 },
          then: { status: 503, retryAfter: "1s" },
        },
        { when: { where: { "path.id": "9", "header.x": { not: "a" }, key: { exists: true } } }, then: { delay: 5, cut: 3 } },
      ],
      limits: [{ name: "l", limit: 2, per: "1s", burst: 40, scope: "header.x-account", endpoint: "POST /contacts", announce: true }],
      auth: { tokenPath: "/token", validFor: "1m", uses: 5, tokens: ["t"], endpoint: "POST /contacts" },
    };
    expect(await refusedPath(script, { port: 0, host: "127.0.0.1", seed: 1, scale: 1, requestLog: 10 })).toMatch(/^started/);
  });

  it("and a port that is taken is an error too", async () => {
    await using first = await flakyApi();
    await expect(flakyApi({}, { port: first.port })).rejects.toMatchObject({ code: "EADDRINUSE" });
  });
});
