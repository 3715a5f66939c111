import type { ReactNode } from "react";

/** Text as it is; where it is JSON, laid out and with its parts told apart. */
export function JsonText({ text }: { readonly text: string }): ReactNode {
  const pretty = prettyJson(text);
  return <pre className="code-block">{pretty === undefined ? text : coloured(pretty)}</pre>;
}

/** JSON over several lines; undefined for text that is none. */
export function prettyJson(text: string): string | undefined {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return undefined;
  }
}

const TOKENS = /("(?:[^"\\]|\\.)*")(\s*:)?|\b(?:true|false|null)\b|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g;

function coloured(json: string): ReactNode {
  const parts: ReactNode[] = [];
  let at = 0;
  for (const match of json.matchAll(TOKENS)) {
    const [whole, text, colon] = match;
    parts.push(json.slice(at, match.index));
    const kind = colon !== undefined ? "json-name" : text === undefined ? "json-value" : "json-text";
    parts.push(
      <span key={match.index} className={kind}>
        {text ?? whole}
      </span>,
      colon,
    );
    at = match.index + whole.length;
  }
  parts.push(json.slice(at));
  return parts;
}
