import type { DeadLetter } from "../ports/dead-letter-store.ts";

export type ExportFormat = "jsonl" | "csv";

/** A column of the table: its name, and what stands in it. */
type Column = readonly [name: string, value: (letter: DeadLetter) => string | number];

const COLUMNS: readonly Column[] = [
  ["id", ({ id }) => id],
  ["api", ({ api }) => api],
  ["endpoint", ({ endpoint }) => endpoint],
  ["partition", ({ partition }) => partition],
  ["state", ({ state }) => state],
  ["reason", ({ reason }) => reason],
  ["title", ({ title }) => title],
  ["group", ({ fingerprint }) => fingerprint],
  ["attempts", ({ attempts }) => attempts.length],
  ["status", ({ attempts }) => attempts.at(-1)?.verdict.status ?? ""],
  ["first_attempt_at", ({ firstAttemptAt }) => new Date(firstAttemptAt).toISOString()],
  ["died_at", ({ diedAt }) => new Date(diedAt).toISOString()],
  ["replays", ({ replays }) => replays],
  ["note", ({ note }) => note ?? ""],
  ["key", ({ idempotencyKey }) => idempotencyKey ?? ""],
  ["labels", ({ labels }) => JSON.stringify(labels)],
  ["method", ({ request }) => request?.method ?? ""],
  ["url", ({ request }) => request?.url ?? ""],
  ["body", ({ request }) => bodyOf(request?.body).body ?? ""],
  ["body_encoding", ({ request }) => bodyOf(request?.body).encoding ?? ""],
];

/** The lines of an export, without line ends. CSV as in RFC 4180, with a header. */
export function* exportLines(letters: Iterable<DeadLetter>, format: ExportFormat): Generator<string, void, undefined> {
  for (const letter of letters) yield format === "csv" ? COLUMNS.map(([, value]) => cell(value(letter))).join(",") : jsonLine(letter);
}

/** The line before all others, where the format has one. */
export function exportHeader(format: ExportFormat): string | undefined {
  return format === "csv" ? COLUMNS.map(([name]) => name).join(",") : undefined;
}

/** All of a letter. A body that is text stands there as text, any other as base64. */
function jsonLine({ request, ...letter }: DeadLetter): string {
  if (request === undefined) return JSON.stringify(letter);
  const { body, ...head } = request;
  const { body: text, encoding } = bodyOf(body);
  return JSON.stringify({ ...letter, request: { ...head, ...(text === undefined ? {} : { body: text, bodyEncoding: encoding }) } });
}

const strict = new TextDecoder("utf-8", { fatal: true });

function bodyOf(bytes: Uint8Array | undefined): { readonly body?: string; readonly encoding?: "utf-8" | "base64" } {
  if (bytes === undefined) return {};
  try {
    return { body: strict.decode(bytes), encoding: "utf-8" };
  } catch {
    return { body: btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join("")), encoding: "base64" };
  }
}

/** A text that a spreadsheet would take for a formula is marked as text: what failed comes from strangers. */
function cell(value: string | number): string {
  const text = typeof value === "string" && /^[=+\-@\t\r]/.test(value) ? `'${value}` : String(value);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
