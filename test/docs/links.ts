/** Links between the pages of this repository. */
import { posix } from "node:path";

export interface Link {
  /** Path from the root of the repository of what it points at; the page itself for a link within it. */
  readonly path: string;
  /** The part after `#`, if any. */
  readonly anchor?: string;
  readonly text: string;
}

/** The links of a page to files and headings here; links elsewhere are nobody's to check. */
export function localLinks(page: string, text: string): readonly Link[] {
  const prose = text.replaceAll(/^ *(`{3,})[\s\S]*?^ *\1$/gm, "").replaceAll(/`[^`\n]*`/g, "``");
  const inline = [...prose.matchAll(/\]\((?<target>[^)\s]+)(?:\s+"[^"]*")?\)/g)];
  const reference = [...prose.matchAll(/^\[[^\]]+\]:\s*(?<target>\S+)/gm)];
  const html = [...prose.matchAll(/\b(?:href|src|srcset)="(?<target>[^"]+)"/g)];
  return [...inline, ...reference, ...html].flatMap((match) => {
    const target = match.groups?.["target"] ?? "";
    if (/^(?:[a-z][a-z+.-]*:|\/\/)/i.test(target)) return [];
    const [file = "", anchor] = target.split("#");
    const path = file === "" ? page : posix.join(posix.dirname(page), decodeURIComponent(file));
    return [{ path, ...(anchor === undefined ? {} : { anchor }), text: target }];
  });
}

/** The anchors that GitHub gives the headings of a page, and those that it sets itself. */
export function anchorsOf(text: string): ReadonlySet<string> {
  const prose = text.replaceAll(/^ *(`{3,})[\s\S]*?^ *\1$/gm, "");
  const anchors = new Set<string>();
  for (const match of prose.matchAll(/^#{1,6}\s+(?<heading>.+?)\s*#*$/gm)) {
    const slug = slugOf(match.groups?.["heading"] ?? "");
    let unique = slug;
    for (let copy = 1; anchors.has(unique); copy++) unique = `${slug}-${copy}`;
    anchors.add(unique);
  }
  for (const match of prose.matchAll(/\b(?:id|name)="(?<id>[^"]+)"/g)) anchors.add(match.groups?.["id"] ?? "");
  return anchors;
}

function slugOf(heading: string): string {
  const words = heading.replaceAll(/\[([^\]]*)\]\([^)]*\)/g, "$1").replaceAll(/[`*]/g, "");
  return words
    .trim()
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}\s_-]/gu, "")
    .replaceAll(/\s/g, "-");
}
