import { describe, expect, test } from "vitest";
import { errorRegistry } from "../../src/core/errors.ts";
import { read } from "./pages.ts";

interface Section {
  readonly code: string;
  readonly class: string | undefined;
  readonly retryable: boolean | undefined;
  readonly about: string;
  readonly advice: string;
}

/** The sections of the page, one for each error: heading, class and retryability, meaning, advice. */
function sectionsOf(page: string): readonly Section[] {
  return page
    .split(/^## /m)
    .slice(1)
    .map((section) => {
      const [code = "", facts = "", about = "", ...advice] = section.trim().split("\n\n");
      const { name, retryable } = /^`(?<name>\w+)` · (?<retryable>(?:not )?retryable)$/.exec(facts)?.groups ?? {};
      return {
        code,
        class: name,
        retryable: retryable === undefined ? undefined : retryable === "retryable",
        about,
        advice: advice.join("\n\n").replace(/^\*\*What to do:\*\* /, ""),
      };
    });
}

describe("docs/reference/errors.md", () => {
  const sections = sectionsOf(read("docs/reference/errors.md"));

  test("has a section for each error of the registry, in its order, and no other", () => {
    expect(sections.map(({ code }) => code)).toEqual(Object.keys(errorRegistry));
  });

  test.each(Object.entries(errorRegistry))("says of %s what the registry says", (code, entry) => {
    const section = sections.find((candidate) => candidate.code === code);
    expect(section).toMatchObject({ class: entry.class, retryable: entry.retryable, about: entry.about });
    expect(section?.advice).not.toBe("");
  });

  test("would be found out if it did not", () => {
    expect(sectionsOf("# Errors\n\n## config\n\n`WrongError` · retryable\n\nOther.\n\n**What to do:** Nothing.\n")).toEqual([
      { code: "config", class: "WrongError", retryable: true, about: "Other.", advice: "Nothing." },
    ]);
  });
});
