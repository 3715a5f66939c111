import { Agent, request } from "node:http";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  CircuitOpenError,
  ConfigError,
  DeadlineError,
  OutcomeUnknownError,
  QueueFullError,
  StoreError,
  TimeoutError,
} from "../../core/errors.ts";
import { SUCCESS, type Verdict } from "../../core/verdict.ts";
import { classifyAnswer, classifyError, PLAIN_CLASSIFIER, type Classifier } from "./classify.ts";
import { compileRules, type Rule } from "./rule.ts";

const NOW = Date.UTC(2026, 0, 15, 12);

const answered = (status: number, headers: Record<string, string> = {}, body?: string, rules: readonly Rule[] = []): Verdict =>
  classifyAnswer(withRules(rules), { status, headers: new Headers(headers), body, attempt: 1 }, NOW);

const threw = (error: unknown, rules: readonly Rule[] = []): Verdict => classifyError(withRules(rules), error, { attempt: 1 }, NOW);

function withRules(rules: readonly Rule[]): Classifier {
  return rules.length === 0 ? PLAIN_CLASSIFIER : { rules: compileRules(rules, "classify"), hintHeaders: [] };
}

const coded = (code: string, more: object = {}): Error => Object.assign(new Error(code), { code, ...more });

describe("the table of last resort", () => {
  it.each<[number, Verdict["kind"], Verdict["effect"]]>([
    [200, "success", "done"],
    [204, "success", "done"],
    [299, "success", "done"],
    [304, "success", "done"],
    [301, "permanent", "done"],
    [400, "permanent", "done"],
    [401, "unauthorized", "none"],
    [403, "permanent", "done"],
    [404, "permanent", "done"],
    [405, "permanent", "done"],
    [408, "transient", "unknown"],
    [409, "conflict", "done"],
    [410, "permanent", "done"],
    [413, "permanent", "done"],
    [415, "permanent", "done"],
    [418, "permanent", "done"],
    [422, "permanent", "done"],
    [425, "transient", "none"],
    [429, "throttled", "none"],
    [500, "transient", "unknown"],
    [501, "permanent", "unknown"],
    [502, "transient", "unknown"],
    [503, "transient", "unknown"],
    [504, "transient", "unknown"],
    [505, "permanent", "unknown"],
    [520, "transient", "unknown"],
    [524, "transient", "unknown"],
    [529, "transient", "unknown"],
  ])("takes %d for %s with effect %s", (status, kind, effect) => {
    expect(answered(status)).toMatchObject({ kind, effect });
  });

  it("takes a 503 for a refusal before the work only when it says when to come back", () => {
    expect(answered(503, { "retry-after": "7" })).toMatchObject({ kind: "throttled", effect: "none", hint: { delayMs: 7_000 } });
    expect(answered(503, { "retry-after-ms": "0" })).toMatchObject({ kind: "throttled", effect: "none" });
    expect(answered(503, { "x-ratelimit-reset": "7" })).toMatchObject({ kind: "transient", effect: "unknown" });
    expect(answered(503, { "retry-after": "soon" })).toMatchObject({ kind: "transient", effect: "unknown" });
  });

  it("gives the one frozen verdict for every success, so that the happy path makes none", () => {
    expect(answered(200)).toBe(SUCCESS);
  });

  it("carries the hint, the status and a reason in words", () => {
    expect(answered(429, { "retry-after": "1" })).toEqual({
      kind: "throttled",
      effect: "none",
      quota: "burst",
      rule: "status:429",
      because: "the answer was 429",
      status: 429,
      hint: { source: "retry-after", delayMs: 1_000 },
    });
  });
});

