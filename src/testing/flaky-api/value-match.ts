import { readBoolean, readObject, refuse } from "../reading.ts";

/** Whether a value of a request meets a condition. */
export type ValueMatch = (value: unknown) => boolean;

export function readMatch(value: unknown, path: string): ValueMatch {
  if (Array.isArray(value)) {
    const choices = value.map((choice, index) => readScalar(choice, `${path}[${index}]`));
    if (choices.length === 0) refuse(path, value, "an empty list matches nothing");
    return (actual) => choices.some((choice) => choice(actual));
  }
  if (typeof value !== "object" || value === null) return readScalar(value, path);

  const fields = readObject(value, path, ["exists", "not"]);
  if (Object.keys(fields).length !== 1) refuse(path, value, "it must have exactly one of exists, not");
  if (fields["exists"] !== undefined) {
    const wanted = readBoolean(fields["exists"], `${path}.exists`);
    return (actual) => (actual !== undefined) === wanted;
  }
  const inner = readMatch(fields["not"], `${path}.not`);
  return (actual) => !inner(actual);
}

function readScalar(value: unknown, path: string): ValueMatch {
  if (typeof value === "string") return value.includes("*") ? globMatch(value) : (actual) => actual === value;
  if (value === null) return (actual) => actual === null;
  if (typeof value === "number" || typeof value === "boolean") {
    const text = String(value);
    return (actual) => actual === value || actual === text;
  }
  return refuse(path, value, 'it must be a text, a number, true, false, null, a list of them, { "exists": … } or { "not": … }');
}

/**
 * `*` stands for any run of characters. The pieces between the stars are searched from left to right, each once, so that
 * the time is linear whatever the text; a regular expression would promise no such thing.
 */
function globMatch(glob: string): ValueMatch {
  const pieces = glob.split("*");
  const first = pieces[0] as string;
  const last = pieces.at(-1) as string;
  const middle = pieces.slice(1, -1);
  return (actual) => {
    if (typeof actual !== "string" || actual.length < first.length + last.length) return false;
    if (!actual.startsWith(first) || !actual.endsWith(last)) return false;
    const end = actual.length - last.length;
    let from = first.length;
    for (const piece of middle) {
      const at = actual.indexOf(piece, from);
      if (at === -1 || at + piece.length > end) return false;
      from = at + piece.length;
    }
    return true;
  };
}
