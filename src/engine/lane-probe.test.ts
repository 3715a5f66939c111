import { describe, expect, it } from "vitest";
import { SUCCESS, type Verdict } from "../core/verdict.ts";
import { Breaker } from "../policy/breaker/breaker.ts";
import { resolveBreakerOptions } from "../policy/breaker/options.ts";
import { manualClock } from "../testing/manual-clock.ts";
import type { Admittee } from "./admittee.ts";
import { Lane } from "./lane.ts";
import { createRuntime } from "./runtime.ts";

const FAILED: Verdict = { kind: "transient", effect: "unknown", rule: "status:503", because: "the answer was 503" };

/** A lane whose breaker has just let its one probe go, 5 s after it opened. */
async function lastOfProbes(whenOpen: "refuse" | "wait") {
  const clock = manualClock();
  const breaker = new Breaker(resolveBreakerOptions({ window: 1, minimumCalls: 1, openFor: "5s", probeLease: "60s" }), () => 0);
  const lane = new Lane(
    { api: "crm", endpoint: "POST /contacts", partition: "" },
    { breaker, whenOpen },
    createRuntime(clock, () => 0),
  );
  const call = (): Admittee => ({
    cost: 1,
    deadlineAt: Number.POSITIVE_INFINITY,
    maxWaitMs: 10_000,
    callerSignal: undefined,
    generation: 0,
  });
  const first = call();
  await lane.admit(first, clock.monotonic());
  lane.settle(first, FAILED, 10, clock.monotonic());
  await clock.advance("5s");
  const probe = call();
  await lane.admit(probe, clock.monotonic());
  expect(lane.mode).toBe("half-open");
  return { clock, lane, probe, call };
}

describe("a call that comes while a probe is under way", () => {
  it("waits for its outcome, although the probe's lease is longer than it would wait for an open breaker", async () => {
    const { clock, lane, probe, call } = await lastOfProbes("wait");
    const admitted = lane.admit(call(), clock.monotonic());
    await clock.advance("1s");
    lane.settle(probe, SUCCESS, 1_000, clock.monotonic());
    await expect(admitted).resolves.toBeUndefined();
  });

  it("is told when the next probe may go where its API says refuse", async () => {
    const { clock, lane, call } = await lastOfProbes("refuse");
    await expect(lane.admit(call(), clock.monotonic())).rejects.toMatchObject({ code: "circuit-open", retryAfterMs: 60_000 });
  });
});
