import { describe, expect, it } from "vitest";
import { explainBecause } from "./decision.ts";

describe("a reason in words", () => {
  it("is the code's clause when there are no numbers", () => {
    expect(explainBecause({ code: "answered" })).toBe("the other side answered");
  });

  it("carries every number it was made from", () => {
    expect(
      explainBecause({
        code: "hint",
        rule: "status:429",
        attempt: 2,
        maxAttempts: 4,
        delayMs: 1_049.6,
        hintMs: 1_000,
        remainingMs: -3,
        retryAfterMs: 7,
        budget: "user",
        detail: "the answer was 429",
      }),
    ).toBe(
      "the other side said when to come back (attempt 2 of 4, rule status:429, delay 1050 ms, hint 1000 ms, retry after 7 ms, 0 ms left, budget user, the answer was 429)",
    );
  });

  it("names an attempt without a maximum alone", () => {
    expect(explainBecause({ code: "permanent", attempt: 1 })).toBe("no retry can change this answer (attempt 1)");
  });
});
