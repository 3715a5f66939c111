import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Clock, TimerHandle } from "../ports/clock.ts";
import { manualClock, type ManualClock } from "../testing/manual-clock.ts";
import { Deadline, DeadlineTimers } from "./deadline-timers.ts";

class Timed extends Deadline {
  readonly name: string;
  readonly #log: string[];
  readonly #clock: Clock;
  readonly #then: (() => void) | undefined;

  constructor(name: string, log: string[], clock: Clock, then?: () => void) {
    super();
    this.name = name;
    this.#log = log;
    this.#clock = clock;
    this.#then = then;
  }

  onExpired(): void {
    this.#log.push(`${this.name}@${this.#clock.monotonic()}`);
    this.#then?.();
  }
}

function setUp(clock: Clock = manualClock()): {
  clock: Clock;
  timers: DeadlineTimers;
  log: string[];
  start(name: string, ms: number, then?: () => void): Timed;
} {
  const timers = new DeadlineTimers(clock);
  const log: string[] = [];
  const start = (name: string, ms: number, then?: () => void): Timed => {
    const deadline = new Timed(name, log, clock, then);
    timers.start(deadline, ms, clock.monotonic());
    return deadline;
  };
  return { clock, timers, log, start };
}

/** A clock that says which of its timers hold the process alive. */
function holdingClock(): { clock: Clock & ManualClock; holding: () => number; set: () => number } {
  const manual = manualClock();
  const held = new Map<TimerHandle, boolean>();
  let set = 0;
  const clock: Clock & ManualClock = Object.create(manual, {
    setTimer: {
      value: (callback: () => void, ms: number) => {
        const handle = manual.setTimer(() => {
          held.delete(handle);
          callback();
        }, ms);
        held.set(handle, true);
        set += 1;
        return handle;
      },
    },
    clearTimer: {
      value: (handle: TimerHandle) => {
        held.delete(handle);
        manual.clearTimer(handle);
      },
    },
    hold: { value: (handle: TimerHandle, alive: boolean) => held.has(handle) && held.set(handle, alive) },
  }) as Clock & ManualClock;
  return { clock, holding: () => [...held.values()].filter(Boolean).length, set: () => set };
}

