import { describe, expect, it } from "vitest";
import { seededRandom } from "../../testing/seeded-random.ts";
import type { Advice, AdviceKind } from "./advice.ts";
import { advise } from "./advise.ts";
import { errorCodeIn } from "./error-code.ts";
import { ALL, EndpointTally, type SettingsSeen } from "./history.ts";
import type { LetterGroup } from "./letters.ts";

const NOW = Date.UTC(2026, 0, 15);
const CRM = "POST /contacts";
const SETTINGS: SettingsSeen = {
  maxAttempts: 4,
  breaker: { openMs: 30_000, maxOpenMs: 300_000 },
  attemptTimeoutMs: 30_000,
  waitedMs: [1_000, 3_000, 7_000, 15_000, 31_000, 61_000],
  keyed: true,
  certain: false,
};

function tally(settings: Partial<SettingsSeen> = {}, endpoint = CRM): EndpointTally {
  const made = new EndpointTally("crm", endpoint, NOW);
  made.settings = { ...SETTINGS, ...settings };
  return made;
}

function times(count: number, act: (nth: number) => void): void {
  for (let nth = 0; nth < count; nth += 1) act(nth);
}

interface Failing {
  readonly status?: number;
  readonly code?: string;
  readonly kind?: "transient" | "throttled";
  readonly effect?: "none" | "unknown";
  readonly recovers?: boolean;
  readonly retries?: number;
}

/** An operation that fails at first, and after some retries succeeds or is given up. */
function fails(into: EndpointTally, { status, code, kind = "transient", effect = "none", recovers = false, retries = 3 }: Failing): void {
  const verdict = { kind, effect, rule: `status:${status ?? code}`, because: "no", ...(status === undefined ? {} : { status }) } as const;
  const bodyExcerpt = code === undefined ? "nothing to read" : JSON.stringify({ error: { code, message: "invalid field" } });
  let name = "";
  times(recovers ? retries : retries + 1, (nth) => {
    name = into.failure(
      { attempt: nth + 1, verdict: status === undefined && code !== undefined ? { ...verdict, code } : verdict, bodyExcerpt },
      NOW,
    );
  });
  if (recovers) into.success(retries + 1, 50, NOW);
  into.ended(name, recovers, retries);
}

function succeeds(into: EndpointTally, count: number, durationMs = 50): void {
  times(count, () => into.success(1, durationMs, NOW));
}

function adviceOf(tallies: readonly EndpointTally[], groups: readonly LetterGroup[] = []): readonly Advice[] {
  return advise(
    tallies.map((one) => one.toJSON()),
    groups,
  ).items;
}

function kinds(tallies: readonly EndpointTally[], groups: readonly LetterGroup[] = []): readonly AdviceKind[] {
  return adviceOf(tallies, groups).map(({ kind }) => kind);
}

describe("an error that never ends in success", () => {
  it("wants a rule, with what was seen and the line to paste", () => {
    const crm = tally();
    succeeds(crm, 1_000);
    times(212, () => fails(crm, { status: 500, code: "INVALID_FIELD" }));
    const [advice] = adviceOf([crm]);
    expect(advice).toMatchObject({
      kind: "permanent-error",
      api: "crm",
      endpoint: CRM,
      confidence: "high",
      numbers: { operations: 212, retries: 636, recovered: 0 },
      config: {
        under: "apis.crm",
        line: '"classify": [{ "when": { "status": 500, "body": "INVALID_FIELD", "endpoint": "POST /contacts" }, "then": "permanent", "because": "INVALID_FIELD never ends in success" }]',
      },
    });
    expect(advice?.evidence.join(" ")).toMatch(/212 operations met it and were tried again 636 times; none succeeded .* at most 1\.4 %/);
  });

  it("is none where a single one succeeded, or too few were seen", () => {
    const once = tally();
    succeeds(once, 1_000);
    times(212, (nth) => fails(once, { status: 500, code: "INVALID_FIELD", recovers: nth === 100 }));
    const few = tally();
    succeeds(few, 1_000);
    times(9, () => fails(few, { status: 500, code: "INVALID_FIELD" }));
    expect([...kinds([once]), ...kinds([few])]).toEqual([]);
  });

  it("takes more of an error that has no code, and says only what is known of it", () => {
    const crm = tally();
    succeeds(crm, 1_000);
    times(29, () => fails(crm, { status: 500 }));
    expect(kinds([crm])).toEqual([]);
    fails(crm, { status: 500 });
    expect(adviceOf([crm])[0]?.config?.line).toContain('"when": { "status": 500, "endpoint": "POST /contacts" }');
  });

  it.each([
    ["an other side that is down", { status: 503 }],
    ["one that is overloaded, with a code", { status: 529, code: "overloaded_error" }],
    ["a gateway before it", { status: 502, code: "BAD_GATEWAY" }],
    ["the network", { code: "ECONNRESET" }],
    ["a limit", { status: 429, code: "RATE_LIMITED", kind: "throttled" as const }],
  ])("is never %s", (_what, failing) => {
    const crm = tally();
    succeeds(crm, 1_000);
    times(200, () => fails(crm, failing));
    expect(kinds([crm])).not.toContain("permanent-error");
  });

  it("is not seen at an endpoint that fails at everything", () => {
    const crm = tally();
    succeeds(crm, 5);
    times(100, () => fails(crm, { status: 500, code: "DATABASE_DOWN" }));
    expect(kinds([crm])).not.toContain("permanent-error");
  });
});