describe("rules of an API", () => {
  it("are tried in order before the table, and their id and reason travel with the verdict", () => {
    const rules: readonly Rule[] = [
      { id: "validation", when: { status: 500, body: "invalid field" }, then: "permanent", because: "validation reported as 500" },
      { when: { status: "5xx" }, then: "throttled", quota: "period", because: "the nightly window" },
    ];
    expect(answered(500, {}, '{"message":"Invalid Field: lead"}', rules)).toMatchObject({
      kind: "permanent",
      effect: "done",
      rule: "validation",
      because: "validation reported as 500",
      status: 500,
    });
    expect(answered(500, {}, "boom", rules)).toMatchObject({ kind: "throttled", quota: "period", rule: "classify[1]" });
    expect(answered(404, {}, "boom", rules)).toMatchObject({ kind: "permanent", rule: "status:404" });
  });

  it.each<[Rule["then"], Partial<Verdict>]>([
    ["success", { kind: "success", effect: "done" }],
    ["duplicate", { kind: "conflict", conflict: "duplicate", effect: "done" }],
    ["concurrent", { kind: "conflict", conflict: "concurrent", effect: "none" }],
    ["throttled", { kind: "throttled", quota: "burst", effect: "none" }],
    ["unauthorized", { kind: "unauthorized", effect: "none" }],
    ["transient", { kind: "transient", effect: "unknown" }],
    ["malformed", { kind: "malformed", effect: "unknown" }],
    ["permanent", { kind: "permanent", effect: "done" }],
  ])("that say %s mean it", (then, verdict) => {
    expect(answered(409, {}, undefined, [{ when: { status: 409 }, then, because: "b" }])).toMatchObject(verdict);
  });

  it("may say themselves what became of the effect", () => {
    expect(answered(500, {}, undefined, [{ when: { status: 500 }, then: "transient", effect: "none", because: "b" }]).effect).toBe("none");
  });

  it("judge a 2xx too", () => {
    const rules: readonly Rule[] = [
      { when: { status: 200, body: { path: "ok", is: false } }, then: "transient", because: "200 that failed" },
    ];
    expect(answered(200, {}, '{"ok":false}', rules).kind).toBe("transient");
    expect(answered(200, {}, '{"ok":true}', rules)).toBe(SUCCESS);
  });

  it("look at the first 64 KiB of a body and no further", () => {
    const rules: readonly Rule[] = [{ when: { body: "needle" }, then: "permanent", because: "b" }];
    expect(answered(500, {}, `${"x".repeat(65_530)}needle`, rules).kind).toBe("permanent");
    expect(answered(500, {}, `${"x".repeat(65_531)}needle`, rules).kind).toBe("transient");
  });

  it("on errors keep what the error says of the effect", () => {
    const rules: readonly Rule[] = [
      { when: { code: "ECONNREFUSED" }, then: "transient", because: "b" },
      { when: { code: "ECONNRESET" }, then: "permanent", because: "b" },
      { when: { body: "quota" }, then: "throttled", because: "b" },
    ];
    expect(threw(coded("ECONNREFUSED"), rules)).toMatchObject({ kind: "transient", effect: "none", code: "ECONNREFUSED" });
    expect(threw(coded("ECONNRESET"), rules)).toMatchObject({ kind: "permanent", effect: "unknown" });
    expect(threw(new Error("Quota exceeded"), rules)).toMatchObject({ kind: "throttled", effect: "none" });
  });
});

