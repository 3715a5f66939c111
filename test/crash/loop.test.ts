import { afterAll, describe, expect, it } from "vitest";
import { backends, sqliteBackend } from "./loop/backend.ts";
import type { Findings } from "./loop/check.ts";
import { run, type Disruption } from "./loop/run.ts";
import { poisoned, stoppedPastItsLease } from "./loop/scenes.ts";

/** The small crash loop. The whole one is `npm run test:crash`. */
const sound = { lost: [], doubled: [], resent: [], wrong: [] };
const faults = ({ lost, doubled, resent, wrong }: Findings): object => ({ lost, doubled, resent, wrong });
const atPoint = (point: "accept:before" | "send:after" | "settle:during" | "claim:after", nth: number): Disruption => ({
  type: "point",
  point,
  nth,
});

afterAll(async () => {
  for (const backend of backends) await backend.end();
});

describe.each(backends)("worker processes over $name", { timeout: 90_000 }, (backend) => {
  it("lose nothing and double nothing, killed at any moment", async () => {
    const left: Disruption[] = [
      { type: "kill", afterMs: 150 },
      atPoint("settle:during", 3),
      { type: "term", afterMs: 200 },
      atPoint("send:after", 4),
    ];
    const found = await run({ backend, seed: 11, operations: 40, workers: 2 }, left);
    expect(faults(found)).toEqual(sound);
    expect(found.met.length).toBeGreaterThanOrEqual(2);
    expect(found).toMatchObject({ accepted: 120 });
  });
});

describe("worker processes", { timeout: 90_000 }, () => {
  const backend = sqliteBackend;

  it("stopped past their leases change nothing when they wake up, because a settle is fenced", async () => {
    const [fenced, unfenced] = await Promise.all([stoppedPastItsLease(backend), stoppedPastItsLease(backend, "unfenced")]);
    expect(faults(fenced)).toEqual(sound);
    expect(fenced.succeeded).toBe(1);
    expect(unfenced.wrong).toEqual([expect.stringContaining("dead as permanent with 1 effects")]);
  });

  it("give up an operation that has killed three of them, and do the others", async () => {
    const found = await poisoned(backend);
    expect(found).toMatchObject({ lives: 4, reason: "poison", succeeded: 19, died: 1, ...sound });
  });

  it("are found out when they acknowledge before the commit, or send again what is in doubt", async () => {
    const early = await run({ backend, seed: 7, operations: 20, workers: 1, broken: "early-ack" }, [atPoint("accept:before", 2)]);
    expect(early.lost.length).toBeGreaterThan(0);
    const again = await run(
      { backend, seed: 7, operations: 20, workers: 1, broken: "resend" },
      [3, 6, 9].map((nth) => atPoint("send:after", nth)),
    );
    expect(again.doubled.length).toBeGreaterThan(0);
    expect(again.resent.length).toBeGreaterThan(0);
  });
});
