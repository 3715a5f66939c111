import { durationMs } from "../../core/duration.ts";
import type { Duration } from "../../core/duration.ts";
import { join, optional, readList, readNumber, readObject, readOneOf, readRecord, readText, refuse } from "../reading.ts";
import type { ChaosFault, ChaosStatus } from "./chaos-options.ts";

/** A fault that was checked, ready to be put into calls. */
export interface FaultPlan {
  readonly fault: ChaosFault;
  /** Where it stands in the options. */
  readonly path: string;
  /** Shown in counts and events. */
  readonly name: string;
  readonly does:
    | { readonly type: "error"; readonly code: string; readonly at: "before" | "after" }
    | { readonly type: "delay"; readonly fromMs: number; readonly toMs: number }
    | { readonly type: "status"; readonly answer: ChaosStatus; readonly at: "before" | "after" }
    | { readonly type: "cut-body" };
}

/** Faults of the way there: with them no call can have happened. */
const NEVER_AFTER = ["ECONNREFUSED", "ENOTFOUND", "EAI_AGAIN", "EHOSTUNREACH", "ENETUNREACH", "UND_ERR_CONNECT_TIMEOUT"];

export function readFaults(value: unknown, path: string): readonly FaultPlan[] {
  const faults = readList(value, path);
  if (faults.length === 0) refuse(path, value, "it needs at least one fault");
  return faults.map((fault, index) => readFault(fault, `${path}[${index}]`));
}

/** Whether a fault means something only where there is an answer with a body: in `fetch`. */
export function needsFetch({ does }: FaultPlan): boolean {
  return does.type === "status" || does.type === "cut-body";
}

function readFault(value: unknown, path: string): FaultPlan {
  const fields = readRecord(value, path);
  const kinds = (["error", "delay", "status", "reset"] as const).filter((kind) => fields[kind] !== undefined);
  const [kind] = kinds;
  if (kind === undefined || kinds.length > 1) return refuse(path, value, "it must have one of error, delay, status, reset");
  const fault = value as ChaosFault;
  switch (kind) {
    case "error":
      return { fault, path, ...readError(value, path) };
    case "delay":
      return { fault, path, name: "delay", does: readDelay(value, path) };
    case "status":
      return { fault, path, ...readStatus(value, path) };
    case "reset": {
      const { reset } = readObject(value, path, ["reset"]);
      const at = readOneOf(reset, join(path, "reset"), ["before", "after", "body"] as const);
      const does: FaultPlan["does"] = at === "body" ? { type: "cut-body" } : { type: "error", code: "ECONNRESET", at };
      return { fault, path, name: `reset:${at}`, does };
    }
  }
}

function readError(value: unknown, path: string): Pick<FaultPlan, "name" | "does"> {
  const { error, at } = readObject(value, path, ["error", "at"]);
  const code = readText(error, join(path, "error"));
  if (!/^[A-Z][A-Z0-9_]*$/.test(code)) refuse(join(path, "error"), error, 'it must be the code of an error, such as "ECONNRESET"');
  const side = readSide(at, join(path, "at"));
  if (side === "after" && NEVER_AFTER.includes(code)) {
    refuse(join(path, "at"), at, `${code} means that the other side was never reached, so nothing can come before it`);
  }
  return { name: `error:${code}`, does: { type: "error", code, at: side } };
}

function readDelay(value: unknown, path: string): FaultPlan["does"] {
  const { delay } = readObject(value, path, ["delay"]);
  const at = join(path, "delay");
  const [from, to] = Array.isArray(delay) ? (delay as readonly unknown[]) : [delay, delay];
  const fromMs = durationMs(from as Duration, at);
  const toMs = durationMs(to as Duration, at);
  if (toMs < fromMs) refuse(at, delay, "the range ends before it starts");
  return { type: "delay", fromMs, toMs };
}

function readStatus(value: unknown, path: string): Pick<FaultPlan, "name" | "does"> {
  const { status, headers, body, at } = readObject(value, path, ["status", "headers", "body", "at"]);
  const code = readNumber(status, join(path, "status"), { min: 200, max: 599, integer: true });
  const named = optional(headers, join(path, "headers"), readRecord) ?? {};
  for (const [name, text] of Object.entries(named)) readText(text, join(join(path, "headers"), name));
  if (body !== undefined && typeof body !== "string") refuse(join(path, "body"), body, "it must be a text");
  if (body !== undefined && [204, 205, 304].includes(code)) refuse(join(path, "body"), body, `an answer ${code} has no body`);
  return { name: `status:${code}`, does: { type: "status", answer: value as ChaosStatus, at: readSide(at, join(path, "at")) } };
}

function readSide(value: unknown, path: string): "before" | "after" {
  return optional(value, path, (side, at) => readOneOf(side, at, ["before", "after"] as const)) ?? "before";
}
