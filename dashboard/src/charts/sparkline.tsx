import type { ReactNode } from "react";

interface SparklineProps {
  readonly values: readonly number[];
  /** What it shows, in words. */
  readonly label: string;
  readonly tone?: "accent" | "bad";
}

const WIDTH = 96;
const HEIGHT = 24;
const GAP = 1;

/** How something came about, in the space of a word. */
export function Sparkline({ values, label, tone = "accent" }: SparklineProps): ReactNode {
  const most = Math.max(...values, 1);
  const step = WIDTH / Math.max(1, values.length);
  return (
    <svg
      className={`sparkline sparkline-${tone}`}
      viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
      width={WIDTH}
      height={HEIGHT}
      role="img"
      aria-label={label}
      preserveAspectRatio="none"
    >
      <title>{label}</title>
      {values.map((value, index) => {
        const height = value === 0 ? 1 : Math.max(2, (value / most) * HEIGHT);
        return (
          <rect
            key={`${index}`}
            x={index * step}
            y={HEIGHT - height}
            width={Math.max(0.6, step - GAP)}
            height={height}
            rx={0.8}
            className={value === 0 ? "sparkline-none" : undefined}
          />
        );
      })}
    </svg>
  );
}

/** As many values as there is room for, each the sum of its neighbours. */
export function squeezed(values: readonly number[], most = 32): readonly number[] {
  if (values.length <= most) return values;
  const sums = Array.from({ length: most }, () => 0);
  for (const [index, value] of values.entries()) {
    const slot = Math.min(most - 1, Math.floor((index / values.length) * most));
    sums[slot] = (sums[slot] ?? 0) + value;
  }
  return sums;
}
