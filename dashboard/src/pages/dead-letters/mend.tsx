import { ChevronLeft, ChevronRight } from "lucide-react";
import { useState, type ReactNode } from "react";
import { useQueries } from "@tanstack/react-query";
import { ask, type Item } from "../../api/client.ts";
import { IconButton } from "../../ui/button.tsx";
import { Card } from "../../ui/card.tsx";
import { count } from "../../ui/numbers.ts";
import { documentIn, withMember } from "./fields.ts";
import type { Group } from "./groups-page.tsx";
import { patchIn } from "./patch.ts";
import { PatchEditor } from "./patch-editor.tsx";
import { ReplayForm } from "./replay-form.tsx";
import { Samples } from "./samples.tsx";

interface MendProps {
  readonly group: Group;
  /** Its open letters, as far as they were read. */
  readonly letters: readonly Item<"GET /v1/dead-letters">[];
  readonly onRun: (id: string) => void;
}

const SIDE_BY_SIDE = 3;

/** The way from samples to a replay: what do they have in common, what has to be different, does it work, then all of them. */
export function Mend({ group, letters, onRun }: MendProps): ReactNode {
  const [first, setFirst] = useState(0);
  const [text, setText] = useState("");
  const from = Math.min(first, Math.max(0, letters.length - 1));
  const shown = letters.slice(from, from + SIDE_BY_SIDE);
  const samples = useQueries({
    queries: shown.map(({ id }) => ({
      queryKey: ["GET /v1/dead-letters/{id}", { params: { id } }],
      queryFn: () => ask("GET /v1/dead-letters/{id}", { params: { id } }),
    })),
  }).flatMap(({ data }) => (data === undefined ? [] : [data]));
  const { patch, error } = patchIn(text);
  const document = documentIn(samples[0]?.request?.body);
  const change = (path: readonly string[], value: string | undefined): void => {
    const next = withMember(patch ?? {}, path, value === undefined ? "" : JSON.parse(value));
    setText(JSON.stringify(next, null, 2));
  };
  return (
    <>
      <Card
        title="Samples side by side"
        aside={
          <span className="cluster faint">
            {count(from + 1)}–{count(from + shown.length)} of {count(group.open)} open
            <IconButton
              icon={ChevronLeft}
              label="Samples before"
              disabled={from === 0}
              onClick={() => setFirst(Math.max(0, from - SIDE_BY_SIDE))}
            />
            <IconButton
              icon={ChevronRight}
              label="Next samples"
              disabled={from + SIDE_BY_SIDE >= letters.length}
              onClick={() => setFirst(from + SIDE_BY_SIDE)}
            />
          </span>
        }
      >
        <Samples letters={samples} onChange={document === undefined ? undefined : change} />
      </Card>
      <Card title="Mend and send again">
        <div className="stack">
          <PatchEditor document={document} text={text} onText={setText} patch={patch} error={error} />
          <ReplayForm
            group={group}
            letters={letters}
            patch={patch}
            broken={error !== undefined}
            doubt={samples.find((one) => one.doubt !== undefined)?.doubt}
            onRun={onRun}
          />
        </div>
      </Card>
    </>
  );
}
