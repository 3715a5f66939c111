/**
 * Matches text against a pattern in which `*` stands for any text; case does not count. Every fixed part is searched once,
 * left to right, so no pattern and no input can make it slow (a regular expression could).
 */
export function globMatcher(pattern: string, extent: "whole" | "part"): (text: string) => boolean {
  const parts = pattern.toLowerCase().split("*");
  if (extent === "part") return (text) => inOrder(text.toLowerCase(), parts);
  const [first = "", ...rest] = parts;
  const last = rest.pop();
  if (last === undefined) return (text) => text.toLowerCase() === first;
  return (text) => {
    const lower = text.toLowerCase();
    if (lower.length < first.length + last.length || !lower.startsWith(first) || !lower.endsWith(last)) return false;
    return inOrder(lower.slice(first.length, lower.length - last.length), rest);
  };
}

function inOrder(text: string, parts: readonly string[]): boolean {
  let position = 0;
  for (const part of parts) {
    const found = text.indexOf(part, position);
    if (found < 0) return false;
    position = found + part.length;
  }
  return true;
}
