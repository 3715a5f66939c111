import { useMemo, type ReactNode } from "react";
import { useApi } from "../../api/use-api.ts";
import { BreakerStrip, StripKey } from "../../charts/breaker-strip.tsx";
import { stacked } from "../../charts/series.ts";
import { spansOf } from "../../charts/spans.ts";
import { TimeChart, type ChartLine } from "../../charts/time-chart.tsx";
import { useFilter } from "../../router/location.ts";
import { instant, span } from "../../time/format.ts";
import { Card } from "../../ui/card.tsx";
import { Segments } from "../../ui/fields.tsx";
import { Read } from "../../ui/read.tsx";
import type { Answer } from "../../api/client.ts";
import type { Lane } from "./lane-order.ts";

type History = Answer<"GET /v1/lanes/{lane}/history">;

/** So many changes and acts are listed, the latest; an outage is a dozen of them. */
const SHOWN = 50;

const WINDOWS = [
  ["5m", "5 min"],
  ["15m", "15 min"],
  ["1h", "1 h"],
  ["24h", "24 h"],
] as const;

/** Verdicts from the best to the worst, each with its colour: what is bad lies on top, where it is seen. */
const KINDS = [
  ["success", "good"],
  ["conflict", "info"],
  ["cancelled", "idle"],
  ["throttled", "series-4"],
  ["unauthorized", "series-3"],
  ["malformed", "series-5"],
  ["transient", "warn"],
  ["permanent", "bad"],
] as const;

/** What attempts came to, how long they took, and the breaker over them. */
export function LaneHistoryCard({ lane }: { readonly lane: Lane }): ReactNode {
  const [window, setWindow] = useFilter("window", "15m");
  const history = useApi("GET /v1/lanes/{lane}/history", { params: { lane: lane.id }, query: { window } }, { everyMs: 5_000 });
  return (
    <Card title="What happened" aside={<Segments label="Time window" value={window} onChange={setWindow} options={WINDOWS} />}>
      <Read of={history}>{(read) => <Charts history={read} lane={lane} />}</Read>
    </Card>
  );
}

function Charts({ history, lane }: { readonly history: History; readonly lane: Lane }): ReactNode {
  const { from, to, points, stepMs, changes, acts } = history;
  const { times, attempts, latency } = useMemo(() => {
    const own = KINDS.map(([kind, colour]) => ({
      name: kind,
      colour,
      values: points.map(({ verdicts }) => ((verdicts[kind] ?? 0) / stepMs) * 1_000),
    })).filter(({ values, name }) => name === "success" || values.some((value) => value > 0));
    const areas = stacked(own).map(({ name, values }, index): ChartLine => ({
      name,
      values,
      own: own[index]?.values ?? [],
      colour: own[index]?.colour ?? "idle",
      look: "area",
      scale: "amount",
      format: perSecond,
    }));
    const line = (name: string, colour: string, of: (point: History["points"][number]) => number | null): ChartLine => ({
      name,
      colour,
      values: points.map(of),
      look: "line",
      scale: "amount",
      format: span,
    });
    return {
      times: points.map(({ at }) => at),
      attempts: areas,
      latency: [line("p50", "series-2", ({ p50 }) => p50), line("p95", "series-3", ({ p95 }) => p95)],
    };
  }, [points, stepMs]);
  const time = { times, from, to };
  const last = [
    ...changes.map((change) => ({ at: change.at, words: `${change.from} → ${change.to}`, why: change.because })),
    ...acts.map(({ at, what, by, why }) => ({ at, words: `${what} by ${by}`, why: why ?? "" })),
  ]
    .sort((a, b) => b.at - a.at)
    .slice(0, SHOWN);
  return (
    <div className="traffic">
      <TimeChart label="Attempts a second" {...time} lines={attempts} height={170} axis={false} />
      <TimeChart label="Latency" {...time} lines={latency} height={110} axis />
      {lane.breaker !== "none" && (
        <div className="strips">
          <BreakerStrip name="breaker" spans={spansOf(history, lane.breaker)} from={from} to={to} />
          <StripKey />
        </div>
      )}
      {last.length > 0 && (
        <ol className="changes" tabIndex={0} aria-label="What has changed, the latest first">
          {last.map(({ at, words, why }) => (
            <li key={`${at} ${words}`}>
              <time className="faint nowrap">{instant(at)}</time>
              <span className="nowrap">{words}</span>
              <span className="soft">{why}</span>
            </li>
          ))}
        </ol>
      )}
    </div>
  );
}

function perSecond(value: number): string {
  return value === 0 ? "0" : value < 10 ? value.toFixed(1) : String(Math.round(value));
}
