import { diffLines } from "diff";
import { mergePatch } from "../../../../src/client/merge-patch.ts";

export type Patch = Readonly<Record<string, unknown>>;

/** What somebody typed as a patch: one, none, or why it is none. */
export function patchIn(text: string): { readonly patch?: Patch | undefined; readonly error?: string } {
  if (text.trim() === "") return {};
  try {
    const parsed: unknown = JSON.parse(text);
    if (typeof parsed === "object" && parsed !== null && !Array.isArray(parsed)) return { patch: parsed as Patch };
    return { error: 'A merge patch is an object, such as { "grade": "B" }' };
  } catch (error) {
    return { error: error instanceof Error ? error.message : "This is no JSON" };
  }
}

/** A line of a body, and what a patch does to it. */
export interface DiffLine {
  readonly sign: "+" | "-" | " ";
  readonly text: string;
}

/** What a patch changes of a document, line by line. */
export function diffOf(document: unknown, patch: Patch | undefined): readonly DiffLine[] {
  const before = lines(document);
  const after = patch === undefined ? before : lines(mergePatch(document, patch));
  return diffLines(before, after).flatMap(({ value, added, removed }) =>
    value
      .replace(/\n$/, "")
      .split("\n")
      .map((text) => ({ sign: added ? ("+" as const) : removed ? ("-" as const) : (" " as const), text })),
  );
}

/** Each line ends alike, the last one too, so that a member more behind it does not change it. */
function lines(document: unknown): string {
  return `${JSON.stringify(document, null, 2) ?? ""}\n`;
}
