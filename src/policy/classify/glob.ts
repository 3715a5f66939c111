import { ConfigError } from "../../core/errors.ts";

/**
 * Matches text against a pattern in which `*` stands for any text; case does not count. Every fixed part is searched once,
 * left to right, so no pattern and no input can make it slow (a regular expression could).
 */
export function globMatcher(pattern: string, extent: "whole" | "part"): (text: string) => boolean {
  if (typeof pattern !== "string") {
    throw new ConfigError({ path: "classify", message: `${String(pattern)} is not a text; regular expressions are refused, because one can block the process: use * for any text` });
  }
  const parts = pattern.toLowerCase().split("*");
  const first = parts[0] ?? "";
  const last = parts.at(-1) ?? "";
  if (extent === "part" || parts.length === 1) {
    return extent === "part" ? (text) => inOrder(text.toLowerCase(), parts, 0) : (text) => text.toLowerCase() === first;
  }
  return (text) => {
    const lower = text.toLowerCase();
    if (lower.length < first.length + last.length || !lower.startsWith(first) || !lower.endsWith(last)) return false;
    return inOrder(lower.slice(first.length, lower.length - last.length), parts.slice(1, -1), 0);
  };
}

function inOrder(text: string, parts: readonly string[], from: number): boolean {
  let position = from;
  for (const part of parts) {
    const found = text.indexOf(part, position);
    if (found < 0) return false;
    position = found + part.length;
  }
  return true;
}
