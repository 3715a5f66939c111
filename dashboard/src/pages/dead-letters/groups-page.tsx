import type { ReactNode } from "react";
import type { Item } from "../../api/client.ts";
import { useApi } from "../../api/use-api.ts";
import { Sparkline, squeezed } from "../../charts/sparkline.tsx";
import { PageHead } from "../../layout/page-head.tsx";
import { hrefOf, useFilter } from "../../router/location.ts";
import { Card } from "../../ui/card.tsx";
import { Chip } from "../../ui/chip.tsx";
import { DataTable, type Column } from "../../ui/data-table.tsx";
import { AllWell, Empty } from "../../ui/empty.tsx";
import { SearchField, Segments, Select } from "../../ui/fields.tsx";
import { count, plural } from "../../ui/numbers.ts";
import { Read } from "../../ui/read.tsx";
import { GROUP, REGRESSED } from "../../ui/states.ts";
import { groupWords } from "./group-words.ts";
import { Ago } from "../../ui/time.tsx";

export type Group = Item<"GET /v1/dead-letters/groups">;

const COLUMNS: readonly Column<Group>[] = [
  {
    id: "group",
    head: "What went wrong",
    width: "minmax(0, 2.6fr)",
    cell: (group) => {
      const { headline, what, where } = groupWords(group);
      return (
        <span className="cell-two" title={group.title}>
          <span className="clip strong">{headline}</span>
          <span className="clip">
            {what} <span className="mono">{where}</span>
          </span>
        </span>
      );
    },
  },
  {
    id: "state",
    head: "State",
    width: "minmax(126px, 1.1fr)",
    cell: ({ state, regressed }) => (
      <span className="cluster">
        <Chip {...GROUP[state]} />
        {regressed && <Chip {...REGRESSED} title="It was resolved, and then it came again" />}
      </span>
    ),
  },
  {
    id: "chart",
    head: "Last day",
    width: "104px",
    wide: true,
    cell: ({ chart, total }) => (
      <Sparkline tone="bad" values={squeezed(chart.counts)} label={`${plural(total, "dead letter")}, when they died`} />
    ),
  },
  { id: "open", head: "Open", width: "60px", align: "end", cell: ({ open }) => <strong>{count(open)}</strong> },
  { id: "total", head: "All", width: "60px", align: "end", wide: true, cell: ({ total }) => count(total) },
  { id: "first", head: "First", width: "84px", align: "end", wide: true, cell: ({ firstAt }) => <Ago at={firstAt} /> },
  { id: "last", head: "Last", width: "84px", align: "end", wide: true, cell: ({ lastAt }) => <Ago at={lastAt} /> },
];

const STATES = [
  ["open", "Open"],
  ["acknowledged", "Acknowledged"],
  ["resolved", "Resolved"],
  ["ignored", "Ignored"],
  ["all", "All"],
] as const;

/** What failed for good, by what it failed of. */
export function GroupsPage(): ReactNode {
  const groups = useApi("GET /v1/dead-letters/groups", {}, { everyMs: 10_000 });
  const [state, setState] = useFilter("state", "open");
  const [api, setApi] = useFilter("api");
  const [text, setText] = useFilter("q");
  return (
    <>
      <PageHead title="Dead letters" about="What could not be done, kept with its request and every attempt, by what went wrong." />
      <Read of={groups}>
        {({ items }) => {
          const apis = [...new Set(items.map((group) => group.api))].sort();
          const rows = items.filter(
            (group) =>
              (state === "all" || group.state === state) &&
              (api === "" || group.api === api) &&
              `${group.title} ${group.reason}`.toLowerCase().includes(text.toLowerCase()),
          );
          return (
            <>
              <div className="filters">
                <Segments
                  label="State"
                  value={state}
                  onChange={setState}
                  options={STATES.map(([one, word]) => [one, <StateWord key={one} word={word} groups={items} state={one} />])}
                />
                <SearchField label="Search groups" placeholder="Error, endpoint or reason" value={text} onChange={setText} />
                <Select
                  label="API"
                  value={api}
                  onChange={setApi}
                  options={[["", "Every API"], ...apis.map((one) => [one, one] as const)]}
                />
              </div>
              <Card flush>
                {rows.length > 0 ? (
                  <DataTable
                    label="Groups of dead letters"
                    columns={COLUMNS}
                    rows={rows}
                    rowKey={({ fingerprint }) => fingerprint}
                    href={({ fingerprint }) => hrefOf(["dead-letters", fingerprint])}
                  />
                ) : state === "open" && text === "" && api === "" ? (
                  <AllWell title="No group is open">What fails for good comes here, with all that is needed to send it again.</AllWell>
                ) : (
                  <Empty title="No group fits">Choose another state, or take a filter away.</Empty>
                )}
              </Card>
            </>
          );
        }}
      </Read>
    </>
  );
}

function StateWord({
  word,
  groups,
  state,
}: {
  readonly word: string;
  readonly groups: readonly Group[];
  readonly state: string;
}): ReactNode {
  const amount = groups.filter((group) => state === "all" || group.state === state).length;
  return (
    <>
      {word} <span className="faint">{count(amount)}</span>
    </>
  );
}
