import { describe, expect, it } from "vitest";
import { faultOf } from "./fault.ts";

const SERVER = [
  ["23505", false],
  ["40001", true],
  ["40P01", true],
  ["53100", true],
  ["57014", true],
  ["P0001", false],
  ["XX000", false],
] as const;

describe("a fault", () => {
  it.each(SERVER)("that the server answered with %s did nothing", (code, retryable) => {
    expect(faultOf({ code, message: "no" })).toEqual({ code, message: "no", effect: "none", retryable, answered: true });
  });

  it.each([
    "57P01",
    "57P02",
    "08006",
    "08P01",
    "40003",
    "ECONNRESET",
    "EPIPE",
    "EBADF",
    "ETIMEDOUT",
    "CONNECTION_CLOSED",
    "CONNECTION_ENDED",
  ])("of the way, such as %s, leaves open what was done", (code) => {
    expect(faultOf({ code, message: "gone" })).toMatchObject({ effect: "unknown", retryable: true, answered: false });
  });

  it.each(["ECONNREFUSED", "ENOTFOUND", "CONNECT_TIMEOUT"])("before there was a connection, such as %s, did nothing", (code) => {
    expect(faultOf({ code, message: "no" })).toMatchObject({ effect: "none", retryable: true, answered: false });
  });

  it("that is nothing of the kind leaves open what was done", () => {
    expect(faultOf(undefined)).toMatchObject({ message: "undefined", effect: "unknown" });
    expect(faultOf(new Error("Connection terminated unexpectedly"))).toMatchObject({ effect: "unknown", retryable: true });
  });
});
