import { describe, expect, it } from "vitest";
import { createHoldfast } from "../client/holdfast.ts";
import { explain } from "../core/explain.ts";
import { manualClock } from "../testing/manual-clock.ts";

/** A call to an API that takes the n-th token only, behind a limit that makes each attempt wait for the next token of its bucket. */
async function callWith({ takes, per, maxAttempts = 4 }: { takes: number; per: "10ms" | "10s"; maxAttempts?: number }) {
  const clock = manualClock();
  const sent: string[] = [];
  let issued = 0;
  const hf = await createHoldfast({
    clock,
    random: () => 0,
    apis: {
      crm: {
        baseUrl: "https://api.example.com",
        auth: { type: "bearer", token: () => `t${(issued += 1)}` },
        rateLimit: { limit: 1, per, burst: 1 },
        retry: { maxAttempts },
      },
    },
    transport: async (_url, init) => {
      const token = new Headers(init.headers).get("authorization") ?? "";
      sent.push(token);
      return new Response(null, { status: token === `Bearer t${takes}` ? 200 : 401 });
    },
  });
  const answer = hf.fetch("crm")("/contacts");
  await clock.advance("2m");
  const response = await answer;
  await hf.close();
  return { status: response.status, sent: sent.length, because: explain(response)?.because.code };
}

describe("a call whose token is refused again after a refresh", () => {
  it("is given up where the new token was just got", async () => {
    expect(await callWith({ takes: 3, per: "10ms" })).toEqual({ status: 401, sent: 2, because: "permanent-after-refresh" });
  });

  it("gets another where it waited in its lane so long that the new one may have run out", async () => {
    expect(await callWith({ takes: 3, per: "10s" })).toEqual({ status: 200, sent: 3, because: "answered" });
  });

  it("does so only within its attempts", async () => {
    expect(await callWith({ takes: 9, per: "10s", maxAttempts: 3 })).toEqual({ status: 401, sent: 4, because: "permanent-after-refresh" });
  });
});
