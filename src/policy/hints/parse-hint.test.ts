import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { resolveCallPolicy } from "../../engine/call-policy.ts";
import { parseHint, parseRemaining, parseHttpDate, type HintHeader } from "./parse-hint.ts";

interface RetryAfterVectors {
  readonly now: string;
  readonly cases: readonly { readonly headers: Record<string, string>; readonly expected: number | null; readonly over?: boolean }[];
}

const vectors = JSON.parse(readFileSync(new URL("../../../test/vectors/retry-after.json", import.meta.url), "utf8")) as RetryAfterVectors;
const NOW = Date.parse(vectors.now);

const hint = (headers: Record<string, string>, extra?: readonly HintHeader[]): number | undefined =>
  parseHint(new Headers(headers), NOW, extra)?.delayMs;

describe("the hint in an answer's headers", () => {
  it.each(vectors.cases.map((one) => [JSON.stringify(one.headers), one.expected, one] as const))(
    "of %s is %s",
    (_, expected, { headers }) => {
      expect(hint(headers) ?? null).toBe(expected);
    },
  );

  it("is over what any inline call sleeps in the cases that say so", () => {
    const over = vectors.cases.filter((one) => one.over === true);
    expect(over.map(({ headers }) => (hint(headers) ?? 0) > resolveCallPolicy({}, { retry: "", timeout: "", rest: "" }).maxHintMs)).toEqual(
      [true],
    );
  });

  it("is none where no header speaks of coming back", () => {
    expect(parseHint(new Headers({ "content-type": "text/plain", date: "Thu, 15 Jan 2026 12:00:00 GMT" }), NOW)).toBeUndefined();
  });

  it("is taken from the more precise header first", () => {
    const all = {
      "retry-after-ms": "1",
      "retry-after": "2",
      "x-own": "3",
      ratelimit: '"p";r=0;t=4',
      "x-ratelimit-reset": "5",
    };
    const extra: readonly HintHeader[] = [{ name: "x-own", unit: "seconds" }];
    const sources: string[] = [];
    const headers = new Headers(all);
    for (let found = parseHint(headers, NOW, extra); found !== undefined; found = parseHint(headers, NOW, extra)) {
      sources.push(`${found.source}=${String(found.delayMs)}`);
      headers.delete(found.source);
    }
    expect(sources).toEqual(["retry-after-ms=1", "retry-after=2000", "x-own=3000", "ratelimit=4000", "x-ratelimit-reset=5000"]);
  });

  it("falls through a header that is malformed to the next one", () => {
    expect(hint({ "retry-after-ms": "soon", "retry-after": "0x10", ratelimit: '"p";r=0;t=4' })).toBe(4_000);
  });

  it("keeps the other side's word on retrying beside the delay", () => {
    expect(parseHint(new Headers({ "x-should-retry": "false", "retry-after": "1" }), NOW)).toEqual({
      source: "retry-after",
      delayMs: 1_000,
      retry: false,
    });
    expect(parseHint(new Headers({ "stripe-should-retry": " TRUE " }), NOW)).toEqual({ source: "stripe-should-retry", retry: true });
    expect(parseHint(new Headers({ "x-should-retry": "maybe" }), NOW)).toBeUndefined();
  });

  it("lets the first of two words on retrying speak", () => {
    expect(parseHint(new Headers({ "x-should-retry": "true", "stripe-should-retry": "false" }), NOW)?.retry).toBe(true);
  });
});

describe("RateLimit of the IETF draft", () => {
  it("takes the longest wait of the policies that are used up", () => {
    expect(hint({ ratelimit: '"second";r=0;t=1, "day";r=0;t=3600, "month";r=7;t=99999' })).toBe(3_600_000);
  });

  it("says nothing while something is left, or where no reset is told", () => {
    expect(hint({ ratelimit: '"p";r=1;t=30' })).toBeUndefined();
    expect(hint({ ratelimit: '"p";r=0' })).toBeUndefined();
    expect(hint({ ratelimit: "garbage" })).toBeUndefined();
  });
});

