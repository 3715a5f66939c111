import { describe, expect, it } from "vitest";
import { sleep } from "../../ports/clock.ts";
import { manualClock } from "../../testing/manual-clock.ts";
import { workThrough, type Turn } from "./work-through.ts";

describe("working through items", () => {
  it("ends when all have ended, with never more under way than allowed", async () => {
    const clock = manualClock();
    let underWay = 0;
    let most = 0;
    const ended: number[] = [];
    const done = workThrough([1, 2, 3, 4, 5], {
      open: 2,
      clock,
      async work(item) {
        most = Math.max(most, (underWay += 1));
        await sleep(clock, 10);
        underWay -= 1;
        ended.push(item);
        return "ended";
      },
    });
    await clock.advance(100);
    await done;
    expect([most, ended]).toEqual([2, [1, 2, 3, 4, 5]]);
  });

  it("lets others go first while one is away", async () => {
    const clock = manualClock();
    const taken: string[] = [];
    const done = workThrough(["late", "b", "c"], {
      open: 1,
      clock,
      async work(item): Promise<Turn> {
        taken.push(item);
        return item === "late" && taken.length === 1 ? { afterMs: 50 } : "ended";
      },
    });
    await clock.advance(49);
    expect(taken).toEqual(["late", "b", "c"]);
    await clock.advance(1);
    await done;
    expect(taken).toEqual(["late", "b", "c", "late"]);
  });

  it("ends at once where there is nothing to do", async () => {
    await expect(workThrough([], { open: 1, clock: manualClock(), work: async () => "ended" })).resolves.toBeUndefined();
  });

  it("rejects with the first error, and starts nothing more", async () => {
    const clock = manualClock();
    const taken: number[] = [];
    const done = workThrough([1, 2, 3], {
      open: 1,
      clock,
      async work(item) {
        taken.push(item);
        if (item === 2) throw new Error("the job itself is wrong");
        return "ended";
      },
    });
    await expect(done).rejects.toThrow("the job itself is wrong");
    expect(taken).toEqual([1, 2]);
  });
});
