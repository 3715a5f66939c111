import { expectTypeOf, test } from "vitest";
import { isHoldfastError, type ErrorCode, type HoldfastError } from "../../src/core/errors.ts";

test("an unknown value is an error of ours once it is asked", () => {
  const error: unknown = undefined;
  if (isHoldfastError(error)) expectTypeOf(error).toEqualTypeOf<HoldfastError>();
  expectTypeOf(error).toBeUnknown();
});

test("a code that does not exist is refused", () => {
  expectTypeOf(isHoldfastError).parameter(1).toEqualTypeOf<ErrorCode | undefined>();
  // @ts-expect-error there is no such code
  isHoldfastError(undefined, "circuit-opened");
});
