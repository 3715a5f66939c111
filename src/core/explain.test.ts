import { describe, expect, it } from "vitest";
import { attach, beginCall, exhaustedBelow, explain, lastBegun, type Explanation } from "./explain.ts";

const FAILED: Explanation = { attempts: 3, outcome: "failed", because: { code: "attempts-exhausted", maxAttempts: 3 } };

describe("an explanation", () => {
  it("hangs on answers, errors and functions, frozen ones too, and changes nothing of them", () => {
    for (const value of [new Response("x"), new Error("x"), Object.freeze({ a: 1 }), (): void => undefined]) {
      const keys = Reflect.ownKeys(value);
      attach(value, FAILED);
      expect(explain(value)).toBe(FAILED);
      expect(Reflect.ownKeys(value)).toEqual(keys);
    }
  });

  it("cannot hang on a primitive, and says so by its absence", () => {
    for (const value of ["text", 5, undefined, null, Symbol("s"), 1n, true]) {
      attach(value, FAILED);
      expect(explain(value)).toBeUndefined();
    }
  });

  it("is found down the causes, ten deep and no deeper", () => {
    const wrap = (error: Error, times: number): Error => (times === 0 ? error : new Error("w", { cause: wrap(error, times - 1) }));
    const inner = new Error("inner");
    attach(inner, FAILED);
    expect(explain(wrap(inner, 9))).toBe(FAILED);
    expect(explain(wrap(inner, 10))).toBeUndefined();
  });

  it("is not looked for in a circle, nor where the cause cannot be read", () => {
    const error = new Error("self");
    error.cause = error;
    expect(explain(error)).toBeUndefined();
    expect(
      explain({
        get cause(): never {
          throw new Error("no");
        },
      }),
    ).toBeUndefined();
  });

  it("of the outermost error goes before those of its causes", () => {
    const inner = new Error("inner");
    attach(inner, FAILED);
    const outer = new Error("outer", { cause: inner });
    const own: Explanation = { ...FAILED, attempts: 9 };
    attach(outer, own);
    expect(explain(outer)).toBe(own);
  });
});

describe("a loop further down that has given up", () => {
  const given = (explanation: Explanation, author: number): Error => {
    const error = new Error("x");
    attach(error, explanation, author);
    return error;
  };

  it("is believed when it began during the attempt", () => {
    const since = lastBegun();
    const error = given({ ...FAILED }, beginCall());
    expect(exhaustedBelow(error, since)).toMatchObject({ attempts: 3 });
    expect(exhaustedBelow(new Error("wrapped", { cause: error }), since)).toMatchObject({ attempts: 3 });
  });

  it("is not believed when it began before: then one error object is thrown again and again", () => {
    const error = given({ ...FAILED }, beginCall());
    expect(exhaustedBelow(error, lastBegun())).toBeUndefined();
  });

  it("has decided nothing when it was aborted, might not retry at all, was refused, or succeeded", () => {
    const since = lastBegun();
    const author = beginCall();
    expect(exhaustedBelow(given({ ...FAILED, because: { code: "cancelled" } }, author), since)).toBeUndefined();
    expect(exhaustedBelow(given({ ...FAILED, because: { code: "attempts-exhausted", maxAttempts: 1 } }, author), since)).toBeUndefined();
    expect(exhaustedBelow(given({ ...FAILED, outcome: "refused" }, author), since)).toBeUndefined();
    expect(exhaustedBelow(given({ ...FAILED, outcome: "succeeded" }, author), since)).toBeUndefined();
    expect(exhaustedBelow(given({ ...FAILED, because: { code: "deadline", maxAttempts: 1 } }, author), since)).toBeDefined();
  });
});