/** A day of seconds: each call is refused by `refuses(how many came in this second before it)`. */
function seconds(rates: readonly number[], refuses: (before: number) => boolean, into: readonly EndpointTally[]): void {
  for (const rate of rates) {
    let throttled = 0;
    times(rate, (before) => (throttled += refuses(before) ? 1 : 0));
    for (const one of into) {
      one.second(rate, throttled);
      one.throttled += throttled;
    }
  }
}

describe("429s", () => {
  const random = seededRandom(7);
  const uneven = Array.from({ length: 600 }, () => 1 + Math.floor(random() * 14));

  it("that cluster above a rate give a limit a little below what was taken", () => {
    const [crm, all] = [tally(), tally({}, ALL)];
    seconds(uneven, (before) => before >= 9, [crm, all]);
    const [advice] = adviceOf([crm, all]);
    expect(advice).toMatchObject({ kind: "rate-limit", confidence: "high", numbers: { took: 9, limit: 8, burst: 1 } });
    expect(advice?.config).toEqual({ under: "apis.crm", line: '"rateLimit": { "limit": 8, "per": "1s", "burst": 1 }' });
  });

  it("in every second give one too, though there is no quiet one to compare with", () => {
    const [crm, all] = [tally(), tally({}, ALL)];
    seconds(Array<number>(60).fill(12), (before) => before >= 9, [crm, all]);
    expect(kinds([crm, all])).toEqual(["rate-limit"]);
  });

  it.each([0.01, 0.05, 0.2])("that hit a share of %f of the calls by chance give none, however uneven the traffic is", (share) => {
    const bursty = uneven.map((rate, nth) => (nth % 50 < 10 ? rate * 8 : rate));
    const [crm, all] = [tally(), tally({}, ALL)];
    seconds(bursty, () => random() < share, [crm, all]);
    expect(crm.throttled).toBeGreaterThan(20);
    expect(kinds([crm, all])).toEqual([]);
  });

  it("give none where the limit that is set is as low, or where there are few", () => {
    const [crm, all] = [tally({ limitPerSecond: 8, burst: 1 }), tally({}, ALL)];
    seconds(uneven, (before) => before >= 9, [crm, all]);
    const [rare, rarely] = [tally(), tally({}, ALL)];
    seconds([12, 1, 1, 1], (before) => before >= 9, [rare, rarely]);
    expect([...kinds([crm, all]), ...kinds([rare, rarely])]).toEqual([]);
  });

  it("that come of a burst, and not of the rate, lower the burst", () => {
    const [crm, all] = [tally({ limitPerSecond: 4, burst: 20 }), tally({}, ALL)];
    seconds(uneven, (before) => before >= 9, [crm, all]);
    expect(adviceOf([crm, all])[0]).toMatchObject({
      title: expect.stringContaining("let no more than 5 go at once"),
      config: { line: '"rateLimit": { "limit": 4, "per": "1s", "burst": 5 }' },
    });
  });

  it("of one endpoint among several give a limit for endpoints", () => {
    const [crm, all, other] = [tally(), tally({}, ALL), tally({}, "GET /contacts")];
    seconds(uneven, (before) => before >= 9, [crm, all]);
    succeeds(crm, 5_000);
    succeeds(other, 5_000);
    expect(adviceOf([crm, all, other])[0]?.config?.line).toBe('"rateLimit": { "limit": 8, "per": "1s", "burst": 1, "scope": "endpoint" }');
  });
});

