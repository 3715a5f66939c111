/** Text for terminals: plain columns that line up. */

/** Columns that a text takes: letters with accents are one, whatever they are made of. */
export function width(text: string): number {
  return [...segments.segment(text)].length;
}

const segments = new Intl.Segmenter("en", { granularity: "grapheme" });

export function padEnd(text: string, columns: number): string {
  return text + " ".repeat(Math.max(0, columns - width(text)));
}

export function padStart(text: string, columns: number): string {
  return " ".repeat(Math.max(0, columns - width(text))) + text;
}

/** One line of text of the other side's or a user's: nothing that moves the cursor or colours the screen gets through. */
export function oneLine(text: string, columns: number = Number.POSITIVE_INFINITY): string {
  const plain = text
    .replaceAll(/\s+/g, " ")
    .replaceAll(/\p{Cc}/gu, "\uFFFD")
    .trim();
  return width(plain) <= columns
    ? plain
    : `${[...segments.segment(plain)]
        .slice(0, Math.max(0, columns - 1))
        .map(({ segment }) => segment)
        .join("")}…`;
}

export interface Column {
  readonly name: string;
  /** @default "left" */
  readonly align?: "left" | "right";
}

/** A table with a header and two spaces between columns. The last column may be as long as it is. */
export function table(columns: readonly Column[], rows: readonly (readonly string[])[]): string {
  const widths = columns.map(({ name }, index) => Math.max(width(name), ...rows.map((row) => width(row[index] ?? ""))));
  const line = (cells: readonly string[]): string =>
    columns
      .map(({ align = "left" }, index) => (align === "right" ? padStart : padEnd)(cells[index] ?? "", widths[index] ?? 0))
      .join("  ")
      .trimEnd();
  return [line(columns.map(({ name }) => name)), ...rows.map(line)].map((row) => `${row}\n`).join("");
}

/** Items with commas between them, in lines of so many columns; an item is not broken. */
export function wrapped(items: readonly string[], columns: number): readonly string[] {
  const lines: string[] = [];
  for (const [index, item] of items.entries()) {
    const text = index < items.length - 1 ? `${item},` : item;
    const line = lines.at(-1);
    if (line !== undefined && width(line) + 1 + width(text) <= columns) lines[lines.length - 1] = `${line} ${text}`;
    else lines.push(text);
  }
  return lines;
}

/** 4000 → `4,000`. */
export function grouped(number: number): string {
  return number.toLocaleString("en-US");
}
