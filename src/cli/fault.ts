import { CommanderError } from "commander";
import { isHoldfastError, type ErrorCode } from "../core/errors.ts";
import { DeniedError, RefusedError, UnreachableError } from "./desk/faults.ts";
import { exitCodes, type ExitName } from "./exit-codes.ts";

/** Errors with an exit code of their own; all others of ours end as `failed`. */
const EXITS: Readonly<Partial<Record<ErrorCode, ExitName>>> = {
  config: "usage",
  "unknown-api": "usage",
  "not-found": "notFound",
  store: "store",
};

/** How a command that threw ends: its exit code, and the line that says why. */
export function faultOf(error: unknown): { readonly code: number; readonly line: string | undefined } {
  // Commander has printed its own message; help and version are no faults.
  if (error instanceof CommanderError) return { code: error.exitCode === 0 ? 0 : exitCodes.usage.code, line: undefined };
  const line = error instanceof Error ? error.message : String(error);
  if (isHoldfastError(error)) return { code: exitCodes[EXITS[error.code] ?? "failed"].code, line };
  if (error instanceof UnreachableError) return { code: exitCodes.unreachable.code, line };
  if (error instanceof DeniedError) return { code: exitCodes.denied.code, line };
  if (error instanceof RefusedError) return { code: exitCodes.failed.code, line };
  return { code: exitCodes.crashed.code, line: `${line} (this is a fault of Holdfast's own; --debug shows where)` };
}