describe("outages", () => {
  const outage = (into: EndpointTally, lastedMs: number, failedProbes: number): void =>
    into.outage({ openedAt: NOW, closedAt: NOW + lastedMs, failedProbes });

  it("that outlast several probes give the breaker a longer time", () => {
    const crm = tally({ breaker: { openMs: 5_000, maxOpenMs: 20_000 } });
    for (const lastedMs of [39_000, 41_000, 55_000]) outage(crm, lastedMs, 3);
    expect(adviceOf([crm])[0]).toMatchObject({
      kind: "breaker",
      confidence: "medium",
      numbers: { outages: 3, recoveryMs: 41_000, failedProbes: 9 },
      config: { under: "apis.crm", line: '"breaker": { "openFor": "40s", "maxOpenFor": "3m" }' },
    });
  });

  it("that were seen once are told with little confidence", () => {
    const crm = tally({ breaker: { openMs: 5_000, maxOpenMs: 60_000 } });
    outage(crm, 41_000, 4);
    expect(adviceOf([crm])[0]).toMatchObject({ confidence: "low", title: "an outage lasted 41s: let the breaker stay open for 40s" });
  });

  it("that fit the breaker give nothing", () => {
    const crm = tally();
    times(9, () => outage(crm, 41_000, 1));
    expect(kinds([crm])).toEqual([]);
  });

  it("that were all over at the first probe let it come sooner", () => {
    const crm = tally();
    times(6, () => outage(crm, 31_000, 0));
    expect(adviceOf([crm])[0]?.config?.line).toBe('"breaker": { "openFor": "15s" }');
  });

  it("that outlast the retries ask for more of these, or for the queue", () => {
    const crm = tally({ breaker: { openMs: 30_000, maxOpenMs: 60_000 } });
    times(3, () => outage(crm, 20_000, 0));
    times(40, () => fails(crm, { status: 503 }));
    const advice = adviceOf([crm]).find(({ kind }) => kind === "retry-span");
    expect(advice).toMatchObject({
      numbers: { lost: 40, spanMs: 7_000, recoveryMs: 20_000 },
      config: { line: '"retry": { "maxAttempts": 6 }' },
    });
    expect(advice?.caution).toContain("hf.enqueue()");
  });
});

describe("attempts", () => {
  it("that succeed often at the last try want another", () => {
    const crm = tally();
    succeeds(crm, 500);
    times(60, (nth) => fails(crm, { status: 503, recovers: nth % 2 === 0 }));
    expect(adviceOf([crm])[0]).toMatchObject({ kind: "attempts", config: { line: '"retry": { "maxAttempts": 6 }' } });
  });

  it("that never succeed after the second are spared", () => {
    const crm = tally();
    succeeds(crm, 500);
    times(50, () => fails(crm, { status: 503, recovers: true, retries: 1 }));
    times(40, () => fails(crm, { status: 503 }));
    expect(adviceOf([crm])[0]).toMatchObject({
      kind: "attempts",
      numbers: { late: 80, useful: 2 },
      config: { line: '"retry": { "maxAttempts": 2 }' },
    });
  });

  it("of an outage say nothing of how many to allow", () => {
    const crm = tally();
    succeeds(crm, 500);
    times(50, () => fails(crm, { status: 503, recovers: true, retries: 1 }));
    times(40, () => fails(crm, { status: 503 }));
    crm.outage({ openedAt: NOW, closedAt: NOW + 1_000, failedProbes: 0 });
    expect(kinds([crm])).toEqual([]);
  });
});

describe("timeouts", () => {
  it("far over what answers take are shortened", () => {
    const crm = tally();
    succeeds(crm, 1_000, 400);
    times(20, () => fails(crm, { code: "timeout", recovers: true, retries: 1 }));
    const [advice] = adviceOf([crm]);
    expect(advice).toMatchObject({ kind: "timeout", numbers: { timeouts: 20, timeoutMs: 30_000 } });
    expect(advice?.config?.line).toBe('"timeout": { "attempt": "1.9s" }');
  });

  it("that answers hardly keep are lengthened", () => {
    const crm = tally({ attemptTimeoutMs: 1_000 });
    succeeds(crm, 1_000, 900);
    times(20, () => fails(crm, { code: "timeout", recovers: true, retries: 1 }));
    expect(adviceOf([crm])[0]?.config?.line).toBe('"timeout": { "attempt": "2s" }');
  });

  it("are left where few answers are known", () => {
    const crm = tally();
    succeeds(crm, 20, 400);
    times(20, () => fails(crm, { code: "timeout", recovers: true, retries: 1 }));
    expect(kinds([crm])).toEqual([]);
  });
});

