import { useEffect, useMemo, useRef, useState, type ReactNode } from "react";
import UPlot from "uplot";
import { colourOf, useShownTheme } from "../design/theme.ts";
import { minuteOfDay, timeOfDay } from "../time/format.ts";

/** One line of a chart. */
export interface ChartLine {
  readonly name: string;
  /** What is drawn. */
  readonly values: readonly (number | null)[];
  /** What the legend tells, where that is not what is drawn: of stacked lines, each one's own. */
  readonly own?: readonly (number | null)[];
  /** A colour of the design, such as `series-1`. */
  readonly colour: string;
  readonly look: "area" | "line";
  /** Shares have an axis of their own, from nothing to all, at the right. */
  readonly scale: "amount" | "share";
  readonly format: (value: number) => string;
}

interface TimeChartProps {
  readonly label: string;
  readonly times: readonly number[];
  readonly lines: readonly ChartLine[];
  readonly from: number;
  readonly to: number;
  readonly height: number;
  /** Whether the hours stand below it; of charts over each other only the last one tells them. */
  readonly axis: boolean;
}

/** The space at both sides, the same in every chart, so that charts over each other share their time. */
export const GUTTER = 46;
const SYNC = "time";
/** uPlot's own number for it, whose enum is types only. */
// oxlint-disable-next-line typescript/no-unsafe-enum-assignment -- as above
const RIGHT = 1 as UPlot.Axis.Side;
const FONT = '11px "Inter Variable", sans-serif';
/** The least that a share's axis shows, so that a tenth of a percent is no mountain. */
const LEAST_SHARE = 0.05;

/** Lines over time. Pointing at an instant points at it in every chart of the page, and the legends tell what was then. */
export function TimeChart({ label, times, lines, from, to, height, axis }: TimeChartProps): ReactNode {
  const box = useRef<HTMLDivElement>(null);
  const plot = useRef<UPlot>(null);
  const [width, setWidth] = useState(0);
  const [at, setAt] = useState<number | null>(null);
  const theme = useShownTheme();
  const shape = JSON.stringify(lines.map(({ name, colour, look, scale }) => [name, colour, look, scale]));
  const data = useMemo(() => [times, ...lines.map(({ values }) => values)] as unknown as UPlot.AlignedData, [times, lines]);
  const latest = useRef({ lines, data });
  useEffect(() => {
    latest.current = { lines, data };
  });

  useEffect(() => {
    const element = box.current;
    if (element === null) return undefined;
    const observer = new ResizeObserver(([entry]) => setWidth(Math.floor(entry?.contentRect.width ?? 0)));
    observer.observe(element);
    return () => observer.disconnect();
  }, []);

  useEffect(() => {
    if (width === 0 || box.current === null) return undefined;
    const chart = new UPlot(
      optionsOf({ lines: latest.current.lines, width, height, axis, onPoint: setAt }),
      latest.current.data,
      box.current,
    );
    plot.current = chart;
    return () => {
      plot.current = null;
      chart.destroy();
    };
    // A chart is made anew where what it is made of changes: its lines, its size, its colours.
  }, [shape, width, height, axis, theme]);

  useEffect(() => {
    const chart = plot.current;
    if (chart === null) return;
    chart.setData(data, false);
    chart.setScale("x", { min: from, max: to });
  }, [data, from, to, shape, width, height, axis, theme]);

  return (
    <figure className="chart" aria-label={label}>
      <Legend lines={lines} times={times} at={at} label={label} />
      <div ref={box} className="chart-box" style={{ height }} />
    </figure>
  );
}

interface LegendProps {
  readonly lines: readonly ChartLine[];
  readonly times: readonly number[];
  readonly at: number | null;
  readonly label: string;
}