describe("errors of the network", () => {
  it.each<[string, object, Verdict["kind"], Verdict["effect"]]>([
    ["ENOTFOUND", {}, "transient", "none"],
    ["EAI_AGAIN", {}, "transient", "none"],
    ["ECONNREFUSED", {}, "transient", "none"],
    ["UND_ERR_CONNECT_TIMEOUT", {}, "transient", "none"],
    ["ETIMEDOUT", {}, "transient", "unknown"],
    ["ETIMEDOUT", { syscall: "connect" }, "transient", "none"],
    ["ECONNRESET", {}, "transient", "unknown"],
    ["ECONNRESET", { syscall: "read" }, "transient", "unknown"],
    ["EHOSTUNREACH", {}, "transient", "none"],
    ["EHOSTUNREACH", { syscall: "read" }, "transient", "unknown"],
    ["ENETDOWN", { syscall: "write" }, "transient", "unknown"],
    ["EPIPE", {}, "transient", "unknown"],
    ["UND_ERR_SOCKET", {}, "transient", "unknown"],
    ["UND_ERR_HEADERS_TIMEOUT", {}, "transient", "unknown"],
    ["ERR_HTTP2_STREAM_ERROR", {}, "transient", "unknown"],
    ["ERR_HTTP2_STREAM_ERROR", { rstCode: 7 }, "transient", "none"],
    ["CERT_HAS_EXPIRED", {}, "permanent", "none"],
    ["ERR_TLS_CERT_ALTNAME_INVALID", {}, "permanent", "none"],
    ["DEPTH_ZERO_SELF_SIGNED_CERT", {}, "permanent", "none"],
    ["ERR_SSL_WRONG_VERSION_NUMBER", {}, "permanent", "none"],
    ["ERR_SSL_DECRYPTION_FAILED_OR_BAD_RECORD_MAC", {}, "transient", "unknown"],
  ])("%s %j: %s, effect %s", (code, more, kind, effect) => {
    const verdict = { kind, effect, code, rule: `code:${code}` };
    expect(threw(coded(code, more))).toMatchObject(verdict);
    expect(threw(new TypeError("fetch failed", { cause: coded(code, more) }))).toMatchObject(verdict);
  });

  it("are judged by their branches where several connections were tried", () => {
    const connect = (code: string): Error => coded(code, { syscall: "connect" });
    const several = (errors: readonly unknown[], more: object = {}): Error => Object.assign(new AggregateError(errors, "all failed"), more);
    expect(threw(several([connect("ETIMEDOUT"), connect("ENETUNREACH")], { code: "ETIMEDOUT" }))).toMatchObject({ effect: "none" });
    expect(threw(several([coded("ECONNREFUSED"), coded("ECONNRESET")]))).toMatchObject({ effect: "unknown", code: "ECONNRESET" });
    expect(threw(several([coded("ECONNREFUSED"), new Error("who knows")]))).toMatchObject({ effect: "unknown" });
    expect(threw(several([]))).toMatchObject({ kind: "transient", effect: "unknown" });
    expect(threw(several([null, 5]))).toMatchObject({ kind: "transient", effect: "unknown" });
  });

  it("from a real fetch to a closed port say that nothing was sent", async () => {
    const error: unknown = await fetch("http://127.0.0.1:1/").catch((thrown: unknown) => thrown);
    // Port 1 is on the list of ports that fetch itself refuses; node:http is not so choosy.
    expect(threw(error).kind).toBe("transient");
    const refused = await new Promise((resolve) => {
      request({ host: "127.0.0.1", port: 1, agent: new Agent() }).on("error", resolve).end();
    });
    expect(threw(refused)).toMatchObject({ kind: "transient", effect: "none", code: "ECONNREFUSED" });
  });
});

describe("errors of programs", () => {
  it("that are mistakes are not tried again", () => {
    for (const error of [new TypeError("x is not a function"), new ReferenceError("x"), new SyntaxError("y"), new RangeError("z")]) {
      expect(threw(error)).toMatchObject({ kind: "permanent", effect: "unknown", rule: `error:${error.name}` });
    }
  });

  it("that tell of the network are, though they are TypeErrors", () => {
    for (const text of [
      "fetch failed",
      "Failed to fetch",
      "NetworkError when attempting to fetch resource.",
      "Load failed",
      "terminated",
    ]) {
      expect(threw(new TypeError(text))).toMatchObject({ kind: "transient", effect: "unknown" });
    }
  });

  it("of an unknown kind are tried again where that is safe", () => {
    expect(threw(new Error("hm"))).toMatchObject({ kind: "transient", effect: "unknown", because: "hm" });
    expect(threw("a text")).toMatchObject({ kind: "transient", effect: "unknown", because: "a text", rule: "error:string" });
    expect(threw(undefined)).toMatchObject({ kind: "transient", because: "undefined" });
  });

  it("that abort are a cancellation, those that time out are not", () => {
    expect(threw(AbortSignal.abort().reason)).toMatchObject({ kind: "cancelled" });
    expect(threw(new DOMException("late", "TimeoutError"))).toMatchObject({ kind: "transient", effect: "unknown" });
    expect(threw(Object.assign(coded("UND_ERR_ABORTED"), { name: "AbortError" }))).toMatchObject({ kind: "cancelled" });
  });
});