describe("legacy resets", () => {
  it("are seconds below 2001 and an instant above it", () => {
    expect(hint({ "x-ratelimit-reset": "90" })).toBe(90_000);
    expect(hint({ "x-ratelimit-reset": String(NOW / 1_000 + 90) })).toBe(90_000);
    expect(hint({ "x-rate-limit-reset": "90" })).toBe(90_000);
    expect(hint({ "x-ratelimit-reset-after": "1.5" })).toBe(1_500);
  });

  it("that are an instant are measured against the clock that wrote them", () => {
    expect(hint({ "x-ratelimit-reset": String(NOW / 1_000 + 90), date: "Thu, 15 Jan 2026 12:01:00 GMT" })).toBe(30_000);
  });

  it("say nothing while something is left", () => {
    expect(hint({ "x-ratelimit-reset": "90", "x-ratelimit-remaining": "3" })).toBeUndefined();
    expect(hint({ "x-ratelimit-reset": "90", "x-ratelimit-remaining": "0" })).toBe(90_000);
    expect(hint({ "x-ratelimit-reset-after": "90", "x-ratelimit-remaining": "3" })).toBeUndefined();
  });
});

describe("a provider's own headers", () => {
  it.each<[HintHeader["unit"], string, number | undefined]>([
    ["ms", "250", 250],
    ["seconds", "1.5", 1_500],
    ["epoch", String(NOW / 1_000 + 7), 7_000],
    ["epoch", String(NOW / 1_000 - 7), 0],
    ["duration", "6m0s", 360_000],
    ["duration", "1h2m3.5s", 3_723_500],
    ["duration", "250ms", 250],
    ["duration", "2d", 172_800_000],
    ["duration", "1m30", undefined],
    ["duration", "", undefined],
    ["duration", `${"9".repeat(400)}d`, undefined],
    ["seconds", "-1", undefined],
    ["seconds", "1e3", undefined],
  ])("in %s: %s is %s", (unit, value, expected) => {
    expect(hint({ "x-own": value }, [{ name: "x-own", unit }])).toBe(expected);
  });
});

describe("an HTTP date", () => {
  it.each([
    ["Thu, 15 Jan 2026 12:01:30 GMT"],
    ["Thursday, 15-Jan-26 12:01:30 GMT"],
    ["Thu Jan 15 12:01:30 2026"],
    ["  thu, 15 jan 2026 12:01:30 gmt "],
  ])("is read from %s", (text) => {
    expect(parseHttpDate(text)).toBe(NOW + 90_000);
  });

  it.each([
    ["Thu Jan  5 12:01:30 2026", Date.UTC(2026, 0, 5, 12, 1, 30)],
    ["Sunday, 06-Nov-94 08:49:37 GMT", Date.UTC(1994, 10, 6, 8, 49, 37)],
    ["Sat, 29 Feb 2020 00:00:00 GMT", Date.UTC(2020, 1, 29)],
    ["Thu, 30 Jun 2016 23:59:60 GMT", Date.UTC(2016, 6, 1)],
  ])("reads %s", (text, expected) => {
    expect(parseHttpDate(text)).toBe(expected);
  });

  it.each([
    ["Thu, 31 Feb 2026 12:00:00 GMT"],
    ["Sat, 29 Feb 2021 00:00:00 GMT"],
    ["Thu, 00 Jan 2026 12:00:00 GMT"],
    ["Thu, 15 Foo 2026 12:00:00 GMT"],
    ["Thu, 15 Jan 2026 24:00:00 GMT"],
    ["Thu, 15 Jan 2026 12:60:00 GMT"],
    ["Thu, 15 Jan 2026 12:00:00 CET"],
    ["Thu, 15 Jan 2026 12:00:00"],
    ["2026-01-15T12:00:00Z"],
    ["tomorrow"],
    [""],
    [null],
  ])("is not read from %s", (text) => {
    expect(parseHttpDate(text)).toBeUndefined();
  });

  it("is the same in all three forms, for any second until 2069", () => {
    const DAYS = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 3_124_223_999 }), (second) => {
        const at = new Date(second * 1_000);
        const imf = at.toUTCString();
        const [, day, month, year, time] = imf.split(" ") as [string, string, string, string, string];
        expect(parseHttpDate(imf)).toBe(second * 1_000);
        expect(parseHttpDate(`${DAYS[at.getUTCDay()]}, ${day}-${month}-${year.slice(2)} ${time} GMT`)).toBe(second * 1_000);
        expect(parseHttpDate(`Thu ${month} ${day.replace(/^0/, " ")} ${time} ${year}`)).toBe(second * 1_000);
      }),
    );
  });
});

