import { Bell, BellOff, Siren } from "lucide-react";
import type { ReactNode } from "react";
import type { Item } from "../../api/client.ts";
import { useApi } from "../../api/use-api.ts";
import { PageHead } from "../../layout/page-head.tsx";
import { Card } from "../../ui/card.tsx";
import { Chip, type ChipLook } from "../../ui/chip.tsx";
import { DataTable, type Column } from "../../ui/data-table.tsx";
import { AllWell, Empty } from "../../ui/empty.tsx";
import { Read } from "../../ui/read.tsx";
import { Ago } from "../../ui/time.tsx";

type Alert = Item<"GET /v1/alerts">;

const COLUMNS: readonly Column<Alert>[] = [
  {
    id: "alert",
    head: "Alert",
    width: "minmax(0, 2.4fr)",
    cell: ({ words, subject }) => (
      <span className="cell-two">
        <span>{words}</span>
        <span className="clip mono">{subject}</span>
      </span>
    ),
  },
  { id: "tier", head: "Tier", width: "104px", cell: ({ tier }) => <Chip {...lookOf(tier)} /> },
  { id: "rule", head: "Rule", width: "minmax(0, 1fr)", wide: true, cell: ({ rule }) => <span className="mono soft">{rule}</span> },
  { id: "since", head: "Fires since", width: "92px", align: "end", cell: ({ since }) => <Ago at={since} /> },
];

function lookOf(tier: string): ChipLook {
  return tier === "critical" ? { tone: "bad", icon: Siren, word: "critical" } : { tone: "warn", icon: Bell, word: tier };
}

/** What fires now. */
export function AlertsPage(): ReactNode {
  const alerts = useApi("GET /v1/alerts", {}, { everyMs: 5_000 });
  return (
    <>
      <PageHead title="Alerts" about="What calls for somebody, by the rules of the config; single retries never do." />
      <Card flush>
        <Read of={alerts}>
          {({ watching, items }) =>
            items.length > 0 ? (
              <DataTable label="Alerts" columns={COLUMNS} rows={items} rowKey={({ rule, subject }) => `${rule} ${subject}`} />
            ) : watching ? (
              <AllWell title="Nothing fires">
                The rules are looked at again and again, and the sinks of the config are told when one fires.
              </AllWell>
            ) : (
              <Empty icon={BellOff} title="Nobody watches">
                Put <code>alerts</code> into the config, with a sink such as Slack or e-mail, and the default rules begin to watch.
              </Empty>
            )
          }
        </Read>
      </Card>
    </>
  );
}
