import { compileExpression } from "./expression.ts";
import type { Expression, Readable } from "./expression.ts";
import { join, optional, readBoolean, readObject, readOneOf, readText, refuse } from "../reading.ts";
import type { ReadTime } from "./script-time.ts";

/** How an endpoint treats a request that it may have seen before; see `KeyScript`. */
export type Key =
  | { readonly type: "blind" }
  | {
      readonly type: "header";
      /** In small letters. */
      readonly header: string;
      readonly required: boolean;
      readonly ttlMs: number;
      readonly replayedHeader: string;
    }
  | { readonly type: "natural"; readonly read: Expression; readonly repeat: "answer" | "update" | "conflict" };

export const BLIND: Key = { type: "blind" };

export function readKey(value: unknown, path: string, readable: Readable, time: ReadTime): Key {
  if (value === "blind") return BLIND;
  const { header, natural } = readObject(value, path, ["header", "required", "ttl", "replayedHeader", "natural", "repeat"]);
  if ((header === undefined) === (natural === undefined)) refuse(path, value, 'it must be "blind", or have one of header, natural');
  return header === undefined ? readNaturalKey(value, path, readable) : readHeaderKey(value, path, time);
}

function readHeaderKey(value: unknown, path: string, time: ReadTime): Key {
  const { header, required, ttl, replayedHeader } = readObject(value, path, ["header", "required", "ttl", "replayedHeader"]);
  return {
    type: "header",
    header: readText(header, join(path, "header")).toLowerCase(),
    required: optional(required, join(path, "required"), readBoolean) ?? false,
    ttlMs: optional(ttl, join(path, "ttl"), time) ?? Infinity,
    replayedHeader: optional(replayedHeader, join(path, "replayedHeader"), readText) ?? "Idempotency-Replayed",
  };
}

function readNaturalKey(value: unknown, path: string, readable: Readable): Key {
  const { natural, repeat } = readObject(value, path, ["natural", "repeat"]);
  return {
    type: "natural",
    read: compileExpression(readText(natural, join(path, "natural")), join(path, "natural"), readable),
    repeat:
      optional(repeat, join(path, "repeat"), (repeat, at) => readOneOf(repeat, at, ["answer", "update", "conflict"] as const)) ?? "answer",
  };
}
