import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { ledgerFileOf } from "./apis.ts";
import { makeLeads } from "./make-leads.ts";
import { beginStretch, noteStory, pathIn, readStory, runFolder, workOf, writeState, type RunFolder, type StoryLine } from "./run-folder.ts";
import { storyTime } from "./story-clock.ts";

let folder: RunFolder;
let parent: string;
beforeEach(() => {
  parent = mkdtempSync(join(tmpdir(), "holdfast-run-"));
  folder = runFolder(join(parent, "jobs.db"));
  mkdirSync(folder.path);
});
afterEach(() => {
  rmSync(parent, { recursive: true });
});

const NOW = 1_700_000_000_000;
const begin = (work = "this", at = NOW, speed = 10) => beginStretch(folder, work, { speed, lengthMs: 0 }, at);
/** Leaves a store and a ledger that were written to last at an instant. */
function workedUntil(ms: number): void {
  for (const file of [folder.store, ledgerFileOf(folder.path, "crm")]) {
    writeFileSync(file, "something");
    utimesSync(file, ms / 1_000, ms / 1_000);
  }
}

describe("a start", () => {
  it("in a new place begins the story there and then", () => {
    const { before, state } = begin();
    expect(before).toBe("nothing");
    expect(state).toMatchObject({ beganAt: NOW, starts: 1, finished: false, stretch: { storyAt: NOW, machineAt: NOW, speed: 10 } });
  });

  it("after a kill goes on, and story time has stood still while nobody ran", () => {
    begin();
    workedUntil(NOW + 2_000);
    const { before, state } = begin("this", NOW + 7_200_000);
    expect(before).toBe("resumed");
    expect(state.starts).toBe(2);
    expect(storyTime(state.stretch, NOW + 7_200_000)).toBe(NOW + 20_000);
    expect(existsSync(folder.store)).toBe(true);
  });

  it("may go on at another speed", () => {
    begin();
    workedUntil(NOW + 2_000);
    const { state } = begin("this", NOW + 60_000, 1);
    expect(storyTime(state.stretch, NOW + 61_000)).toBe(NOW + 21_000);
  });

  it.each([
    ["a finished run", "replaced finished", "this", true],
    ["a run of other leads", "replaced other work", "other", false],
  ])("replaces %s", (_, before, work, finished) => {
    const { state } = begin();
    workedUntil(NOW + 2_000);
    noteStory(folder, { type: "restart", atMs: 1 });
    writeState(folder, { ...state, finished });
    expect(begin(work, NOW + 9_000)).toMatchObject({ before, state: { beganAt: NOW + 9_000, starts: 1 } });
    expect([folder.store, ledgerFileOf(folder.path, "crm"), pathIn(folder, "story")].filter((file) => existsSync(file))).toEqual([]);
  });

  it("does not touch a store that no run of ours made", () => {
    writeFileSync(folder.store, "somebody's dead letters");
    expect(() => begin()).toThrow(/is there already and no run of the demo made it/);
    expect(readFileSync(folder.store, "utf8")).toBe("somebody's dead letters");
  });

  it("takes an empty file for a place to put the store", () => {
    writeFileSync(folder.store, "");
    expect(begin().before).toBe("nothing");
  });

  it("does not guess about a state that it cannot read", () => {
    writeFileSync(pathIn(folder, "state"), '{"version":99}');
    expect(() => begin()).toThrow(/not of this release/);
  });
});

describe("what is noted of a run", () => {
  it("survives a line that a kill tore", () => {
    const [first, torn, last] = [1, 2, 3].map((atMs) => ({ type: "restart", atMs })) as [StoryLine, StoryLine, StoryLine];
    noteStory(folder, first);
    writeFileSync(pathIn(folder, "story"), `${readFileSync(pathIn(folder, "story"), "utf8")}{"type":"rest`);
    noteStory(folder, torn);
    noteStory(folder, last);
    expect(readStory(folder)).toEqual([first, last]);
  });

  it("tells work apart by its leads and its seed", () => {
    const leads = makeLeads(3, 1);
    const works = [workOf(leads, 1), workOf(leads, 2), workOf(leads.slice(1), 1), workOf(leads, 1)];
    expect(new Set(works).size).toBe(3);
    expect(works[3]).toBe(works[0]);
  });

  it("stands under the current folder where no store is named", () => {
    expect(runFolder(undefined)).toEqual({
      path: join(process.cwd(), ".holdfast", "demo"),
      store: join(process.cwd(), ".holdfast", "demo", "holdfast.db"),
    });
  });
});
