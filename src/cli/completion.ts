import type { Command } from "commander";

export const SHELLS = ["bash", "zsh", "fish"] as const;
export type Shell = (typeof SHELLS)[number];

/** One place on the command line: the words that lead there, and what may follow. */
interface Place {
  readonly path: string;
  readonly words: readonly { readonly word: string; readonly about: string }[];
}

/** A completion script, made of the commands as they are. */
export function completionScript(root: Command, shell: Shell): string {
  const places = placesOf(root, "");
  switch (shell) {
    case "bash":
      return bash(places);
    case "zsh":
      return `#compdef holdfast\nautoload -U +X bashcompinit && bashcompinit\n${bash(places)}`;
    case "fish":
      return fish(places);
  }
}

function placesOf(command: Command, path: string): readonly Place[] {
  const commands = command.commands.map((sub) => ({ word: sub.name(), about: sub.description() }));
  const options = command.options.flatMap(({ long, description }) =>
    long === undefined || long === null ? [] : [{ word: long, about: description }],
  );
  const own = { path, words: [...commands, ...options, { word: "--help", about: "show help" }] };
  return [own, ...command.commands.flatMap((sub) => placesOf(sub, path === "" ? sub.name() : `${path} ${sub.name()}`))];
}

/** Words that are no option tell the place; the longest that is known wins. Where nothing fits, files are offered. */
function bash(places: readonly Place[]): string {
  const cases = places.map(({ path, words }) => `    ${quoted(path)}) words=${quoted(words.map(({ word }) => word).join(" "))} ;;`);
  return `_holdfast() {
  local current=\${COMP_WORDS[COMP_CWORD]} path="" words="" word
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case "$path\${path:+ }$word" in
      ${places.flatMap(({ path }) => (path === "" ? [] : [quoted(path)])).join("|")}) path="$path\${path:+ }$word" ;;
    esac
  done
  case "$path" in
${cases.join("\n")}
  esac
  COMPREPLY=($(compgen -W "$words" -- "$current"))
}
complete -o default -F _holdfast holdfast
`;
}

function fish(places: readonly Place[]): string {
  const lines = places.flatMap(({ path, words }) => {
    const at =
      path === ""
        ? "__fish_use_subcommand"
        : path
            .split(" ")
            .map((word) => `__fish_seen_subcommand_from ${word}`)
            .join("; and ");
    return words.map(({ word, about }) => {
      const what = word.startsWith("--") ? `-l ${word.slice(2)}` : `-f -a ${word}`;
      return `complete -c holdfast -n ${quoted(at)} ${what} -d ${quoted(about)}`;
    });
  });
  return `${lines.join("\n")}\n`;
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
