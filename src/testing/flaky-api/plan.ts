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
      return { ...fault, answer: inOnePiece(answer) };
    case "malformed":
      return { type: "answer", answer: halved(inOnePiece(answer)) };
    case "empty":
      return { type: "answer", answer: { ...inOnePiece(answer), body: "" } };
    case "cut": {
      const whole = inOnePiece(answer);
      return { type: "cut", answer: whole, bytes: fault.bytes ?? Buffer.byteLength(halved(whole).body) };
    }
  }
}

/** The same answer with its stream, if it has one, as a body: so that what is done to bodies is done to it too. */
function inOnePiece({ status, headers, body, stream }: Answer): Answer {
  return { status, headers, body: stream === undefined ? body : stream.events.join("") };
}

function halved(answer: Answer): Answer {
  return { ...answer, body: answer.body.slice(0, Math.floor(answer.body.length / 2)) };
}
