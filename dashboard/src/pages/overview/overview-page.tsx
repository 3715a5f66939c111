import type { ReactNode } from "react";
import type { Answer } from "../../api/client.ts";
import { useApi } from "../../api/use-api.ts";
import { PageHead } from "../../layout/page-head.tsx";
import { hrefOf, useFilter } from "../../router/location.ts";
import { span } from "../../time/format.ts";
import { useNow } from "../../time/use-now.ts";
import { Segments } from "../../ui/fields.tsx";
import { count, plural, rate, share } from "../../ui/numbers.ts";
import { Read } from "../../ui/read.tsx";
import { Stat } from "../../ui/stat.tsx";
import { attentionOf } from "./attention.ts";
import { AttentionList } from "./attention-list.tsx";
import { ApiHealthCard } from "./api-health-card.tsx";
import { TrafficCard } from "./traffic-card.tsx";
import { NewsCard } from "./news-card.tsx";

const WINDOWS = [
  ["5m", "5 min"],
  ["15m", "15 min"],
  ["1h", "1 h"],
  ["24h", "24 h"],
] as const;

type Stats = Answer<"GET /v1/stats">;

/** How everything is, on one screen. */
export function OverviewPage(): ReactNode {
  const [window, setWindow] = useFilter("window", "15m");
  const now = useNow();
  const stats = useApi("GET /v1/stats", { query: { window } }, { everyMs: 5_000 });
  const history = useApi("GET /v1/stats/history", { query: { window } }, { everyMs: 10_000 });
  const lanes = useApi("GET /v1/lanes").data?.items ?? [];
  const groups = useApi("GET /v1/dead-letters/groups", { query: { state: "open" } }).data?.items ?? [];
  const alerts = useApi("GET /v1/alerts").data?.items ?? [];
  const syncs = useApi("GET /v1/syncs").data?.items ?? [];
  const attention = attentionOf({ lanes, groups, alerts, syncs, now });
  const letters = groups.filter(({ state }) => state === "open").reduce((sum, { open }) => sum + open, 0);
  const open = lanes.filter(({ breaker }) => breaker === "open" || breaker === "half-open").length;
  const due = lanes.reduce((sum, { queue }) => sum + queue.due, 0);
  const parked = lanes.reduce((sum, { queue }) => sum + queue.parked, 0);
  const oldest = Math.min(...lanes.map(({ queue }) => queue.oldestDueAt ?? Number.POSITIVE_INFINITY));

  return (
    <>
      <PageHead title="Overview" actions={<Segments label="Time window" value={window} onChange={setWindow} options={WINDOWS} />} />
      <Read of={stats}>
        {(read) => (
          <div className="stats">
            <Rates stats={read} />
            <Stat
              name="Open breakers"
              value={count(open)}
              note={`of ${plural(lanes.length, "lane")}`}
              tone={open > 0 ? "bad" : undefined}
              href={hrefOf(["lanes"])}
            />
            <Stat
              name="Dead letters"
              value={count(letters)}
              note={letters === 0 ? "none is open" : `in ${plural(groups.length, "group")}`}
              tone={letters > 0 ? "bad" : undefined}
              href={hrefOf(["dead-letters"])}
            />
            <Stat
              name="Queue"
              value={count(due)}
              note={
                oldest === Number.POSITIVE_INFINITY ? `${count(parked)} parked` : `oldest ${span(now - oldest)}, ${count(parked)} parked`
              }
              href={hrefOf(["operations"], { state: "ready" })}
            />
          </div>
        )}
      </Read>
      <div className="overview-grid">
        <div className="area-attention">
          <AttentionList items={attention} />
        </div>
        <div className="area-traffic">
          <Read of={history}>{(read) => <TrafficCard history={read} lanes={lanes} window={window} />}</Read>
        </div>
        <div className="area-apis">
          <Read of={stats}>{({ apis }) => <ApiHealthCard apis={apis} lanes={lanes} history={history.data?.items ?? []} />}</Read>
        </div>
        <div className="area-news">
          <NewsCard />
        </div>
      </div>
    </>
  );
}

/** The bounds are those of the default alerts. */
function Rates({ stats: { total, windowMs } }: { readonly stats: Stats }): ReactNode {
  const { calls, failed, retries } = total;
  const { value, unit } = rate(calls, windowMs);
  const errors = calls === 0 ? 0 : failed / calls;
  const retried = calls === 0 ? 0 : Math.min(1, retries / calls);
  return (
    <>
      <Stat name="Throughput" value={value} unit={unit} note={`${plural(calls, "call")} in ${span(windowMs)}`} />
      <Stat
        name="Error rate"
        value={share(errors)}
        note={`${plural(failed, "call")} failed`}
        tone={errors > 0.1 ? "bad" : errors > 0.02 ? "warn" : undefined}
      />
      <Stat
        name="Retry rate"
        value={share(retried)}
        note={plural(retries, "retry", "retries")}
        tone={retried > 0.2 ? "bad" : retried > 0.05 ? "warn" : undefined}
      />
    </>
  );
}
