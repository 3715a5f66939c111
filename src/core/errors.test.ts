import { describe, expect, it } from "vitest";
import * as errors from "./errors.ts";
import { errorRegistry, HoldfastError, isHoldfastError, type ErrorCode } from "./errors.ts";

const made: Readonly<Record<ErrorCode, HoldfastError>> = {
  config: new errors.ConfigError({ path: "retry.maxAttempts", message: "wrong" }),
  timeout: new errors.TimeoutError(250),
  deadline: new errors.DeadlineError("over"),
  "circuit-open": new errors.CircuitOpenError("crm GET /", 1_500.2, "60 % failed"),
  "rate-limited": new errors.RateLimitedError("later", 20),
  "queue-full": new errors.QueueFullError("full", 1_000),
  credential: new errors.CredentialError("the token endpoint is down"),
  "idempotency-key-missing": new errors.IdempotencyKeyMissingError("no key"),
  "idempotency-mismatch": new errors.IdempotencyMismatchError('a"b'),
  "idempotency-in-flight": new errors.IdempotencyInFlightError("k", 12.5),
  "outcome-unknown": new errors.OutcomeUnknownError("k"),
  "operation-failed": new errors.OperationFailedError("01a2", "dead", { code: "attempts-exhausted" }),
  "body-not-replayable": new errors.BodyNotReplayableError("a stream"),
  "unknown-api": new errors.UnknownApiError("cmr", ["crm"]),
  "not-found": new errors.NotFoundError("gone"),
  store: new errors.StoreError("disk full", { cause: new Error("ENOSPC") }),
  closed: new errors.ClosedError(),
};

describe("errors of ours", () => {
  it.each(Object.entries(made))("carry what the registry says of %s", (code, error) => {
    const entry = errorRegistry[code as ErrorCode];
    expect(error).toMatchObject({ code, name: entry.class, retryable: entry.retryable });
    expect(error.constructor.name).toBe(entry.class);
    expect(error).toBeInstanceOf(HoldfastError);
    expect(error).toBeInstanceOf(Error);
    expect(error.stack).toContain(entry.class);
    expect(isHoldfastError(error)).toBe(true);
    expect(isHoldfastError(error, code as ErrorCode)).toBe(true);
    expect(isHoldfastError(error, code === "config" ? "store" : "config")).toBe(false);
  });

  it("are all in the registry, and it names no class that does not exist", () => {
    const classes = Object.entries(errors).filter(([, value]) => typeof value === "function" && value.prototype instanceof HoldfastError);
    expect(classes.map(([name]) => name).sort()).toEqual(
      Object.values(errorRegistry)
        .map((entry) => entry.class)
        .sort(),
    );
  });

  it("tell when it is worth trying again, in whole milliseconds for people", () => {
    expect(made["circuit-open"]).toMatchObject({ retryAfterMs: 1_500.2, because: { code: "breaker-open", retryAfterMs: 1_500.2 } });
    expect(made["circuit-open"].message).toContain("Try again in 1501 ms");
    expect(made["idempotency-in-flight"].message).toContain("ask again in 13 ms");
  });

  it("keep a cause where there is one, and have none where there is not", () => {
    expect(made.store.cause).toMatchObject({ message: "ENOSPC" });
    expect(Object.hasOwn(made.deadline, "cause")).toBe(false);
  });

  it("are not confused with what merely looks like them", () => {
    expect(isHoldfastError(Object.assign(new Error("x"), { code: "timeout", name: "TimeoutError" }))).toBe(false);
    expect(isHoldfastError(undefined)).toBe(false);
  });

  it("name the choices to somebody who mistyped one", () => {
    expect(made["unknown-api"].message).toContain('there is no API named "cmr"; defined are: crm');
    expect(new errors.UnknownApiError("x", []).message).toContain("defined are: none");
  });
});