describe("errors of SDKs that carry an answer", () => {
  const body = '{"code":"insufficient_quota"}';
  const rules: readonly Rule[] = [
    {
      when: { status: 429, body: { path: "code", is: "insufficient_quota" } },
      then: "throttled",
      quota: "billing",
      because: "nobody paid",
    },
  ];

  it.each<[string, object]>([
    ["status and Headers", { status: 429, headers: new Headers({ "retry-after": "3" }), error: JSON.parse(body) as unknown }],
    ["statusCode and plain headers", { statusCode: 429, headers: { "Retry-After": "3" }, error: body }],
    ["a response", { response: { status: 429, headers: new Headers({ "retry-after": "3" }), data: JSON.parse(body) as unknown } }],
    ["a status above and headers in the response", { status: 429, response: { headers: { "retry-after": 3 }, data: body } }],
  ])("as %s are judged as that answer", (_, fields) => {
    const error = Object.assign(new Error("429 from the SDK"), fields);
    expect(threw(error)).toMatchObject({ kind: "throttled", status: 429, hint: { delayMs: 3_000, source: "retry-after" } });
    expect(threw(new Error("wrapped", { cause: error }))).toMatchObject({ kind: "throttled", status: 429, hint: { delayMs: 3_000 } });
    expect(threw(error, rules)).toMatchObject({ quota: "billing", because: "nobody paid" });
  });

  it("in the way of AWS are found too", () => {
    expect(threw(Object.assign(new Error("x"), { $metadata: { httpStatusCode: 404 } }))).toMatchObject({ kind: "permanent", status: 404 });
  });

  it("are malformed where the answer was a success that could not be used", () => {
    expect(threw(Object.assign(new Error("no JSON"), { status: 200 }))).toMatchObject({ kind: "malformed", effect: "done", status: 200 });
  });

  it("are not found in fields that merely look like a status", () => {
    for (const status of [0, 99, 600, 200.5, "404", null]) expect(threw(Object.assign(new Error("x"), { status })).status).toBeUndefined();
  });

  it("have a body that may be no JSON", () => {
    const cycle: Record<string, unknown> = {};
    cycle["self"] = cycle;
    expect(threw(Object.assign(new Error("x"), { status: 429, error: cycle }), rules)).toMatchObject({ quota: "burst" });
  });
});

describe("errors of our own from further down", () => {
  it.each<[string, Error, Partial<Verdict>]>([
    ["a timeout", new TimeoutError(5), { kind: "transient", effect: "unknown" }],
    ["a deadline in mid-attempt", new DeadlineError("over", { cut: true }), { kind: "transient", effect: "unknown" }],
    ["a deadline before anything was sent", new DeadlineError("over"), { kind: "throttled", effect: "none" }],
    [
      "an open breaker",
      new CircuitOpenError("crm", 50, "x"),
      { kind: "throttled", effect: "none", hint: { source: "holdfast", retry: false, delayMs: 50 } },
    ],
    ["a full queue", new QueueFullError("full", 50), { kind: "throttled", effect: "none" }],
    ["a doubt", new OutcomeUnknownError("k"), { kind: "permanent", effect: "unknown" }],
    ["a mistake", new ConfigError({ path: "x", message: "y" }), { kind: "permanent", effect: "none" }],
    ["a broken store", new StoreError("disk full"), { kind: "permanent", effect: "none" }],
  ])("%s is known for what it is, wrapped or not", (_, error, verdict) => {
    expect(threw(error)).toMatchObject(verdict);
    expect(threw(new Error("wrapped", { cause: new Error("again", { cause: error }) }))).toMatchObject(verdict);
  });

  it("can be judged otherwise by a rule", () => {
    const rules: readonly Rule[] = [{ when: { code: "timeout" }, then: "permanent", because: "it never gets faster" }];
    expect(threw(new TimeoutError(5), rules)).toMatchObject({ kind: "permanent", effect: "unknown", because: "it never gets faster" });
  });
});

