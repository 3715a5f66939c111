import type { ReactNode } from "react";
import { useApi, useListing } from "../../api/use-api.ts";
import { PageHead } from "../../layout/page-head.tsx";
import { hrefOf, useFilter } from "../../router/location.ts";
import { Card } from "../../ui/card.tsx";
import { Chip } from "../../ui/chip.tsx";
import { DataTable, type Column } from "../../ui/data-table.tsx";
import { Empty, Failed, Loading } from "../../ui/empty.tsx";
import { SearchField, Select } from "../../ui/fields.tsx";
import { count, plural } from "../../ui/numbers.ts";
import { Read } from "../../ui/read.tsx";
import { Ago } from "../../ui/time.tsx";
import { runsIn, type Pipeline } from "./pipelines-page.tsx";
import { StepCell } from "./step-cell.tsx";
import { StepFunnel } from "./step-funnel.tsx";
import { RUN, type Run } from "./step-look.ts";

const STATES = [
  ["", "Every state"],
  ["open", "Open"],
  ["succeeded", "Succeeded"],
  ["failed", "Failed"],
] as const;

/** One pipeline: its steps across, its runs down. */
export function PipelinePage({ name }: { readonly name: string }): ReactNode {
  const pipeline = useApi("GET /v1/pipelines/{pipeline}", { params: { pipeline: name } }, { everyMs: 5_000 });
  return (
    <Read of={pipeline} head={<PageHead up={{ href: hrefOf(["pipelines"]), title: "Pipelines" }} title={name} />}>
      {(read) => (
        <>
          <PageHead up={{ href: hrefOf(["pipelines"]), title: "Pipelines" }} title={name} about={runsIn(read)} />
          <Card title="Steps">
            <StepFunnel steps={read.steps} />
          </Card>
          <Runs pipeline={read} />
        </>
      )}
    </Read>
  );
}

function Runs({ pipeline: { pipeline, steps } }: { readonly pipeline: Pipeline }): ReactNode {
  const [state, setState] = useFilter("state");
  const [subject, setSubject] = useFilter("subject");
  const found = useListing(
    "GET /v1/pipelines/{pipeline}/runs",
    { ...(state === "" ? {} : { state: state as Run["state"] }), ...(subject === "" ? {} : { subject }) },
    { pipeline },
  );
  return (
    <>
      <div className="filters">
        <SearchField label="Search runs" placeholder="Subject, as it is" value={subject} onChange={setSubject} />
        <Select label="State" value={state} onChange={setState} options={STATES} />
      </div>
      <Card flush>
        {found.isPending ? (
          <Loading rows={8} />
        ) : found.error !== null && found.items.length === 0 ? (
          <Failed error={found.error} again={found.again} />
        ) : found.items.length === 0 ? (
          <Empty title="No run fits">Take a filter away to see more.</Empty>
        ) : (
          <DataTable
            label={`Runs of ${pipeline}`}
            columns={columnsOf(steps.map(({ step }) => step))}
            rows={found.items}
            rowKey={({ id }) => id}
            href={({ id }) => hrefOf(["pipelines", pipeline, id])}
            onEnd={found.hasMore && !found.isFetchingMore ? found.more : undefined}
            foot={found.hasMore ? `${count(found.items.length)} read, more to come` : plural(found.items.length, "run")}
          />
        )}
      </Card>
    </>
  );
}

function columnsOf(steps: readonly string[]): readonly Column<Run>[] {
  return [
    { id: "subject", head: "Subject", width: "minmax(0, 1.4fr)", cell: ({ subject }) => <span className="mono clip">{subject}</span> },
    { id: "state", head: "Run", width: "108px", cell: ({ state }) => <Chip {...RUN[state]} /> },
    ...steps.map((step): Column<Run> => ({
      id: `step ${step}`,
      head: step,
      width: "minmax(72px, 1fr)",
      wide: true,
      cell: (run) => <StepCell step={run.steps.find((one) => one.step === step)} />,
    })),
    { id: "opened", head: "Opened", width: "84px", align: "end", cell: ({ openedAt }) => <Ago at={openedAt} /> },
  ];
}
