import { describe, expect, it } from "vitest";
import type { UpstreamReport } from "./apis-protocol.ts";
import { tally } from "./tally.ts";
import type { ApiName } from "./weather.ts";

type Counts = Readonly<Record<string, number>>;

/** Reports of ledgers in which each lead was met so often by each API; attempts are those of effects unless said. */
function reports(
  effects: Partial<Record<ApiName, Counts>>,
  attempts: Partial<Record<ApiName, Counts>> = {},
): Record<ApiName, UpstreamReport> {
  const report = (name: ApiName): UpstreamReport => ({
    attempts: Object.entries(attempts[name] ?? effects[name] ?? {}),
    effects: Object.entries(effects[name] ?? {}),
    endings: {},
    others: {},
    misbehaved: {},
  });
  return { enrichment: report("enrichment"), scoring: report("scoring"), crm: report("crm"), sequencer: report("sequencer") };
}

const letter = (lead: string, fingerprint = "v1:a"): Parameters<typeof tally>[2][number] => ({
  fingerprint,
  title: `permanent 500 ${fingerprint}`,
  reason: "permanent",
  labels: { lead },
});

describe("the tally of a run", () => {
  it("calls a lead done that is in the CRM's and the sequencer's ledgers, once each", () => {
    const result = tally(["a", "b"], reports({ crm: { a: 1, b: 1 }, sequencer: { a: 1, b: 1 } }), []);
    expect(result).toMatchObject({ accepted: 2, done: 2, kept: 0, lost: 0, doubled: 0 });
  });

  it("calls a lead kept that is not done and has a dead letter", () => {
    const result = tally(["a", "b"], reports({ crm: { a: 1 }, sequencer: { a: 1 } }), [letter("b")]);
    expect(result).toMatchObject({ accepted: 2, done: 1, kept: 1, lost: 0 });
  });

  it.each([
    ["was only written to the CRM", { crm: { a: 1 } }],
    ["was only enrolled", { sequencer: { a: 1 } }],
    ["nobody has heard of", {}],
  ])("calls a lead lost that %s, and says which", (_, effects) => {
    expect(tally(["a"], reports(effects), [])).toMatchObject({ done: 0, lost: 1, suspects: { missing: ["a"] } });
  });

  it.each([
    ["in the CRM", { crm: { a: 2 }, sequencer: { a: 1 } }],
    ["at the sequencer", { crm: { a: 1 }, sequencer: { a: 3 } }],
    ["in both", { crm: { a: 2 }, sequencer: { a: 2 } }],
  ])("calls a lead doubled that stands twice %s, and counts it once", (_, effects) => {
    expect(tally(["a"], reports(effects), [])).toMatchObject({ done: 1, doubled: 1, suspects: { twice: ["a"] } });
  });

  it("does not call it doubled when a read or a completion was asked for twice", () => {
    const result = tally(["a"], reports({ enrichment: { a: 2 }, scoring: { a: 2 }, crm: { a: 1 }, sequencer: { a: 1 } }), []);
    expect(result).toMatchObject({ doubled: 0, retried: 2 });
  });

  it("counts a lead with a dead letter as done where the effect stands after all", () => {
    expect(tally(["a"], reports({ crm: { a: 1 }, sequencer: { a: 1 } }), [letter("a")])).toMatchObject({ done: 1, kept: 0, lost: 0 });
  });

  it("counts attempts per call by API and over all", () => {
    const attempts = { crm: { a: 3, b: 1 }, sequencer: { a: 1 } };
    const result = tally(["a", "b"], reports({ crm: { a: 1, b: 1 }, sequencer: { a: 1 } }, attempts), []);
    expect(result.apis.crm).toMatchObject({ calls: 2, wireAttempts: 4, wireAttemptsPerCall: 2, retried: 1, effects: 2 });
    expect(result).toMatchObject({ wireAttempts: 5, wireAttemptsPerCall: 1.667, retried: 1 });
  });

  it("groups dead letters, the largest group first", () => {
    const letters = [letter("a", "v1:small"), letter("b", "v1:large"), letter("c", "v1:large")];
    expect(tally([], reports({}), letters).deadLetters).toMatchObject([
      { fingerprint: "v1:large", letters: 2 },
      { fingerprint: "v1:small", letters: 1 },
    ]);
  });
});
