import { Pencil } from "lucide-react";
import { useState, type ReactNode } from "react";
import type { Answer } from "../../api/client.ts";
import { Link } from "../../router/link.tsx";
import { hrefOf } from "../../router/location.ts";
import { instant } from "../../time/format.ts";
import { IconButton } from "../../ui/button.tsx";
import { Labels } from "../../ui/labels.tsx";
import { count, plural } from "../../ui/numbers.ts";
import { compared, documentIn } from "./fields.ts";

type Letter = Answer<"GET /v1/dead-letters/{id}">;

interface SamplesProps {
  readonly letters: readonly Letter[];
  /** Begins a patch of one field with its value; undefined where the bodies are no JSON. */
  readonly onChange: ((path: readonly string[], value: string | undefined) => void) | undefined;
}

/** Letters beside each other, field by field. What is the same in all steps back, so that what differs is seen. */
export function Samples({ letters, onChange }: SamplesProps): ReactNode {
  const [all, setAll] = useState(true);
  const rows = compared(letters.map(({ request }) => documentIn(request?.body) ?? {}));
  const same = rows.filter((row) => row.same).length;
  const about: readonly (readonly [name: string, of: (letter: Letter) => ReactNode])[] = [
    ["Answer", answerOf],
    ["Request", ({ request }) => (request === undefined ? "none is kept" : <code>{`${request.method} ${request.url}`}</code>)],
    ["Labels", ({ labels }) => <Labels of={labels} />],
    ["Attempts", ({ attempts, replays }) => `${count(attempts.length)}${replays === 0 ? "" : `, ${plural(replays, "replay")}`}`],
    ["Died", ({ diedAt }) => instant(diedAt)],
  ];
  return (
    <div className="scroll-x" tabIndex={0} role="region" aria-label="Samples side by side">
      <table className="samples">
        <thead>
          <tr>
            <th scope="col">
              <span className="visually-hidden">Field</span>
            </th>
            {letters.map(({ id }) => (
              <th key={id} scope="col">
                <Link className="link mono" href={hrefOf(["dead-letters", "letter", id])}>
                  …{id.slice(-8)}
                </Link>
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {about.map(([name, of]) => (
            <tr key={name}>
              <th scope="row">{name}</th>
              {letters.map((letter) => (
                <td key={letter.id}>{of(letter)}</td>
              ))}
            </tr>
          ))}
        </tbody>
        <tbody>
          <tr className="samples-part">
            <th scope="rowgroup" colSpan={letters.length + 1}>
              Body{rows.length === 0 && ": none, or no JSON"}
              {letters.length > 1 && same > 0 && (
                <button type="button" className="link" onClick={() => setAll(!all)}>
                  {all ? `hide ${count(same)} that are the same in all` : `show ${count(same)} that are the same in all`}
                </button>
              )}
            </th>
          </tr>
          {rows
            .filter((row) => all || !row.same || letters.length === 1)
            .map((row) => (
              <tr key={JSON.stringify(row.path)} className={row.same && letters.length > 1 ? "samples-same" : undefined}>
                <th scope="row" className="mono">
                  {row.path.join(".")}
                  {onChange !== undefined && row.patchable && row.path.length > 0 && (
                    <IconButton icon={Pencil} label={`Patch ${row.path.join(".")}`} onClick={() => onChange(row.path, row.values[0])} />
                  )}
                </th>
                {row.values.map((value, index) => (
                  <td key={letters[index]?.id} className="mono">
                    {value ?? <span className="faint">–</span>}
                  </td>
                ))}
              </tr>
            ))}
        </tbody>
      </table>
    </div>
  );
}

function answerOf({ attempts }: Letter): ReactNode {
  const last = attempts.at(-1);
  if (last === undefined) return <span className="faint">none</span>;
  return (
    <span className="cell-two">
      <strong>{last.verdict.because}</strong>
      {last.bodyExcerpt !== undefined && <span className="mono excerpt">{last.bodyExcerpt.slice(0, 200)}</span>}
    </span>
  );
}
