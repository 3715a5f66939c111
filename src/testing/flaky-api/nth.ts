import { readNumber, readObject, refuse } from "../reading.ts";

/** Whether a request's number, counted from 1, is one of those meant. */
export type Nth = (number: number) => boolean;

const COUNT = { min: 1, integer: true };

export function readNth(value: unknown, path: string): Nth {
  if (Array.isArray(value)) {
    if (value.length === 0) refuse(path, value, "an empty list means no request");
    const numbers = new Set(value.map((number, index) => readNumber(number, `${path}[${index}]`, COUNT)));
    return (number) => numbers.has(number);
  }
  if (typeof value !== "object" || value === null) {
    const only = readNumber(value, path, COUNT);
    return (number) => number === only;
  }
  const { from, to, every } = readObject(value, path, ["from", "to", "every"]);
  if (every !== undefined) {
    if (from !== undefined || to !== undefined) refuse(path, value, "it has either every, or from and to");
    const step = readNumber(every, `${path}.every`, COUNT);
    return (number) => number % step === 0;
  }
  const first = readNumber(from, `${path}.from`, COUNT);
  const last = to === undefined ? Infinity : readNumber(to, `${path}.to`, { min: first, integer: true });
  return (number) => number >= first && number <= last;
}
