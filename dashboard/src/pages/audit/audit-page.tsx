import { CircleCheck, CircleX, Loader } from "lucide-react";
import type { ReactNode } from "react";
import type { Item } from "../../api/client.ts";
import { useListing } from "../../api/use-api.ts";
import { PageHead } from "../../layout/page-head.tsx";
import { decoded } from "../../router/location.ts";
import { Card } from "../../ui/card.tsx";
import { Chip, type ChipLook } from "../../ui/chip.tsx";
import { DataTable, type Column } from "../../ui/data-table.tsx";
import { Empty, Failed, Loading } from "../../ui/empty.tsx";
import { plural } from "../../ui/numbers.ts";
import { Ago } from "../../ui/time.tsx";

type Entry = Item<"GET /v1/audit">;

const COLUMNS: readonly Column<Entry>[] = [
  {
    id: "action",
    head: "Action",
    width: "minmax(0, 1.6fr)",
    cell: ({ action, target }) => (
      <span className="cell-two">
        <span className="clip">{wordsOf(action)}</span>
        <span className="clip mono">{decoded(target)}</span>
      </span>
    ),
  },
  { id: "who", head: "Who", width: "minmax(72px, 0.8fr)", cell: ({ who, client }) => <span title={`from ${client}`}>{who}</span> },
  { id: "why", head: "Why", width: "minmax(0, 1.4fr)", wide: true, cell: ({ why }) => <span className="soft clip">{why ?? "–"}</span> },
  { id: "outcome", head: "Outcome", width: "92px", wide: true, cell: ({ outcome }) => <Chip {...lookOf(outcome)} title={outcome} /> },
  { id: "at", head: "When", width: "84px", align: "end", cell: ({ at }) => <Ago at={at} /> },
];

/** `replayDeadLetters` as words. */
function wordsOf(action: string): string {
  const words = action.replaceAll(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
  return words.charAt(0).toUpperCase() + words.slice(1);
}

function lookOf(outcome: string): ChipLook {
  if (outcome === "done") return { tone: "good", icon: CircleCheck, word: "done" };
  return outcome === "begun" ? { tone: "idle", icon: Loader, word: "begun" } : { tone: "bad", icon: CircleX, word: "failed" };
}

/** What people did: who, what, when, why. */
export function AuditPage(): ReactNode {
  const found = useListing("GET /v1/audit", {});
  return (
    <>
      <PageHead title="Audit" about="What people did here and by the API, written down before it was done." />
      <Card flush>
        {found.isPending ? (
          <Loading />
        ) : found.error !== null && found.items.length === 0 ? (
          <Failed error={found.error} again={found.again} />
        ) : found.items.length === 0 ? (
          <Empty title="Nobody has done anything yet">
            Holding a lane, replaying dead letters, making a token: each stands here with who did it and why.
          </Empty>
        ) : (
          <DataTable
            label="What people did"
            columns={COLUMNS}
            rows={found.items}
            rowKey={({ id }) => id}
            onEnd={found.hasMore && !found.isFetchingMore ? found.more : undefined}
            foot={found.hasMore ? "more to come" : plural(found.items.length, "entry", "entries")}
          />
        )}
      </Card>
    </>
  );
}
