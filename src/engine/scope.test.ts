import { expect, it } from "vitest";
import { retriesAllowed, spendRetry, type Scope } from "./scope.ts";

const scope = (retriesLeft: number, parent?: Scope): Scope => ({ cutAt: Number.POSITIVE_INFINITY, retriesLeft, parent });

it("allows as many retries as the least of all scopes around, and takes one from each", () => {
  const outer = scope(2);
  const middle = scope(9, outer);
  const inner = scope(5, middle);
  expect([retriesAllowed(inner), retriesAllowed(outer), retriesAllowed(undefined)]).toEqual([2, 2, Number.POSITIVE_INFINITY]);
  spendRetry(inner);
  expect([inner.retriesLeft, middle.retriesLeft, outer.retriesLeft]).toEqual([4, 8, 1]);
  spendRetry(middle);
  expect([retriesAllowed(inner), inner.retriesLeft]).toEqual([0, 4]);
});
