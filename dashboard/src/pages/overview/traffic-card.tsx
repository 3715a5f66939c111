import { useQueries } from "@tanstack/react-query";
import { useMemo, type ReactNode } from "react";
import { ask, type Answer, type Item } from "../../api/client.ts";
import { BreakerStrip, StripKey } from "../../charts/breaker-strip.tsx";
import { callsIn, shareOf, stacked, stepsOf, throughputOf } from "../../charts/series.ts";
import { spansOf } from "../../charts/spans.ts";
import { TimeChart, type ChartLine } from "../../charts/time-chart.tsx";
import { hrefOf } from "../../router/location.ts";
import { Card } from "../../ui/card.tsx";
import { share } from "../../ui/numbers.ts";
import { inOrder } from "../lanes/lane-order.ts";

interface TrafficCardProps {
  readonly history: Answer<"GET /v1/stats/history">;
  readonly lanes: readonly Item<"GET /v1/lanes">[];
  readonly window: string;
}

const COLOURS = ["series-1", "series-2", "series-3", "series-4", "series-5"] as const;
const MOST_STRIPS = 5;

/** What went through, what failed of it, what had to be sent again, and which breakers opened, over one time. */
export function TrafficCard({ history, lanes, window }: TrafficCardProps): ReactNode {
  const { items, stepMs, from, to } = history;
  const { times, traffic, retries } = useMemo(() => {
    const steps = stepsOf(items, stepMs).times;
    const own = throughputOf(items, stepMs);
    const areas = stacked(own).map(({ name, values }, index): ChartLine => ({
      name,
      values,
      own: own[index]?.values ?? [],
      colour: COLOURS[index] ?? "series-6",
      look: "area",
      scale: "amount",
      format: perSecond,
    }));
    const errors: ChartLine = {
      name: "error rate",
      values: shareOf(
        items,
        ({ failed }) => failed,
        ({ calls }) => calls,
        steps,
      ),
      colour: "bad",
      look: "line",
      scale: "share",
      format: share,
    };
    const again: ChartLine = {
      name: "retries for each call",
      values: shareOf(items, ({ retries: again }) => again, callsIn, steps),
      colour: "warn",
      look: "area",
      scale: "share",
      format: share,
    };
    return { times: steps, traffic: [...areas, errors], retries: [again] };
  }, [items, stepMs]);
  const time = { times, from, to };
  return (
    <Card title="Traffic">
      <div className="traffic">
        <TimeChart label="Calls a second" {...time} lines={traffic} height={190} axis={false} />
        <TimeChart label="Retry rate" {...time} lines={retries} height={104} axis />
        <Breakers lanes={lanes} window={window} from={from} to={to} />
      </div>
    </Card>
  );
}

function perSecond(value: number): string {
  return value === 0 ? "0" : value < 10 ? value.toFixed(1) : String(Math.round(value));
}

interface BreakersProps {
  readonly lanes: TrafficCardProps["lanes"];
  readonly window: string;
  readonly from: number;
  readonly to: number;
}

/** The breakers that changed within the window, on the charts' own time. */
function Breakers({ lanes, window, from, to }: BreakersProps): ReactNode {
  const changed = inOrder(lanes)
    .filter(
      ({ breaker, lastChange }) => breaker === "open" || breaker === "half-open" || (lastChange !== undefined && lastChange.at >= from),
    )
    .slice(0, MOST_STRIPS);
  const histories = useQueries({
    queries: changed.map(({ id }) => ({
      queryKey: ["GET /v1/lanes/{lane}/history", { params: { lane: id }, query: { window } }],
      queryFn: () => ask("GET /v1/lanes/{lane}/history", { params: { lane: id }, query: { window } }),
      refetchInterval: 10_000,
    })),
  });
  if (changed.length === 0) return <p className="faint strip-none">No breaker opened in this time.</p>;
  return (
    <div className="strips">
      <div className="legend">
        <span className="legend-title">Breakers</span>
        <StripKey />
      </div>
      {changed.map(({ id, api, endpoint, breaker }, index) => {
        const data = histories[index]?.data;
        return (
          <BreakerStrip
            key={id}
            name={`${api} ${endpoint}`}
            href={hrefOf(["lanes", id], { window })}
            spans={data === undefined ? [] : spansOf({ ...data, from, to }, breaker)}
            from={from}
            to={to}
          />
        );
      })}
    </div>
  );
}
