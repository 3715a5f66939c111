import type { ReactNode } from "react";
import type { Item } from "../../api/client.ts";
import { useApi } from "../../api/use-api.ts";
import { PageHead } from "../../layout/page-head.tsx";
import { hrefOf, useFilter } from "../../router/location.ts";
import { span } from "../../time/format.ts";
import { useNow } from "../../time/use-now.ts";
import { Button } from "../../ui/button.tsx";
import { Card } from "../../ui/card.tsx";
import { Chip } from "../../ui/chip.tsx";
import { DataTable, type Column } from "../../ui/data-table.tsx";
import { Empty } from "../../ui/empty.tsx";
import { SearchField, Select } from "../../ui/fields.tsx";
import { count } from "../../ui/numbers.ts";
import { Read } from "../../ui/read.tsx";
import { BREAKER } from "../../ui/states.ts";
import { HoldChip } from "./hold-chip.tsx";
import { inOrder, type Lane } from "./lane-order.ts";

const STATES = [
  ["", "Every state"],
  ["open", "Open"],
  ["half-open", "Half-open"],
  ["closed", "Closed"],
  ["held", "Held by somebody"],
  ["waiting", "With work waiting"],
] as const;

/** Every lane: the limits, the breaker and the queue of one endpoint. */
export function LanesPage(): ReactNode {
  const lanes = useApi("GET /v1/lanes", {}, { everyMs: 5_000 });
  const [text, setText] = useFilter("q");
  const [api, setApi] = useFilter("api");
  const [state, setState] = useFilter("state");
  const now = useNow();
  return (
    <>
      <PageHead title="Lanes" about="One lane for each endpoint: its breaker, its limits and its queue are one thing." />
      <Read of={lanes}>
        {({ items }) => {
          const apis = [...new Set(items.map((lane) => lane.api))].sort();
          const rows = inOrder(items.filter((lane) => fits(lane, { text, api, state })));
          return (
            <>
              <div className="filters">
                <SearchField label="Search lanes" placeholder="Endpoint or account" value={text} onChange={setText} />
                <Select
                  label="API"
                  value={api}
                  onChange={setApi}
                  options={[["", "Every API"], ...apis.map((one) => [one, one] as const)]}
                />
                <Select label="State" value={state} onChange={setState} options={STATES} />
              </div>
              <Card flush>
                {rows.length === 0 ? (
                  <NoLanes any={items.length > 0} />
                ) : (
                  <DataTable
                    label="Lanes"
                    columns={columnsAt(now)}
                    rows={rows}
                    rowKey={({ id }) => id}
                    href={({ id }) => hrefOf(["lanes", id])}
                  />
                )}
              </Card>
            </>
          );
        }}
      </Read>
    </>
  );
}

function NoLanes({ any }: { readonly any: boolean }): ReactNode {
  if (!any)
    return (
      <Empty title="No lanes yet">A lane is there from the first call of its endpoint on, or from the first operation in its queue.</Empty>
    );
  return (
    <Empty title="No lane fits" action={<Button onClick={() => window.history.back()}>Go back</Button>}>
      Take a filter away to see more.
    </Empty>
  );
}

function fits(lane: Lane, { text, api, state }: { readonly text: string; readonly api: string; readonly state: string }): boolean {
  if (api !== "" && lane.api !== api) return false;
  if (!`${lane.api} ${lane.endpoint} ${lane.partition}`.toLowerCase().includes(text.toLowerCase())) return false;
  if (state === "held") return lane.holds.length > 0;
  if (state === "waiting") return lane.waiting + lane.queue.due + lane.queue.parked > 0;
  return state === "" || lane.breaker === state;
}

function columnsAt(now: number): readonly Column<Item<"GET /v1/lanes">>[] {
  return [
    {
      id: "lane",
      head: "Lane",
      width: "minmax(0, 2.2fr)",
      cell: ({ api, endpoint, partition }) => (
        <span className="cell-two">
          <span className="clip mono">{endpoint}</span>
          <span className="clip">
            {api}
            {partition !== "" && ` · ${partition}`}
          </span>
        </span>
      ),
    },
    {
      id: "breaker",
      head: "Breaker",
      width: "minmax(112px, 1fr)",
      cell: ({ breaker, because, holds }) => (
        <span className="cluster">
          <Chip {...BREAKER[breaker]} title={because} />
          {holds.map((hold) => (
            <HoldChip key={hold.what} hold={hold} />
          ))}
        </span>
      ),
    },
    { id: "why", head: "Why", width: "minmax(0, 1.8fr)", wide: true, cell: ({ because }) => <span className="clip soft">{because}</span> },
    { id: "flight", head: "In flight", width: "64px", align: "end", wide: true, cell: ({ inFlight }) => count(inFlight) },
    { id: "waiting", head: "Waiting", width: "64px", align: "end", cell: ({ waiting, queue }) => count(waiting + queue.due) },
    { id: "parked", head: "Parked", width: "64px", align: "end", wide: true, cell: ({ queue }) => count(queue.parked) },
    {
      id: "oldest",
      head: "Oldest",
      width: "72px",
      align: "end",
      wide: true,
      cell: ({ queue }) => (queue.oldestDueAt === undefined ? <span className="faint">–</span> : span(now - queue.oldestDueAt)),
    },
  ];
}
