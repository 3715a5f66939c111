import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Waiter, WaitQueue } from "./wait-queue.ts";

const waiter = (call: number, leave: (one: Waiter<number>) => void = () => undefined): Waiter<number> =>
  new Waiter(call, 0, { resolve: () => undefined, reject: () => undefined }, leave);

describe("a queue of waiters", () => {
  it("keeps those who stay in the order in which they came, whoever leaves", () => {
    fc.assert(
      fc.property(fc.array(fc.option(fc.nat({ max: 30 })), { maxLength: 80 }), (steps) => {
        const queue = new WaitQueue<number>();
        const all: Waiter<number>[] = [];
        let model: number[] = [];
        const known: boolean[] = [];
        for (const leaves of steps) {
          if (leaves === null) {
            all.push(waiter(all.length));
            queue.push(all.at(-1)!);
            model.push(all.length - 1);
          } else if (leaves < all.length) {
            known.push(queue.remove(all[leaves]!) === model.includes(leaves));
            model = model.filter((one) => one !== leaves);
          }
          expect([queue.length, queue.head?.call]).toEqual([model.length, model[0]]);
        }
        const order: number[] = [];
        for (let { head } = queue; head !== undefined; { head } = queue) {
          order.push(head.call);
          queue.remove(head);
        }
        expect([order, known.every(Boolean)]).toEqual([model, true]);
      }),
    );
  });

  it("passes an abort on to whoever looks after the queue", () => {
    const left: unknown[] = [];
    const one = new Waiter(7, 0, { resolve: () => undefined, reject: () => undefined }, ({ call }, reason) => left.push(call, reason));
    one.onAborted("gone");
    expect(left).toEqual([7, "gone"]);
  });
});