function Legend({ lines, times, at, label }: LegendProps): ReactNode {
  const time = at === null ? undefined : times[at];
  return (
    <figcaption className="legend">
      <span className="legend-title">{label}</span>
      {time !== undefined && <time className="legend-time">{timeOfDay(time)}</time>}
      {lines.map(({ name, colour, look, own, values, format }) => {
        const value = at === null ? undefined : (own ?? values)[at];
        return (
          <span key={name} className="legend-line">
            <span className={`legend-mark mark-${look}`} style={{ color: `var(--${colour})` }} aria-hidden />
            {name}
            {value !== undefined && <span className="legend-value">{value === null ? "–" : format(value)}</span>}
          </span>
        );
      })}
    </figcaption>
  );
}

interface OptionParts {
  readonly lines: readonly ChartLine[];
  readonly width: number;
  readonly height: number;
  readonly axis: boolean;
  readonly onPoint: (index: number | null) => void;
}

function optionsOf({ lines, width, height, axis, onPoint }: OptionParts): UPlot.Options {
  const faint = colourOf("ink-faint");
  const grid = { stroke: colourOf("line"), width: 1 };
  const side: UPlot.Axis = { stroke: faint, font: FONT, grid, ticks: { show: false }, size: GUTTER, gap: 6 };
  const formatOf = (scale: ChartLine["scale"]): ChartLine["format"] => lines.find((line) => line.scale === scale)?.format ?? String;
  const has = (scale: ChartLine["scale"]): boolean => lines.some((line) => line.scale === scale);
  // Areas are drawn from the outermost inwards, so that each covers what is not its own.
  return {
    width,
    height,
    ms: 1,
    padding: [6, has("share") ? 0 : GUTTER, axis ? 0 : 4, has("amount") ? 0 : GUTTER],
    legend: { show: false },
    cursor: { sync: { key: SYNC }, y: false, points: { size: 7 }, drag: { x: false, y: false } },
    scales: {
      x: { time: true, auto: false },
      amount: { range: (_, __, max) => [0, Math.max(max * 1.12, 1)] },
      share: { range: (_, __, max) => [0, Math.min(1, Math.max(max * 1.2, LEAST_SHARE))] },
    },
    axes: [
      { ...side, show: axis, size: 26, space: 90, grid: { ...grid, show: axis }, values: (_, splits) => splits.map(minuteOfDay) },
      ...(has("amount")
        ? [{ ...side, scale: "amount", splits: threeSplits, values: (_: UPlot, splits: number[]) => splits.map(formatOf("amount")) }]
        : []),
      ...(has("share")
        ? [
            {
              ...side,
              scale: "share",
              side: RIGHT,
              grid: { ...grid, show: !has("amount") },
              splits: threeSplits,
              values: (_: UPlot, splits: number[]) => splits.map(formatOf("share")),
            },
          ]
        : []),
    ],
    series: [{}, ...lines.map(({ colour, look, scale, name }) => seriesOf(name, colourOf(colour), look, scale))],
    bands: lines.flatMap(({ look }, index) =>
      look === "area" && lines[index - 1]?.look === "area" ? [{ series: [index + 1, index] as [number, number] }] : [],
    ),
    hooks: { setCursor: [(chart) => onPoint(chart.cursor.idx ?? null)] },
  };
}

function seriesOf(label: string, colour: string, look: ChartLine["look"], scale: ChartLine["scale"]): UPlot.Series {
  const faded = colour.replace("rgb(", "rgba(").replace(")", ", 0.22)");
  return {
    label,
    scale,
    stroke: colour,
    width: look === "line" ? 1.75 : 1.25,
    points: { show: false },
    spanGaps: false,
    ...(look === "area" ? { fill: faded } : {}),
  };
}

/** Nothing, the half and the most: an axis that is read and not measured. */
function threeSplits(_: UPlot, __: number, min: number, max: number): number[] {
  const most = niceBelow(max);
  return [min, most / 2, most];
}

function niceBelow(value: number): number {
  const unit = 10 ** Math.floor(Math.log10(value));
  return ([10, 8, 6, 5, 4, 3, 2, 1].find((step) => step * unit <= value) ?? 1) * unit;
}
