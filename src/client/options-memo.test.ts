import { describe, expect, it, vi } from "vitest";
import { OptionsMemo } from "./options-memo.ts";

interface Options {
  readonly limit?: number;
  readonly timeout?: { readonly attempt?: string | readonly string[] };
  readonly clock?: object;
  readonly signal?: object;
}

function memo(): {
  readonly memo: OptionsMemo<Options, { readonly limit: number | undefined }>;
  readonly resolve: ReturnType<typeof vi.fn>;
} {
  const resolve = vi.fn<(options: Options) => { readonly limit: number | undefined }>((options) => ({ limit: options.limit }));
  return { resolve, memo: new OptionsMemo(resolve, { ofTheCall: ["signal"], data: ["timeout"] }) };
}

describe("options that say the same", () => {
  it.each<[string, Options, Options]>([
    ["nothing at all", {}, {}],
    ["equal values", { limit: 4 }, { limit: 4 }],
    ["equal data inside", { timeout: { attempt: "1s" } }, { timeout: { attempt: "1s" } }],
    ["equal lists inside", { timeout: { attempt: ["1s", "2s"] } }, { timeout: { attempt: ["1s", "2s"] } }],
    ["what differs from call to call", { limit: 4, signal: {} }, { signal: {}, limit: 4 }],
  ])("are resolved once: %s", (_, first, second) => {
    const { memo: options, resolve } = memo();
    expect(options.of(second)).toBe(options.of(first));
    expect(resolve).toHaveBeenCalledTimes(1);
  });

  it.each<[string, Options, Options]>([
    ["another value", { limit: 4 }, { limit: 5 }],
    ["one more option", { limit: 4 }, { limit: 4, timeout: {} }],
    ["one option less", { limit: 4, timeout: {} }, { limit: 4 }],
    ["an option that nobody knows", { limit: 4 }, { limit: 4, limits: 4 } as Options],
    ["other data inside", { timeout: { attempt: "1s" } }, { timeout: { attempt: "2s" } }],
    ["a longer list inside", { timeout: { attempt: ["1s"] } }, { timeout: { attempt: ["1s", "2s"] } }],
    ["a list in place of one", { timeout: { attempt: ["1s"] } }, { timeout: { attempt: "1s" } }],
    ["another object where identity counts", { clock: {} }, { clock: {} }],
  ])("are told from others: %s", (_, first, second) => {
    const { memo: options, resolve } = memo();
    expect(options.of(second)).not.toBe(options.of(first));
    expect(resolve).toHaveBeenCalledTimes(2);
  });

  it("are compared with what was said, not with what the object says by now", () => {
    const { memo: options } = memo();
    const attempt = ["1s"];
    const first = options.of({ limit: 4, timeout: { attempt } });
    attempt.push("2s");
    expect(options.of({ limit: 4, timeout: { attempt } })).not.toBe(first);
    expect(options.of({ limit: 4, timeout: { attempt: ["1s"] } })).toBe(first);
  });

  it("are not looked for among objects of a class, which may say more than their fields", () => {
    class Limited implements Options {
      readonly limit = 4;
    }
    const { memo: options, resolve } = memo();
    options.of({ limit: 4 });
    options.of(new Limited());
    expect(resolve).toHaveBeenCalledTimes(2);
  });
});

describe("the memory", () => {
  it("keeps the sets of options that came last", () => {
    const { memo: options, resolve } = memo();
    for (let limit = 0; limit < 100; limit += 1) options.of({ limit });
    resolve.mockClear();
    options.of({ limit: 99 });
    options.of({ limit: 70 });
    expect(resolve).not.toHaveBeenCalled();
    options.of({ limit: 0 });
    expect(resolve).toHaveBeenCalledTimes(1);
  });

  it("does not keep what could not be resolved", () => {
    const resolve = vi.fn<() => number>(() => {
      throw new Error("no such option");
    });
    const options = new OptionsMemo<Options, number>(resolve, { ofTheCall: [], data: [] });
    expect(() => options.of({ limit: 4 })).toThrow("no such option");
    expect(() => options.of({ limit: 4 })).toThrow("no such option");
    expect(resolve).toHaveBeenCalledTimes(2);
  });
});