describe("shared deadlines", () => {
  it("end in their order, each at its time", async () => {
    const { clock, log, start } = setUp();
    start("b", 100);
    start("a", 50);
    await (clock as ManualClock).advance(10);
    start("c", 100);
    start("d", 40);
    await (clock as ManualClock).advance(1_000);
    expect(log).toEqual(["a@50", "d@50", "b@100", "c@110"]);
  });

  it("do not end once they are stopped, first, last or in between", async () => {
    const { clock, timers, log, start } = setUp();
    const all = ["a", "b", "c", "d", "e"].map((name) => start(name, 100));
    for (const index of [0, 4, 2]) timers.stop(all[index]!);
    await (clock as ManualClock).advance(100);
    expect(log).toEqual(["b@100", "d@100"]);
    for (const one of all) timers.stop(one);
  });

  it("need one timer for all of a length, and none when all have ended", async () => {
    const clock = manualClock();
    const { timers, start } = setUp(clock);
    const all = Array.from({ length: 1_000 }, (_, index) => start(`${index}`, 30_000));
    expect(clock.pending).toBe(1);
    for (const one of all) timers.stop(one);
    expect(clock.pending).toBe(0);
  });

  it("share a timer though what is left of a total is another fraction at each call", () => {
    const clock = manualClock();
    const { start } = setUp(clock);
    for (let call = 0; call < 100; call += 1) start(`${call}`, 10_000 - call / 1_000);
    for (let call = 0; call < 100; call += 1) start(`${call}`, 123_456.789 + 10_000 - 123_456.789);
    expect(clock.pending).toBe(1);
  });

  it("never end before their time, and less than a millisecond after it", async () => {
    const { clock, log, start } = setUp();
    start("a", 10.25);
    start("b", 10_000.000_000_1);
    await (clock as ManualClock).advance(20_000);
    expect(log).toEqual(["a@11", "b@10000"]);
  });

  it("of no time end at once, of an endless one never", async () => {
    const { clock, log, start } = setUp();
    start("never", Number.POSITIVE_INFINITY);
    start("past", -5);
    start("now", 0);
    expect((clock as ManualClock).pending).toBe(1);
    await (clock as ManualClock).advance(0);
    expect(log).toEqual(["past@0", "now@0"]);
  });

  it("longer than a timer can hold end at their own time", async () => {
    const { clock, log, start } = setUp();
    const month = 30 * 86_400_000;
    start("month", month);
    await (clock as ManualClock).advance(month - 1);
    expect(log).toEqual([]);
    await (clock as ManualClock).advance(1);
    expect(log).toEqual([`month@${month}`]);
  });

  it("may start and stop others when they end, also the last of their length", async () => {
    const { clock, timers, log, start } = setUp();
    const others: Timed[] = [];
    start("a", 10, () => {
      for (const other of others) timers.stop(other);
      start("again", 10);
    });
    others.push(start("b", 10), start("c", 10));
    await (clock as ManualClock).advance(100);
    expect(log).toEqual(["a@10", "again@20"]);
    start("later", 10);
    await (clock as ManualClock).advance(10);
    expect(log.at(-1)).toBe("later@110");
    expect((clock as ManualClock).pending).toBe(0);
  });

  it("that fail when they end do not keep the rest from ending", async () => {
    const { clock, log, start } = setUp();
    start("a", 10, () => {
      throw new Error("a listener's fault");
    });
    start("b", 10);
    await expect((clock as ManualClock).advance(10)).rejects.toThrow("a listener's fault");
    await (clock as ManualClock).advance(10);
    expect(log).toEqual(["a@10", "b@10"]);
  });

  it("survive a timer that rings early", async () => {
    const manual = manualClock();
    const early: Clock = Object.create(manual, {
      setTimer: { value: (callback: () => void, ms: number) => manual.setTimer(callback, ms > 1 ? ms - 0.5 : ms) },
    }) as Clock;
    const { log, start } = setUp(early);
    start("a", 10);
    await manual.advance(100);
    expect(log).toEqual(["a@10.5"]);
  });

  it("hold the process alive while one runs, and not for long when the last has ended", async () => {
    const { clock, holding, set } = holdingClock();
    const { timers, start } = setUp(clock);
    const first = start("a", 1_000);
    expect(holding()).toBe(1);
    timers.stop(first);
    await clock.advance(10);
    expect(holding()).toBe(0);
    // The timer is kept for the next one, which needs none of its own; the other one was that of the grace.
    const second = start("b", 1_000);
    expect([holding(), set()]).toEqual([1, 2]);
    timers.stop(second);
    await clock.advance(10);
    expect(holding()).toBe(0);
  });

  it("that come within the grace take the hold over, and keep it beyond", async () => {
    const { clock, holding } = holdingClock();
    const { timers, start } = setUp(clock);
    timers.stop(start("a", 1_000));
    await clock.advance(5);
    const second = start("b", 1_000);
    await clock.advance(500);
    expect(holding()).toBe(1);
    timers.stop(second);
    await clock.advance(10);
    expect(holding()).toBe(0);
  });

  it("that come to a kept timer late are given their full time", async () => {
    const { clock } = holdingClock();
    const { timers, log, start } = setUp(clock);
    timers.stop(start("a", 1_000));
    await clock.advance(999);
    start("b", 1_000);
    await clock.advance(5_000);
    expect(log).toEqual(["b@1999"]);
    expect(clock.pending).toBe(0);
  });

  it("leave few timers behind, however many lengths there were", () => {
    const { clock } = holdingClock();
    const { timers, start } = setUp(clock);
    for (let length = 1; length <= 1_000; length += 1) timers.stop(start("x", length));
    expect(clock.pending).toBeLessThanOrEqual(66);
  });

  it("end as separate timers would, for any starts and stops", async () => {
    const step = fc.oneof(
      fc.record({ do: fc.constant("start" as const), ms: fc.constantFrom(0, 5, 5, 5, 20, 50) }),
      fc.record({ do: fc.constant("stop" as const), which: fc.nat() }),
      fc.record({ do: fc.constant("wait" as const), ms: fc.nat({ max: 15 }) }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 25 }), fc.boolean(), async (steps, holds) => {
        const clock = holds ? holdingClock().clock : manualClock();
        const { timers, log, start } = setUp(clock);
        const started: Timed[] = [];
        const expected = new Map<string, number>();
        for (const one of steps) {
          if (one.do === "start") {
            expected.set(`${started.length}`, clock.monotonic() + one.ms);
            started.push(start(`${started.length}`, one.ms));
          } else if (one.do === "wait") {
            await clock.advance(one.ms);
          } else if (started.length > 0) {
            const stopped = started[one.which % started.length]!;
            if ((expected.get(stopped.name) ?? -1) > clock.monotonic() || !log.some((entry) => entry.startsWith(`${stopped.name}@`))) {
              expected.delete(stopped.name);
            }
            timers.stop(stopped);
          }
        }
        await clock.advance(100);
        expect([...log].sort()).toEqual([...expected].map(([name, at]) => `${name}@${at}`).sort());
        expect(clock.pending).toBe(0);
      }),
      { numRuns: 60 },
    );
  });
});