describe("whatever is thrown", () => {
  const rules: readonly Rule[] = [
    { when: { header: { "x-a": "*b" } }, then: "permanent", because: "b" },
    { when: { body: "*needle*" }, then: "permanent", because: "b" },
    { when: { body: { path: "error.code", is: "X" } }, then: "permanent", because: "b" },
  ];
  const fields = [
    ...["code", "status", "statusCode", "headers", "error", "errors", "cause", "name", "message", "syscall", "rstCode"],
    ...["response", "$metadata", "data"],
  ];
  const anything = fc.letrec<{ value: unknown }>((tie) => ({
    value: fc.oneof(
      { depthSize: "xsmall", maxDepth: 4 },
      fc.anything({ withNullPrototype: true, withBigInt: true, withMap: true, maxDepth: 1, maxKeys: 3 }),
      fc.constantFrom<unknown>(429, 200, 503, "ECONNRESET", "AbortError", Symbol("s"), Object.create(null), new Map([["x-a", 5]])),
      fc.dictionary(fc.constantFrom(...fields), tie("value"), { maxKeys: 5 }),
      fc.dictionary(fc.constantFrom(...fields), tie("value"), { maxKeys: 5 }).map((own) => {
        const error = new Error("x");
        for (const [name, value] of Object.entries(own)) Object.defineProperty(error, name, { value, configurable: true });
        return error;
      }),
      fc.constantFrom(...fields).map((name) =>
        Object.defineProperty({}, name, {
          get(): never {
            throw new Error("unreadable");
          },
        }),
      ),
    ),
  })).value;

  it("is judged: a verdict with a rule and a reason, never an error", () => {
    fc.assert(
      fc.property(anything, (value) => {
        for (const given of [[], rules]) {
          const verdict = threw(value, given);
          expect(verdict.rule).not.toBe("");
          expect(typeof verdict.because).toBe("string");
          expect(["none", "unknown", "done"]).toContain(verdict.effect);
          expect(verdict.hint?.delayMs ?? 0).toBeGreaterThanOrEqual(0);
        }
      }),
      { numRuns: 500 },
    );
  });

  it("is judged, a revoked proxy and a message that is no text as well", () => {
    const { proxy, revoke } = Proxy.revocable({}, {});
    revoke();
    for (const value of [proxy, { errors: proxy }, { headers: proxy, status: 500 }, { status: 500, error: proxy }, { cause: proxy }]) {
      expect(threw(value, rules)).toMatchObject({ kind: "transient" });
    }
    expect(threw(Object.assign(new Error("x"), { message: { a: 1 } }), rules)).toMatchObject({ kind: "transient", because: "Error" });
    expect(threw(Object.create(null), rules)).toMatchObject({ kind: "transient" });
  });

  it("is walked ten causes deep and in no circle", () => {
    const deep = (levels: number): unknown => (levels === 0 ? coded("ECONNREFUSED") : new Error("w", { cause: deep(levels - 1) }));
    expect(threw(deep(9))).toMatchObject({ effect: "none" });
    expect(threw(deep(10))).toMatchObject({ effect: "unknown" });
    const circle = new Error("round");
    circle.cause = new Error("and", { cause: circle });
    expect(threw(circle)).toMatchObject({ kind: "transient", effect: "unknown" });
  });

  it("is judged in time for the longest body", () => {
    const long = "a".repeat(5_000_000);
    expect(answered(500, {}, long, [{ when: { body: `${"a*".repeat(50)}b` }, then: "permanent", because: "b" }, ...rules]).kind).toBe(
      "transient",
    );
    expect(threw(new Error(long), rules).kind).toBe("transient");
    expect(threw(Object.assign(new Error("x"), { status: 500, error: { nested: "[".repeat(1_000_000) } }), rules).kind).toBe("transient");
  });
});
