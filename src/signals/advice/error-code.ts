import { valueAt } from "../../core/json-path.ts";

/** Where APIs put the code of an error, the most telling first. */
const PLACES = [
  "error.code",
  "code",
  "errorCode",
  "error_code",
  "errors.0.code",
  "error.type",
  "error.status",
  "error",
  "category",
  "type",
].map((path) => path.split("."));
/** A word, and no sentence, number or id. */
const CODE = /^[A-Za-z][A-Za-z_.-]{2,63}$/;

/** The other side's own code for a failure, in the beginning of a JSON body; undefined where it has none. */
export function errorCodeIn(body: string | undefined): string | undefined {
  if (body === undefined || !/^\s*[{[]/.test(body)) return undefined;
  let json: unknown;
  try {
    json = JSON.parse(body);
  } catch {
    return undefined;
  }
  for (const place of PLACES) {
    const value = valueAt(json, place);
    if (typeof value === "string" && CODE.test(value)) return value;
  }
  return undefined;
}
