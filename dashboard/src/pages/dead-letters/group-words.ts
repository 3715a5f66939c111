/** A group's line, in its parts. */
export interface GroupWords {
  /** What the other side said, without the JSON around it. */
  readonly headline: string;
  /** Kind, status and code: `permanent 500 INVALID_FIELD`. */
  readonly what: string;
  /** `crm POST /contacts` */
  readonly where: string;
}

interface Titled {
  readonly title: string;
  readonly api: string;
  readonly endpoint: string;
}

/** Takes apart the title that a fingerprint gives: `permanent 500 on crm POST /contacts: {"error":{"code":…,"message":…`. It may be cut. */
export function groupWords({ title, api, endpoint }: Titled): GroupWords {
  const where = `${api} ${endpoint}`;
  const [before = title, message] = title.split(` on ${where}: `, 2);
  if (message === undefined) return { headline: title, what: "", where };
  const code = textOf(message, "code");
  const what = code === undefined || before.includes(code) ? before : `${before} ${code}`;
  return { headline: textOf(message, "message") ?? textOf(message, "error") ?? code ?? message, what, where };
}

/** What the other side said in its last answer, whole; the title may be cut. */
export function saidIn(excerpt: string | undefined): string | undefined {
  return excerpt === undefined ? undefined : (textOf(excerpt, "message") ?? textOf(excerpt, "detail") ?? textOf(excerpt, "error"));
}

/** The text of a member, in JSON that may end anywhere. */
function textOf(json: string, name: string): string | undefined {
  if (!json.startsWith("{")) return undefined;
  const [, text] = new RegExp(String.raw`"${name}"\s*:\s*"((?:[^"\\]|\\.)*)`).exec(json) ?? [];
  return text === undefined || text === "" || text === "…" ? undefined : text.replaceAll(String.raw`\"`, '"');
}
