import { matchPattern, parsePattern, patternsMeet, splitPath } from "./endpoint-pattern.ts";
import type { EndpointPattern } from "./endpoint-pattern.ts";
import { readTexts, refuse } from "../reading.ts";

/** Reads endpoints that a rule or a limit is for. One that no endpoint of the script can meet is a mistake. */
export function readPatterns(value: unknown, path: string, endpoints: readonly EndpointPattern[]): readonly EndpointPattern[] {
  return readTexts(value, path).map((text) => {
    const pattern = parsePattern(text, path, "optional");
    if (endpoints.length > 0 && !endpoints.some((endpoint) => patternsMeet(pattern, endpoint))) {
      refuse(path, text, `it can match none of the endpoints: ${endpoints.map((endpoint) => endpoint.text).join(", ")}`);
    }
    return pattern;
  });
}

/** Whether one of the patterns fits; no patterns fit everything. */
export function isFor(patterns: readonly EndpointPattern[], method: string, path: string): boolean {
  if (patterns.length === 0) return true;
  const pieces = splitPath(path);
  return patterns.some((pattern) => matchPattern(pattern, method, pieces) !== undefined);
}
