import type { ReactNode } from "react";
import type { Item } from "../../api/client.ts";
import { useListing } from "../../api/use-api.ts";
import { hrefOf } from "../../router/location.ts";
import { Card } from "../../ui/card.tsx";
import { Chip } from "../../ui/chip.tsx";
import { DataTable, type Column } from "../../ui/data-table.tsx";
import { Empty, Failed, Loading } from "../../ui/empty.tsx";
import { Labels } from "../../ui/labels.tsx";
import { count, plural } from "../../ui/numbers.ts";
import { LETTER } from "../../ui/states.ts";
import { Ago } from "../../ui/time.tsx";

type Letter = Item<"GET /v1/dead-letters">;

const COLUMNS: readonly Column<Letter>[] = [
  {
    id: "letter",
    head: "Letter",
    width: "minmax(0, 1.3fr)",
    cell: ({ id, idempotencyKey }) => <span className="clip mono">{idempotencyKey ?? id}</span>,
  },
  { id: "state", head: "State", width: "104px", cell: ({ state, note }) => <Chip {...LETTER[state]} title={note} /> },
  { id: "labels", head: "Labels", width: "minmax(0, 1.2fr)", wide: true, cell: ({ labels }) => <Labels of={labels} /> },
  { id: "attempts", head: "Attempts", width: "64px", align: "end", wide: true, cell: ({ attempts }) => count(attempts) },
  { id: "replays", head: "Replays", width: "60px", align: "end", wide: true, cell: ({ replays }) => count(replays) },
  { id: "died", head: "Died", width: "84px", align: "end", cell: ({ diedAt }) => <Ago at={diedAt} /> },
];

/** Every letter of a group. */
export function LetterList({ fingerprint }: { readonly fingerprint: string }): ReactNode {
  const found = useListing("GET /v1/dead-letters", { fingerprint });
  return (
    <Card title="Letters" flush>
      {found.isPending ? (
        <Loading />
      ) : found.error !== null && found.items.length === 0 ? (
        <Failed error={found.error} again={found.again} />
      ) : found.items.length === 0 ? (
        <Empty title="No letter is left in this group">Those that failed in another way have moved to another group.</Empty>
      ) : (
        <DataTable
          label="Letters of the group"
          columns={COLUMNS}
          rows={found.items}
          rowKey={({ id }) => id}
          href={({ id }) => hrefOf(["dead-letters", "letter", id])}
          onEnd={found.hasMore && !found.isFetchingMore ? found.more : undefined}
          foot={found.hasMore ? `${count(found.items.length)} read, more to come` : plural(found.items.length, "letter")}
        />
      )}
    </Card>
  );
}