describe("writes in doubt", () => {
  const doubtful = (settings: Partial<SettingsSeen>, endpoint = CRM): EndpointTally => {
    const crm = tally(settings, endpoint);
    succeeds(crm, 500);
    times(12, () => fails(crm, { code: "ECONNRESET", effect: "unknown", retries: 0 }));
    return crm;
  };

  it("at an API without a key ask for one", () => {
    expect(adviceOf([doubtful({ keyed: false })])[0]).toMatchObject({
      kind: "idempotency",
      confidence: "medium",
      numbers: { unknown: 12 },
      config: { line: '"idempotency": { "header": "Idempotency-Key" }' },
    });
  });

  it("that are keyed, can be asked about, or are no writes, ask for nothing", () => {
    const well = [doubtful({ keyed: true }), doubtful({ keyed: false, certain: true }), doubtful({ keyed: false }, "GET /contacts")];
    expect(well.flatMap((one) => kinds([one]))).toEqual([]);
  });
});

describe("an SDK's retries", () => {
  it("around ours are to be turned off", () => {
    const crm = tally();
    crm.sdkRetries = 142;
    expect(adviceOf([crm])[0]).toMatchObject({ kind: "nested-retries", confidence: "high", numbers: { sdkRetries: 142 } });
  });
});

describe("dead letters", () => {
  const group = (over: Partial<LetterGroup>): LetterGroup => ({
    ...{ fingerprint: "v1:abc", title: "permanent 422 on crm POST /contacts", api: "crm", endpoint: CRM },
    ...{ reason: "permanent", state: "open", open: 61, firstAt: NOW - 9, lastAt: NOW - 5, ...over },
  });

  it("of one cause want a patch", () => {
    expect(adviceOf([], [group({})])[0]).toMatchObject({
      kind: "dead-letters",
      command: expect.stringContaining("--group v1:abc --canary 1 --patch"),
    });
  });

  it("that were given up can go where the endpoint answers again, and not before", () => {
    const crm = tally();
    succeeds(crm, 10);
    const gone = group({ reason: "exhausted" });
    expect(adviceOf([crm], [gone])[0]?.command).toBe("holdfast dlq replay --group v1:abc --canary 1");
    expect(kinds([crm], [{ ...gone, lastAt: NOW + 1 }])).toEqual([]);
  });

  it("that are few, or that somebody has chosen to ignore, are left alone", () => {
    expect([...kinds([], [group({ open: 2 })]), ...kinds([], [group({ state: "ignored" })])]).toEqual([]);
  });
});

describe("a history", () => {
  it("is the same whether it was counted at once or in parts that are added", () => {
    const [whole, first, second] = [tally(), tally(), tally()];
    const parts = [first, second];
    times(40, (nth) => {
      const failing: Failing = { status: 500, code: nth % 3 === 0 ? "A_CODE" : "B_CODE", recovers: nth % 5 === 0 };
      for (const into of [whole, parts[nth % 2] as EndpointTally]) {
        fails(into, failing);
        into.second(nth + 1, nth % 4);
        into.outage({ openedAt: NOW + nth, closedAt: NOW + nth + 5, failedProbes: 1 });
      }
    });
    first.take(second.toJSON());
    expect(sorted(first)).toEqual(sorted(whole));
  });

  it("tells a bounded number of failures apart", () => {
    const crm = tally();
    times(500, (nth) =>
      fails(crm, { code: `E${"ABCDEFGHIJKLMNOPQRSTUVWXYZ"[nth % 26]}${"ABCDEFGHIJKLMNOPQRSTUVWXYZ"[Math.floor(nth / 26)]}X` }),
    );
    const { failures } = crm.toJSON();
    expect(failures.length).toBeLessThanOrEqual(41);
    expect(failures.reduce((total, { retried }) => total + retried, 0)).toBe(500);
  });

  it("of nothing gives no advice, and says that there is none", () => {
    expect(advise([], [])).toEqual({ items: [], basis: { attempts: 0, endpoints: 0, since: null, until: null } });
  });
});

function sorted(one: EndpointTally): object {
  const json = one.toJSON();
  return { ...json, failures: [...json.failures].sort((a, b) => (a.code ?? "").localeCompare(b.code ?? "")) };
}

describe("an error's code", () => {
  it.each([
    ['{"error":{"code":"INVALID_FIELD","message":"x"}}', "INVALID_FIELD"],
    ['{"error":{"type":"overloaded_error"}}', "overloaded_error"],
    ['{"status":"error","category":"VALIDATION_ERROR"}', "VALIDATION_ERROR"],
    ['[{"errorCode":"NOT_THERE"}]', undefined],
    ['{"errors":[{"code":"taken"}]}', "taken"],
    ['{"code":"500"}', undefined],
    ['{"error":"the field name is missing"}', undefined],
    ["<html>", undefined],
    ['{"code":', undefined],
  ])("is read in %s", (body, code) => {
    expect(errorCodeIn(body)).toBe(code);
  });
});
