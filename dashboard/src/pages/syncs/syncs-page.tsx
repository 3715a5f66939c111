import type { ReactNode } from "react";
import { CirclePause, CircleCheck, CircleX, Loader, Undo2 } from "lucide-react";
import type { Item } from "../../api/client.ts";
import { useListing } from "../../api/use-api.ts";
import { PageHead } from "../../layout/page-head.tsx";
import { hrefOf } from "../../router/location.ts";
import { span } from "../../time/format.ts";
import { useNow } from "../../time/use-now.ts";
import { Card } from "../../ui/card.tsx";
import { Chip, type ChipLook } from "../../ui/chip.tsx";
import { DataTable, type Column } from "../../ui/data-table.tsx";
import { Empty, Failed, Loading } from "../../ui/empty.tsx";
import { count } from "../../ui/numbers.ts";
import { Ago } from "../../ui/time.tsx";

export type Sync = Item<"GET /v1/syncs">;

/** How far every sync has come. */
export function SyncsPage(): ReactNode {
  const now = useNow();
  const found = useListing("GET /v1/syncs", {});
  return (
    <>
      <PageHead title="Syncs" about="A watermark moves only past what is done, or durably kept; what holds it is named." />
      <Card flush>
        {found.isPending ? (
          <Loading />
        ) : found.error !== null && found.items.length === 0 ? (
          <Failed error={found.error} again={found.again} />
        ) : found.items.length === 0 ? (
          <Empty title="No sync has run over this store">
            <code>hf.sync(defineSync(…))</code> and <code>holdfast syncs run</code> bring one here, from its first run on.
          </Empty>
        ) : (
          <DataTable
            label="Syncs"
            columns={columnsAt(now)}
            rows={found.items}
            rowKey={({ sync }) => sync}
            href={({ sync }) => hrefOf(["syncs", sync])}
            onEnd={found.hasMore && !found.isFetchingMore ? found.more : undefined}
          />
        )}
      </Card>
    </>
  );
}

/** How a sync stands: what holds it matters more than how its last run ended. */
export function syncLook({ running, heldSince, lastRun }: Sync): ChipLook {
  if (running !== null) return { tone: "accent", icon: Loader, word: "running" };
  if (heldSince !== null) return { tone: "warn", icon: CirclePause, word: "held" };
  switch (lastRun?.outcome) {
    case "failed":
      return { tone: "bad", icon: CircleX, word: "failed" };
    case "partial":
      return { tone: "warn", icon: CirclePause, word: "partial" };
    case "reset":
      return { tone: "info", icon: Undo2, word: "reset" };
    case "complete":
    case undefined:
      return { tone: "good", icon: CircleCheck, word: "complete" };
  }
}

function columnsAt(now: number): readonly Column<Sync>[] {
  return [
    { id: "sync", head: "Sync", width: "minmax(0, 1.4fr)", cell: ({ sync }) => <strong className="clip">{sync}</strong> },
    { id: "state", head: "State", width: "112px", cell: (sync) => <Chip {...syncLook(sync)} /> },
    {
      id: "watermark",
      head: "Watermark",
      width: "minmax(0, 1.4fr)",
      cell: ({ watermark }) => <span className="clip mono">{watermark ?? "none yet"}</span>,
    },
    {
      id: "held",
      head: "Held for",
      width: "92px",
      align: "end",
      wide: true,
      cell: ({ heldSince }) => (heldSince === null ? <span className="faint">–</span> : span(now - heldSince)),
    },
    {
      id: "blockers",
      head: "Held by",
      width: "84px",
      align: "end",
      wide: true,
      cell: ({ lastRun }) => count(lastRun?.watermark?.blockedBy.length ?? 0),
    },
    { id: "done", head: "Done last", width: "84px", align: "end", wide: true, cell: ({ lastRun }) => count(lastRun?.done ?? 0) },
    {
      id: "ended",
      head: "Last run",
      width: "92px",
      align: "end",
      wide: true,
      cell: ({ lastRun }) => (lastRun === null ? "–" : <Ago at={lastRun.endedAt} />),
    },
  ];
}
