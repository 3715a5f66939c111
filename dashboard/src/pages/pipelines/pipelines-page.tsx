import type { ReactNode } from "react";
import type { Item } from "../../api/client.ts";
import { useApi } from "../../api/use-api.ts";
import { PageHead } from "../../layout/page-head.tsx";
import { Link } from "../../router/link.tsx";
import { hrefOf } from "../../router/location.ts";
import { Card } from "../../ui/card.tsx";
import { Empty } from "../../ui/empty.tsx";
import { count, plural } from "../../ui/numbers.ts";
import { Read } from "../../ui/read.tsx";
import { StepFunnel } from "./step-funnel.tsx";

export type Pipeline = Item<"GET /v1/pipelines">;

/** Work in steps: how far the runs of each pipeline have come. */
export function PipelinesPage(): ReactNode {
  const pipelines = useApi("GET /v1/pipelines", {}, { everyMs: 5_000 });
  return (
    <>
      <PageHead title="Pipelines" about="Runs are resumed at their first unfinished step, and a step that fails parks its own run only." />
      <Read of={pipelines}>
        {({ items }) =>
          items.length === 0 ? (
            <Card>
              <Empty title="No pipeline has run over this store">
                <code>definePipeline(…)</code> describes one, and <code>holdfast pipelines run</code> takes subjects through it.
              </Empty>
            </Card>
          ) : (
            items.map((pipeline) => <PipelineCard key={pipeline.pipeline} pipeline={pipeline} />)
          )
        }
      </Read>
    </>
  );
}

function PipelineCard({ pipeline }: { readonly pipeline: Pipeline }): ReactNode {
  const { pipeline: name, steps, known } = pipeline;
  return (
    <Card
      title={name}
      aside={
        <Link className="link" href={hrefOf(["pipelines", name])}>
          {runsIn(pipeline)}
        </Link>
      }
    >
      <div className="stack">
        <StepFunnel steps={steps} />
        {!known && (
          <p className="notice tone-warn">
            It is not defined here, so its dead letters cannot be replayed by this gateway: name it under pipelines of the config.
          </p>
        )}
      </div>
    </Card>
  );
}

export function runsIn({ runs, more }: Pipeline): string {
  return `${more ? "the newest " : ""}${plural(runs.open + runs.succeeded + runs.failed, "run")}: ${count(runs.succeeded)} succeeded, ${count(runs.open)} open, ${count(runs.failed)} failed`;
}