describe("hostile headers", () => {
  const names = [
    "retry-after-ms",
    "retry-after",
    "ratelimit",
    "x-ratelimit-reset",
    "x-ratelimit-remaining",
    "x-own",
    "date",
    "x-should-retry",
  ];
  const value = fc.oneof(
    fc.string(),
    fc.stringMatching(/^[0-9.eE+-]{0,40}$/),
    fc.stringMatching(/^("p";r=0;t=[0-9.]{0,30},?){0,3}$/),
    fc.constantFrom("Thu, 15 Jan 2026 12:01:30 GMT", "Thu, 15 Jan 9999 12:01:30 GMT", "9999-12-31T23:59:60Z", "1m1m1m", "0", "false"),
    fc.constantFrom<unknown>(undefined, null, 5, Number.NaN, Number.POSITIVE_INFINITY, -1, {}, ["1"], Symbol("s")),
  );

  it("give no hint, or one of a finite number of milliseconds of at least 0", () => {
    fc.assert(
      fc.property(
        fc.dictionary(fc.constantFrom(...names), value),
        fc.constantFrom<HintHeader["unit"]>("ms", "seconds", "epoch", "duration", "rfc3339"),
        (headers, unit) => {
          const found = parseHint({ get: (name) => (headers[name] ?? null) as string | null }, NOW, [{ name: "x-own", unit }]);
          const delayMs = found?.delayMs ?? 0;
          expect(Number.isFinite(delayMs) && delayMs >= 0).toBe(true);
        },
      ),
      { numRuns: 500 },
    );
  });

  it("cannot throw, even where asking for one does", () => {
    const broken = {
      get(): never {
        throw new Error("no");
      },
    };
    expect(parseHint(broken, NOW)).toBeUndefined();
    expect(parseHint(new Map([["retry-after", "1"]]) as unknown as Headers, NOW)?.delayMs).toBe(1_000);
  });

  it("are read in one pass, however long", () => {
    const long = "1m".repeat(200_000);
    const dots = `${"1".repeat(100_000)}.${"1".repeat(100_000)}`;
    expect(hint({ "x-own": `${long}x` }, [{ name: "x-own", unit: "duration" }])).toBeUndefined();
    expect(hint({ "x-own": dots, "retry-after": dots }, [{ name: "x-own", unit: "duration" }])).toBeUndefined();
    expect(hint({ ratelimit: `${";".repeat(200_000)}r=0;t=1` })).toBe(1_000);
  });
});

describe("what is left", () => {
  const left = (headers: Record<string, string>, extra: readonly HintHeader[] = []): unknown =>
    parseRemaining(new Headers(headers), NOW, extra);

  it.each<[string, Record<string, string>, unknown]>([
    ["nothing", {}, undefined],
    ["the draft", { ratelimit: '"p";r=7;t=30' }, { remaining: 7, resetMs: 30_000 }],
    ["the draft's tightest policy", { ratelimit: '"a";r=70;t=1, "b";r=3;t=600' }, { remaining: 3, resetMs: 600_000 }],
    ["the draft, without a time", { ratelimit: '"p";r=7' }, { remaining: 7 }],
    ["the legacy header", { "x-ratelimit-remaining": "4", "x-ratelimit-reset": "12" }, { remaining: 4, resetMs: 12_000 }],
    ["the legacy header alone", { "x-rate-limit-remaining": "4" }, { remaining: 4 }],
    ["a reset alone", { "x-ratelimit-reset": "12" }, undefined],
    ["what is malformed", { "x-ratelimit-remaining": "0x10", ratelimit: '"p";r=-1' }, undefined],
  ])("is read from %s", (_, headers, expected) => expect(left(headers)).toEqual(expected));

  it("is read from the provider's own headers first, of several the smallest", () => {
    const extra: readonly HintHeader[] = [
      { name: "x-reset-requests", unit: "duration", remaining: "x-left-requests" },
      { name: "x-reset-tokens", unit: "duration", remaining: "x-left-tokens" },
    ];
    const headers = { "x-left-requests": "90", "x-left-tokens": "12", "x-reset-tokens": "1m30s", "x-ratelimit-remaining": "1" };
    expect(left(headers, extra)).toEqual({ remaining: 12, resetMs: 90_000 });
  });

  it.each([
    ["32/40", { remaining: 8 }],
    ["41/40", { remaining: 0 }],
    ["32", undefined],
    ["32/40/1", undefined],
    ["a/b", undefined],
  ])("is read from how full a bucket is: %s", (text, expected) => {
    expect(left({ "x-full": text }, [{ name: "x-full", unit: "used/limit" }])).toEqual(expected);
  });
});
