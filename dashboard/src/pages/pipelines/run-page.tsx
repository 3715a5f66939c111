import type { ReactNode } from "react";
import { useApi } from "../../api/use-api.ts";
import { PageHead } from "../../layout/page-head.tsx";
import { Link } from "../../router/link.tsx";
import { hrefOf } from "../../router/location.ts";
import { instant, span } from "../../time/format.ts";
import { Card } from "../../ui/card.tsx";
import { Chip } from "../../ui/chip.tsx";
import { Facts } from "../../ui/facts.tsx";
import { JsonText } from "../../ui/json-text.tsx";
import { Read } from "../../ui/read.tsx";
import { reasonOf } from "../attempts/waterfall.ts";
import { RUN, STEP, type Run } from "./step-look.ts";

/** One run: what each step gave, and what holds it. */
export function RunPage({ pipeline, id }: { readonly pipeline: string; readonly id: string }): ReactNode {
  const run = useApi("GET /v1/runs/{run}", { params: { run: id } }, { everyMs: 5_000 });
  return (
    <Read of={run} head={<PageHead up={{ href: hrefOf(["pipelines", pipeline]), title: pipeline }} title={id} mono />}>
      {(read) => (
        <>
          <PageHead
            up={{ href: hrefOf(["pipelines", pipeline]), title: pipeline }}
            title={read.subject}
            mono
            chips={<Chip {...RUN[read.state]} />}
          />
          <div className="two-thirds">
            <Card title="Steps">
              <ol className="run-steps">
                {read.steps.map((step) => (
                  <StepLine key={step.step} step={step} />
                ))}
              </ol>
              {read.steps.length === 0 && <p className="soft">None of its steps has ended yet.</p>}
            </Card>
            <div className="stack">
              <Card title="About it">
                <Facts
                  of={[
                    ["Run", <code key="id">{read.id}</code>],
                    ["Version", read.version],
                    ["Opened", instant(read.openedAt)],
                    ["Ended", read.endedAt === undefined ? undefined : instant(read.endedAt)],
                    ["Took", read.endedAt === undefined ? undefined : span(read.endedAt - read.openedAt)],
                  ]}
                />
              </Card>
              <Card title="Subject">
                <JsonText text={read.input} />
              </Card>
            </div>
          </div>
        </>
      )}
    </Read>
  );
}

function StepLine({ step }: { readonly step: Run["steps"][number] }): ReactNode {
  const { step: name, state, at, because, result, operation } = step;
  return (
    <li>
      <span className="cluster">
        <strong>{name}</strong>
        <Chip {...STEP[state]} />
        <span className="faint">{instant(at)}</span>
        {operation !== undefined && state === "parked" && (
          <Link className="link" href={hrefOf(["dead-letters", "letter", operation])}>
            Its dead letter
          </Link>
        )}
      </span>
      {because !== undefined && <p className="soft">{reasonOf(because)}</p>}
      {result !== undefined && <JsonText text={result} />}
    </li>
  );
}
