/** A wrong value as it is named in an error text: short, on one line, and never itself the cause of an error. */
export function shown(value: unknown): string {
  let text: string | undefined;
  try {
    text = typeof value === "string" || (typeof value === "object" && value !== null) ? JSON.stringify(value) : String(value);
  } catch {
    // A cycle, a BigInt inside, a toJSON that throws.
  }
  text ??= Object.prototype.toString.call(value);
  return text.length > LONGEST ? `${text.slice(0, LONGEST)}…` : text;
}

const LONGEST = 80;
