import { CommanderError } from "commander";
import { isHoldfastError } from "../core/errors.ts";
import { exitCodes } from "./exit-codes.ts";

/** How a command that threw ends: its exit code, and the line that says why. */
export function faultOf(error: unknown): { readonly code: number; readonly line: string | undefined } {
  // Commander has printed its own message; help and version are no faults.
  if (error instanceof CommanderError) return { code: error.exitCode === 0 ? 0 : exitCodes.usage.code, line: undefined };
  const line = error instanceof Error ? error.message : String(error);
  if (isHoldfastError(error)) {
    switch (error.code) {
      case "config":
      case "unknown-api":
        return { code: exitCodes.usage.code, line };
      case "not-found":
        return { code: exitCodes.notFound.code, line };
      case "store":
        return { code: exitCodes.store.code, line };
      default:
        return { code: exitCodes.failed.code, line };
    }
  }
  return { code: exitCodes.crashed.code, line: `${line} (this is a fault of Holdfast's own; --debug shows where)` };
}
