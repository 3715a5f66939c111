import { ANSWER_KEYS, compileAnswer } from "./answer.ts";
import type { AnswerWriter } from "./answer.ts";
import type { Readable } from "./expression.ts";
import { join, optional, readBoolean, readNumber, readObject, readOneOf, readTrue, refuse } from "../reading.ts";
import { readRetryAfter } from "./retry-after.ts";
import type { RetryAfterWriter } from "./retry-after.ts";
import { readDelay } from "./script-time.ts";
import type { DelayRange, ReadTime } from "./script-time.ts";

/** What a rule does to a request. */
export interface Fault {
  /** Whether the endpoint does its work. */
  readonly performs: boolean;
  readonly delay?: DelayRange;
  readonly ending: FaultEnding;
  /** An answer in place of the endpoint's. */
  readonly answer?: AnswerWriter;
  readonly retryAfter?: RetryAfterWriter;
}

/** How the exchange ends on the wire. */
export type FaultEnding =
  | { readonly type: "whole" }
  | { readonly type: "reset" }
  | { readonly type: "hang"; readonly forMs?: number }
  | { readonly type: "cut"; readonly bytes?: number }
  | { readonly type: "malformed" }
  | { readonly type: "empty" }
  | { readonly type: "dribble"; readonly bytes: number; readonly everyMs: number };

const ENDINGS = ["reset", "hang", "cut", "malformed", "empty", "dribble"] as const;
const KEYS = [...ANSWER_KEYS, ...ENDINGS, "pass", "retryAfter", "effect", "delay"];

export function readFault(value: unknown, path: string, readable: Readable, time: ReadTime): Fault {
  const fields = readObject(value, path, KEYS);
  if (Object.keys(fields).length === 0) refuse(path, value, 'say what goes wrong, or { "pass": true }');
  if (optional(fields["pass"], join(path, "pass"), readTrue) && Object.keys(fields).length > 1) {
    refuse(path, value, "pass stands alone: with it nothing goes wrong");
  }
  const ending = readEnding(fields, path, time);
  const answers = ANSWER_KEYS.some((key) => fields[key] !== undefined);
  if (answers && (ending.type === "reset" || ending.type === "hang")) refuse(path, value, `with ${ending.type} nobody sees an answer`);
  if (fields["retryAfter"] !== undefined && !answers) {
    refuse(join(path, "retryAfter"), fields["retryAfter"], "it needs an answer to stand in, such as status: 503");
  }

  const delay = optional(fields["delay"], join(path, "delay"), (delay, at) => readDelay(delay, at, time));
  const retryAfter = optional(fields["retryAfter"], join(path, "retryAfter"), (hint, at) => readRetryAfter(hint, at, time));
  return {
    performs: readPerforms(fields, path, ending, answers),
    ending,
    ...(delay === undefined ? {} : { delay }),
    ...(retryAfter === undefined ? {} : { retryAfter }),
    ...(answers ? { answer: compileAnswer(fields, path, { status: 200, readable, time }) } : {}),
  };
}

function readEnding(fields: Readonly<Record<string, unknown>>, path: string, time: ReadTime): FaultEnding {
  const named = ENDINGS.filter((key) => fields[key] !== undefined);
  if (named.length > 1) refuse(path, named, "an exchange ends in one way");
  const [name] = named;
  if (name === undefined) return { type: "whole" };
  const value = fields[name];
  const at = join(path, name);
  switch (name) {
    case "reset":
      readOneOf(value, at, ["before", "after"]);
      return { type: "reset" };
    case "hang":
      return value === true ? { type: "hang" } : { type: "hang", forMs: time(value, at) };
    case "cut":
      return value === true ? { type: "cut" } : { type: "cut", bytes: readNumber(value, at, { min: 0, integer: true }) };
    case "malformed":
    case "empty":
      readTrue(value, at);
      return { type: name };
    case "dribble": {
      const { bytes, every } = readObject(value, at, ["bytes", "every"]);
      return {
        type: "dribble",
        bytes: readNumber(bytes, join(at, "bytes"), { min: 1, integer: true }),
        everyMs: time(every, join(at, "every")),
      };
    }
  }
}

/** What the script says of the effect, or what follows from the rest; a combination that cannot be told is refused. */
function readPerforms(fields: Readonly<Record<string, unknown>>, path: string, ending: FaultEnding, answers: boolean): boolean {
  const said = optional(fields["effect"], join(path, "effect"), readBoolean);
  if (ending.type === "reset") {
    if (said !== undefined) refuse(join(path, "effect"), said, 'reset says it already: "before" or "after" the effect');
    return fields["reset"] === "after";
  }
  if (ending.type === "hang") return said ?? false;
  if (!answers) {
    if (said === false) {
      refuse(join(path, "effect"), said, "the endpoint's own answer tells of an effect; give an answer (status, json or text)");
    }
    return true;
  }
  return said ?? (typeof fields["status"] !== "number" || fields["status"] < 300);
}
