import type { ReactNode } from "react";
import { useListing } from "../../api/use-api.ts";
import { PageHead } from "../../layout/page-head.tsx";
import { Link } from "../../router/link.tsx";
import { hrefOf } from "../../router/location.ts";
import { instant, span } from "../../time/format.ts";
import { useNow } from "../../time/use-now.ts";
import { Card } from "../../ui/card.tsx";
import { Chip } from "../../ui/chip.tsx";
import { DataTable, type Column } from "../../ui/data-table.tsx";
import { AllWell, Empty, Failed, Loading } from "../../ui/empty.tsx";
import { Facts } from "../../ui/facts.tsx";
import { count } from "../../ui/numbers.ts";
import { syncLook, type Sync } from "./syncs-page.tsx";

type Unfinished = NonNullable<NonNullable<Sync["lastRun"]>["records"]>[number];

const COLUMNS: readonly Column<Unfinished>[] = [
  {
    id: "record",
    head: "Record",
    width: "minmax(0, 1.2fr)",
    cell: ({ id, cursor }) => (
      <span className="cell-two">
        <span className="clip mono">{id}</span>
        <span className="clip mono">at {cursor}</span>
      </span>
    ),
  },
  { id: "state", head: "State", width: "72px", cell: ({ state }) => state },
  { id: "attempts", head: "Attempts", width: "72px", align: "end", wide: true, cell: ({ attempts }) => count(attempts) },
  { id: "why", head: "Why", width: "minmax(0, 2fr)", cell: ({ because }) => <span className="soft">{because}</span> },
  {
    id: "letter",
    head: "Kept as",
    width: "110px",
    wide: true,
    cell: ({ deadLetter }) =>
      deadLetter === undefined ? null : (
        <Link className="link" href={hrefOf(["dead-letters", "letter", deadLetter])}>
          dead letter
        </Link>
      ),
  },
];

/** One sync: its watermark, and the records that hold it. */
export function SyncPage({ name }: { readonly name: string }): ReactNode {
  const now = useNow();
  const found = useListing("GET /v1/syncs", {});
  const up = { href: hrefOf(["syncs"]), title: "Syncs" };
  const sync = found.items.find((one) => one.sync === name);
  if (sync === undefined) {
    return (
      <>
        <PageHead up={up} title={name} />
        <Card>
          {found.isPending ? (
            <Loading />
          ) : found.error === null ? (
            <Empty title="There is no such sync">It is here from its first run on.</Empty>
          ) : (
            <Failed error={found.error} again={found.again} />
          )}
        </Card>
      </>
    );
  }
  const { lastRun, watermark, advancedAt, heldSince, running, remembered } = sync;
  return (
    <>
      <PageHead up={up} title={name} chips={<Chip {...syncLook(sync)} />} about={lastRun?.error?.message} />
      <div className="two-thirds">
        <Card title="Not done in the last run" flush>
          {lastRun?.records === undefined || lastRun.records.length === 0 ? (
            <AllWell title="Nothing holds the watermark" />
          ) : (
            <DataTable label="Records that are not done" columns={COLUMNS} rows={lastRun.records} rowKey={({ id }) => id} />
          )}
        </Card>
        <Card title="About it">
          <Facts
            of={[
              ["Watermark", <code key="at">{watermark ?? "none yet"}</code>],
              ["Moved last", advancedAt === null ? "never" : instant(advancedAt)],
              ["Held for", heldSince === null ? undefined : span(now - heldSince)],
              ["Runs since", running === null ? undefined : instant(running.since)],
              ["Remembered one by one", count(remembered)],
              ["Last run", lastRun === null ? undefined : instant(lastRun.endedAt)],
              ["Read", lastRun?.read === undefined ? undefined : count(lastRun.read)],
              ["Done", lastRun?.done === undefined ? undefined : count(lastRun.done)],
              ["Failed", lastRun?.failed === undefined ? undefined : count(lastRun.failed)],
              ["Parked", lastRun?.parked === undefined ? undefined : count(lastRun.parked)],
              ["Reset by", lastRun?.by === undefined ? undefined : `${lastRun.by}: ${lastRun.reason ?? ""}`],
            ]}
          />
        </Card>
      </div>
    </>
  );
}
