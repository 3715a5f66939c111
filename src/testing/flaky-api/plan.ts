import type { Answer } from "./answer.ts";
import type { FaultEnding } from "./fault.ts";

/** What is to happen on the wire. By now the request is settled and stands in the ledger. */
export interface Plan {
  readonly delayMs: number;
  readonly ending: PlanEnding;
  /** Called when the delay is over: the request is no longer being worked on. */
  readonly release?: () => void;
}

export type PlanEnding =
  | { readonly type: "answer"; readonly answer: Answer }
  | { readonly type: "dribble"; readonly answer: Answer; readonly bytes: number; readonly everyMs: number }
  | { readonly type: "cut"; readonly answer: Answer; readonly bytes: number }
  | { readonly type: "reset" }
  | { readonly type: "hang"; readonly forMs?: number };

/** Joins an answer and what a rule does to it. */
export function planEnding(answer: Answer, fault: FaultEnding): PlanEnding {
  switch (fault.type) {
    case "whole":
      return { type: "answer", answer };
    case "reset":
    case "hang":
      return fault;
    case "dribble":
      return { ...fault, answer };
    case "malformed":
      return { type: "answer", answer: { ...answer, body: answer.body.slice(0, half(answer)) } };
    case "empty":
      return { type: "answer", answer: { ...answer, body: "" } };
    case "cut":
      return { type: "cut", answer, bytes: fault.bytes ?? half(answer) };
  }
}

function half(answer: Answer): number {
  return Math.floor(answer.body.length / 2);
}
