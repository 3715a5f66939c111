import { describe, expect, test } from "vitest";
import { anchorsOf, localLinks } from "./links.ts";
import { exists, find, read } from "./pages.ts";

const pages = find("*.md", "docs/**/*.md", "examples/**/*.md", "bench/*.md", "dashboard/*.md");

function brokenLinks(page: string, text: string): readonly string[] {
  return localLinks(page, text)
    .filter(
      ({ path, anchor }) =>
        !exists(path) || (anchor !== undefined && path.endsWith(".md") && !anchorsOf(path === page ? text : read(path)).has(anchor)),
    )
    .map(({ text: target }) => target);
}

describe("links in the documentation", () => {
  test.each(pages)("%s points at files and headings that are there", (page) => {
    expect(brokenLinks(page, read(page))).toEqual([]);
  });

  test("would be found broken", () => {
    const text = [
      "# Here: `one` & two",
      "[ok](LICENSE) [ok](#here-one--two) [ok](CONTRIBUTING.md#adding-a-policy) [ok](https://example.com/x) [ok](docs)",
      "[bad](nowhere.md) [bad](#there) [bad](CONTRIBUTING.md#nowhere) ![bad](picture.png)",
      '<img src="missing.svg">',
      "`[not a link](nowhere.md)`",
      "```md",
      "[not a link](nowhere.md)",
      "```",
      "[bad]: missing.md",
    ].join("\n");
    expect(brokenLinks("CHANGELOG.md", text)).toEqual([
      "nowhere.md",
      "#there",
      "CONTRIBUTING.md#nowhere",
      "picture.png",
      "missing.md",
      "missing.svg",
    ]);
  });

  test("tell two headings of one name apart", () => {
    expect([...anchorsOf("# A b\n## A b\n### `c.d()`\n")]).toEqual(["a-b", "a-b-1", "cd"]);
  });
});
