import { sha256Hex } from "../idempotency/sha256.ts";

/** What a failure is told apart by. */
export interface FailureTraits {
  readonly api: string;
  readonly endpoint: string;
  /** The verdict's kind. */
  readonly kind: string;
  readonly status?: number | undefined;
  readonly code?: string | undefined;
  readonly message: string;
}

export interface FailureGroup {
  /** `v1:` and 20 hex digits. */
  readonly fingerprint: string;
  /** One line for people. */
  readonly title: string;
}

/** So much of a message is read. Well above what is kept, so that where it ends does not depend on how long its ids are. */
const READ_CHARACTERS = 2_000;
/** So much of it counts, without what differs: long messages are alike in how they begin. */
const KEPT_CHARACTERS = 300;
const TITLE_CHARACTERS = 80;

/**
 * What differs from one member of a group to the next, and what stands for it; in this order. Every pattern is linear on
 * a text of bounded length. Double quotes are JSON's own in an answer's body, so that there only the quotes within a string
 * (escaped ones, single and typographic ones) mark a value. Numbers and ids of every form share one mark, because an id in
 * hexadecimal may well consist of digits alone.
 */
const VOLATILE: readonly (readonly [RegExp, string])[] = [
  [/https?:\/\/[^\s"'<>\\]+/gi, "<url>"],
  [/[^\s@"'<>:,;()]{1,64}@[^\s@"'<>:,;()]{1,255}/g, "<email>"],
  [/\\"[^"\\]{1,200}\\"|(?<!\w)'[^'\n]{1,200}'(?!\w)|`[^`\n]{1,200}`|“[^”\n]{1,200}”|„[^“\n]{1,200}“|«[^»\n]{1,200}»/g, "<quoted>"],
  [/\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b/gi, "#"],
  [/\b[a-z]{2,8}_(?=[A-Za-z0-9]*\d)[A-Za-z0-9]{8,}\b/g, "#"],
  [/\b(?:0x)?(?=[0-9a-f]*\d)[0-9a-f]{8,}\b/gi, "#"],
  [/\b(?=[A-Za-z]*\d)(?=\d*[A-Za-z])[A-Za-z0-9]{16,}\b/g, "#"],
  [/\d+(?:[.,:]\d+)*/g, "#"],
];

/** In plain text double quotes mark a value too. */
const PLAIN_QUOTED = /"[^"\n]{1,200}"/g;

/**
 * The group of a failure: failures that differ only in ids, numbers, quoted values, addresses and the like get the same
 * fingerprint. The version in front changes when these rules do, so that old groups stay what they were.
 */
export function fingerprint(traits: FailureTraits): FailureGroup {
  const message = normalise(traits.message);
  const parts = [
    traits.api,
    traits.endpoint,
    traits.kind,
    traits.status === undefined ? "" : String(traits.status),
    traits.code ?? "",
    message,
  ];
  const what = [traits.kind, traits.status, traits.code].filter((part) => part !== undefined && part !== "").join(" ");
  const short = message.length > TITLE_CHARACTERS ? `${message.slice(0, TITLE_CHARACTERS - 1)}…` : message;
  return {
    fingerprint: `v1:${sha256Hex(JSON.stringify(parts)).slice(0, 20)}`,
    title: `${what} on ${traits.api} ${traits.endpoint}: ${short}`,
  };
}

function normalise(message: string): string {
  let text = message.slice(0, READ_CHARACTERS);
  if (!/^\s*[[{]/.test(text)) text = text.replace(PLAIN_QUOTED, "<quoted>");
  for (const [pattern, mark] of VOLATILE) text = text.replace(pattern, mark);
  return text.replace(/\s+/g, " ").trim().slice(0, KEPT_CHARACTERS);
}
