import { useEffect, type ReactNode } from "react";
import type { Item } from "../../api/client.ts";
import { useApi, useListing } from "../../api/use-api.ts";
import { PageHead } from "../../layout/page-head.tsx";
import { hrefOf, navigate, useFilter } from "../../router/location.ts";
import { Card } from "../../ui/card.tsx";
import { Chip } from "../../ui/chip.tsx";
import { DataTable, type Column } from "../../ui/data-table.tsx";
import { Empty, Failed, Loading } from "../../ui/empty.tsx";
import { SearchField, Select } from "../../ui/fields.tsx";
import { Labels } from "../../ui/labels.tsx";
import { count, plural } from "../../ui/numbers.ts";
import { OPERATION } from "../../ui/states.ts";
import { Ago } from "../../ui/time.tsx";
import { pathOf } from "./path-of.ts";
import { searchOf } from "./search-text.ts";

type Operation = Item<"GET /v1/operations">;
type State = Operation["state"];

const COLUMNS: readonly Column<Operation>[] = [
  {
    id: "request",
    head: "Request",
    width: "minmax(0, 2.2fr)",
    cell: ({ request: { method, url }, api }) => (
      <span className="cell-two">
        <span className="clip mono">
          {method} {pathOf(url)}
        </span>
        <span className="clip">{api}</span>
      </span>
    ),
  },
  {
    id: "state",
    head: "State",
    width: "112px",
    cell: ({ state, because }) => <Chip {...OPERATION[state]} title={because?.detail ?? because?.code} />,
  },
  { id: "attempts", head: "Attempts", width: "64px", align: "end", wide: true, cell: ({ attempts }) => count(attempts) },
  { id: "labels", head: "Labels", width: "minmax(0, 1.4fr)", wide: true, cell: ({ labels }) => <Labels of={labels} /> },
  { id: "key", head: "Key", width: "minmax(0, 1.2fr)", wide: true, cell: ({ key }) => <span className="clip mono soft">{key}</span> },
  { id: "since", head: "Since", width: "84px", align: "end", cell: ({ since }) => <Ago at={since} /> },
];

const STATES: readonly (readonly [string, string])[] = [
  ["", "Every state"],
  ...(Object.keys(OPERATION) as State[]).map((state) => [state, OPERATION[state].word] as const),
];

/** What was put into the queue: found by id, label, key, state and lane. */
export function OperationsPage(): ReactNode {
  const [text, setText] = useFilter("q");
  const [api, setApi] = useFilter("api");
  const [state, setState] = useFilter("state");
  const [lane, setLane] = useFilter("lane");
  const apis = [...new Set((useApi("GET /v1/lanes").data?.items ?? []).map((one) => one.api))].sort();
  const search = searchOf(text);
  useEffect(() => {
    if (search.by === "id") navigate(hrefOf(["operations", search.id]), { replace: true });
  });
  const found = useListing("GET /v1/operations", {
    ...(api === "" ? {} : { api }),
    ...(state === "" ? {} : { state: state as State }),
    ...(lane === "" ? {} : { lane }),
    ...(search.by === "key" ? { key: search.key } : {}),
    ...(search.by === "label" ? { [`label.${search.name}`]: search.value } : {}),
  });
  const filtered = [text, api, state, lane].some((one) => one !== "");
  return (
    <>
      <PageHead title="Operations" about="Work that was put on disk before it was begun, newest first." />
      <div className="filters">
        <SearchField label="Search operations" placeholder="Id, label=value or key" value={text} onChange={setText} />
        <Select label="API" value={api} onChange={setApi} options={[["", "Every API"], ...apis.map((one) => [one, one] as const)]} />
        <Select label="State" value={state} onChange={setState} options={STATES} />
        {lane !== "" && (
          <button type="button" className="filter-chip" onClick={() => setLane("")} aria-label={`Every lane, not only ${lane}`}>
            <span className="mono">{lane}</span> ×
          </button>
        )}
      </div>
      <Card flush>
        {found.isPending ? (
          <Loading rows={8} />
        ) : found.error !== null && found.items.length === 0 ? (
          <Failed error={found.error} again={found.again} />
        ) : found.items.length === 0 ? (
          <NoOperations filtered={filtered} />
        ) : (
          <DataTable
            label="Operations"
            columns={COLUMNS}
            rows={found.items}
            rowKey={({ id }) => id}
            href={({ id }) => hrefOf(["operations", id])}
            onEnd={found.hasMore && !found.isFetchingMore ? found.more : undefined}
            foot={found.hasMore ? `${count(found.items.length)} read, more to come` : plural(found.items.length, "operation")}
          />
        )}
      </Card>
    </>
  );
}

function NoOperations({ filtered }: { readonly filtered: boolean }): ReactNode {
  if (filtered)
    return (
      <Empty title="No operation fits">Ended ones are kept for a while only. Take a filter away, or look among the dead letters.</Empty>
    );
  return (
    <Empty title="No operations yet">
      They come from <code>POST /v1/operations</code>, from <code>hf.enqueue()</code> and from webhooks. Calls through <code>/to/…</code>{" "}
      leave one only where they have to be kept.
    </Empty>
  );
}
