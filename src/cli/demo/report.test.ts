import { describe, expect, it } from "vitest";
import { outagesOf } from "./report.ts";
import type { StoryLine } from "./run-folder.ts";

const to = (mode: string, atMs: number, api = "crm"): StoryLine => ({
  type: "breaker",
  atMs,
  api,
  endpoint: "POST /contacts",
  to: mode,
  because: `why ${atMs}`,
});

describe("outages", () => {
  it("last from the first opening to the closing, failed probes included", () => {
    const story = [to("open", 1_000), to("half-open", 2_000), to("open", 2_100), to("half-open", 4_000), to("closed", 4_200)];
    expect(outagesOf(story)).toEqual([
      { api: "crm", endpoint: "POST /contacts", because: "why 1000", openedAtMs: 1_000, endedAtMs: 4_200, end: "closed" },
    ]);
  });

  it("of two APIs are told apart, in the order of their beginnings", () => {
    const story = [to("open", 1_000), to("open", 2_000, "scoring"), to("closed", 3_000, "scoring"), to("closed", 4_000)];
    expect(outagesOf(story).map(({ api, endedAtMs }) => [api, endedAtMs])).toEqual([
      ["crm", 4_000],
      ["scoring", 3_000],
    ]);
  });

  it("end with a process that is killed: the next one knows nothing of them", () => {
    const story: StoryLine[] = [to("open", 1_000), { type: "restart", atMs: 1_500 }, to("open", 2_000)];
    expect(outagesOf(story)).toMatchObject([
      { openedAtMs: 1_000, endedAtMs: 1_500, end: "run killed" },
      { openedAtMs: 2_000, end: "still open" },
    ]);
  });
});
