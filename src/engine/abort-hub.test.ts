import { getEventListeners } from "node:events";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { AbortListener } from "../ports/leaving.ts";
import { AbortHub } from "./abort-hub.ts";

const listening = (signal: AbortSignal): number => getEventListeners(signal, "abort").length;

/** Remembers what it was told. */
class Told implements AbortListener {
  readonly reasons: unknown[] = [];
  onAborted(reason: unknown): void {
    this.reasons.push(reason);
  }
}

describe("calls that share a signal", () => {
  it("are all told once when it aborts, with its reason", () => {
    const hub = new AbortHub();
    const controller = new AbortController();
    const calls = Array.from({ length: 100 }, () => new Told());
    for (const call of calls) hub.add(controller.signal, call);
    expect(listening(controller.signal)).toBe(1);
    const reason = new Error("enough");
    controller.abort(reason);
    expect(calls.every((call) => call.reasons.length === 1 && call.reasons[0] === reason)).toBe(true);
    expect(listening(controller.signal)).toBe(0);
  });

  it("are not told any more once they have ended", () => {
    const hub = new AbortHub();
    const controller = new AbortController();
    const [stays, leaves] = [new Told(), new Told()];
    hub.add(controller.signal, stays);
    hub.add(controller.signal, leaves);
    hub.remove(controller.signal, leaves);
    controller.abort();
    expect([stays.reasons.length, leaves.reasons.length]).toEqual([1, 0]);
  });

  it("are told at once when it has aborted already", () => {
    const hub = new AbortHub();
    const late = new Told();
    hub.add(AbortSignal.abort("gone"), late);
    expect(late.reasons).toEqual(["gone"]);
  });

  it("may end one another while they are told", () => {
    const hub = new AbortHub();
    const controller = new AbortController();
    const second = new Told();
    const first: AbortListener = { onAborted: () => hub.remove(controller.signal, second) };
    hub.add(controller.signal, first);
    hub.add(controller.signal, second);
    controller.abort();
    expect(second.reasons).toEqual([]);
  });

  it("may begin while others are told", () => {
    const hub = new AbortHub();
    const controller = new AbortController();
    const late = new Told();
    hub.add(controller.signal, { onAborted: () => hub.add(controller.signal, late) });
    controller.abort("gone");
    expect(late.reasons).toEqual(["gone"]);
  });

  it("leave no listener behind on more than a few signals, however many there were", () => {
    const hub = new AbortHub();
    const signals = Array.from({ length: 1_000 }, () => new AbortController().signal);
    for (const signal of signals) {
      const call = new Told();
      hub.add(signal, call);
      hub.remove(signal, call);
    }
    expect(signals.filter((signal) => listening(signal) > 0).length).toBe(64);
    const again = new Told();
    hub.add(signals[999]!, again);
    expect(listening(signals[999]!)).toBe(1);
    hub.remove(signals[999]!, again);
    expect(listening(signals[999]!)).toBe(0);
  });

  it("keep one that is in use, whatever else comes and goes", () => {
    const hub = new AbortHub();
    const controller = new AbortController();
    const call = new Told();
    hub.add(controller.signal, call);
    hub.remove(controller.signal, call);
    hub.add(controller.signal, call);
    for (let other = 0; other < 200; other += 1) {
      const { signal } = new AbortController();
      hub.add(signal, new Told());
      const done = new Told();
      hub.add(signal, done);
      hub.remove(signal, done);
    }
    controller.abort("now");
    expect(call.reasons).toEqual(["now"]);
  });

  it("are told exactly when they wait, over any coming and going", () => {
    const step = fc.record({
      do: fc.constantFrom("add", "add", "remove", "remove", "abort"),
      signal: fc.nat({ max: 2 }),
      call: fc.nat({ max: 3 }),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const hub = new AbortHub();
        const controllers = Array.from({ length: 3 }, () => new AbortController());
        const calls = Array.from({ length: 12 }, () => new Told());
        const expected = calls.map(() => 0);
        const waits = new Set<number>();
        for (const { do: action, signal, call } of steps) {
          const {
            signal: on,
            signal: { aborted },
          } = controllers[signal]!;
          const id = signal * 4 + call;
          if (action === "add" && aborted) expected[id]! += 1;
          if (action === "add") hub.add(on, calls[id]!);
          if (action === "add" && !aborted) waits.add(id);
          if (action === "remove") hub.remove(on, calls[id]!);
          if (action === "remove") waits.delete(id);
          if (action !== "abort") continue;
          for (const waiting of [...waits].filter((one) => Math.floor(one / 4) === signal)) {
            expected[waiting]! += 1;
            waits.delete(waiting);
          }
          controllers[signal]!.abort();
        }
        expect(calls.map(({ reasons }) => reasons.length)).toEqual(expected);
      }),
    );
  });
});
