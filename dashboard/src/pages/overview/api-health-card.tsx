import type { ReactNode } from "react";
import type { Answer, Item } from "../../api/client.ts";
import { Sparkline, squeezed } from "../../charts/sparkline.tsx";
import { hrefOf } from "../../router/location.ts";
import { Card } from "../../ui/card.tsx";
import { Chip } from "../../ui/chip.tsx";
import { DataTable, type Column } from "../../ui/data-table.tsx";
import { Empty } from "../../ui/empty.tsx";
import { count, plural, share } from "../../ui/numbers.ts";
import { HEALTH } from "../../ui/states.ts";
import { healthOf, type ApiHealth } from "./api-health.ts";

interface ApiHealthCardProps {
  readonly apis: Answer<"GET /v1/stats">["apis"];
  readonly lanes: readonly Item<"GET /v1/lanes">[];
  readonly history: readonly Item<"GET /v1/stats/history">[];
}

type Row = ApiHealth & { readonly trend: readonly number[] };

const COLUMNS: readonly Column<Row>[] = [
  { id: "api", head: "API", width: "minmax(84px, 1.4fr)", cell: ({ api }) => <strong className="clip">{api}</strong> },
  { id: "health", head: "Health", width: "minmax(98px, 0.9fr)", cell: ({ health }) => <Chip {...HEALTH[health]} /> },
  {
    id: "trend",
    head: "Calls over time",
    width: "minmax(96px, 0.8fr)",
    wide: true,
    cell: ({ trend, calls }) => <Sparkline values={trend} label={`${plural(calls, "call")} over the time shown`} />,
  },
  { id: "calls", head: "Calls", width: "52px", align: "end", cell: ({ calls }) => count(calls) },
  { id: "errors", head: "Errors", width: "52px", align: "end", cell: ({ errorRate }) => share(errorRate) },
  { id: "retries", head: "Retries", width: "52px", align: "end", wide: true, cell: ({ retryRate }) => share(retryRate) },
  {
    id: "lanes",
    head: "Breakers",
    width: "minmax(64px, 0.8fr)",
    align: "end",
    wide: true,
    cell: ({ lanes, openBreakers }) => (openBreakers > 0 ? `${count(openBreakers)} of ${count(lanes)} open` : plural(lanes, "lane")),
  },
];

/** The health of every API at a glance. */
export function ApiHealthCard({ apis, lanes, history }: ApiHealthCardProps): ReactNode {
  const rows = healthOf(apis, lanes).map((one): Row => {
    const points = history.find(({ api }) => api === one.api)?.points ?? [];
    return { ...one, trend: squeezed(points.map(({ calls }) => calls)) };
  });
  return (
    <Card title="APIs" flush>
      {rows.length === 0 ? (
        <Empty title="No API has been called yet">
          Send a call through the gateway, such as <code>GET /to/NAME/…</code>, and its API shows up here.
        </Empty>
      ) : (
        <DataTable label="APIs" columns={COLUMNS} rows={rows} rowKey={({ api }) => api} href={({ api }) => hrefOf(["lanes"], { api })} />
      )}
    </Card>
  );
}
