import { describe, expect, it } from "vitest";
import type { OperationStore } from "../../src/ports/operation-store.ts";
import { runWorld, type Findings, type Kind } from "./world.ts";

const SEEDS = Array.from({ length: 10 }, (_, index) => index + 1);

async function runAll(kind: Kind, broken?: (store: OperationStore) => OperationStore, acknowledgeEarly = false): Promise<Findings[]> {
  const all: Findings[] = [];
  for (const seed of SEEDS) {
    all.push(await runWorld({ kind, seed, ...(broken === undefined ? {} : { broken }), acknowledgeEarly }));
  }
  return all;
}

function sum(all: readonly Findings[], what: (findings: Findings) => number): number {
  return all.reduce((total, findings) => total + what(findings), 0);
}

describe("two processes, killed at any step and stopped past their leases, over an other side on a bad day", { timeout: 120_000 }, () => {
  for (const kind of ["keyed", "blind", "reconcile"] as const) {
    it(`${kind}: nothing is lost, nothing doubled, nothing sent that is in doubt`, async () => {
      const all = await runAll(kind);
      for (const [index, { lost, doubled, repeated, wrong }] of all.entries()) {
        expect({ seed: SEEDS[index], lost, doubled, repeated, wrong }).toEqual({
          seed: SEEDS[index],
          lost: [],
          doubled: [],
          repeated: [],
          wrong: [],
        });
      }
      // It was a bad day.
      expect(sum(all, ({ killed }) => killed)).toBeGreaterThan(20);
      expect(sum(all, ({ stopped }) => stopped)).toBeGreaterThan(20);
      expect(sum(all, ({ succeeded }) => succeeded)).toBeGreaterThan(150);
    });
  }
});

describe("the check can fail", { timeout: 120_000 }, () => {
  it("finds what is acknowledged before it is kept", async () => {
    const all = await runAll("keyed", undefined, true);
    expect(sum(all, ({ lost }) => lost.length)).toBeGreaterThan(0);
  });

  it("finds a worker that sends again what is in doubt", async () => {
    const all = await runAll("blind", (store) => ({
      ...store,
      claim: async (request) => (await store.claim(request)).map((claimed) => ({ ...claimed, inDoubt: false })),
    }));
    expect(sum(all, ({ doubled }) => doubled.length)).toBeGreaterThan(0);
    expect(sum(all, ({ repeated }) => repeated.length)).toBeGreaterThan(0);
  });
});
