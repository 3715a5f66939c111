import { median, medianRatio, type Readings } from "./harness.ts";

/** One result. */
export interface Figure {
  /** What was measured, such as `retry: success`. */
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  /** What it is compared with; null where the figure stands by itself. */
  readonly against: string | null;
  /** Value by the other's value: below 1 is better than it. */
  readonly ratio: number | null;
  /** The ratio, or without one the value, that it should not be above; null where nothing is aimed at. */
  readonly aim: number | null;
  /** Whether the aim is reached; null without one. */
  readonly holds: boolean | null;
}

/** One suite: a file of `suites/`. */
export interface Suite {
  /** What is compared, in a line. */
  readonly about: string;
  /** `quick` measures next to nothing: enough to see that it runs. `minutes` is for those that last as long as they are told to. */
  run(quick: boolean, minutes?: number): Promise<readonly Figure[]>;
}

/** Compares one contender with others. */
export function compare(
  readings: Readings,
  { name, ours, unit }: { readonly name: string; readonly ours: string; readonly unit: string },
  others: Readonly<Record<string, { readonly aim?: number }>>,
): readonly Figure[] {
  const value = median(readings.get(ours) ?? []);
  return Object.entries(others).map(([against, { aim }]) => {
    const ratio = medianRatio(readings, ours, against);
    return { name, value, unit, against, ratio, aim: aim ?? null, holds: aim === undefined ? null : ratio <= aim };
  });
}

/** A figure that is held to nothing but itself. */
export function absolute(name: string, value: number, unit: string, aim: number | null = null): Figure {
  return { name, value, unit, against: null, ratio: null, aim, holds: aim === null ? null : value <= aim };
}

/** As a line of a table. */
export function cells({ name, value, unit, against, ratio, aim, holds }: Figure): readonly string[] {
  const relative = ratio === null ? "" : `${shortly(ratio)} ×`;
  const wanted = aim === null ? "" : `≤ ${shortly(aim)} ${ratio === null ? unit : "×"}`;
  return [name, `${shortly(value)} ${unit}`, relative, against ?? "", wanted, holds === null ? "" : holds ? "holds" : "DOES NOT HOLD"];
}

/** Three digits that mean something. */
function shortly(value: number): string {
  return value >= 100 ? String(Math.round(value)) : String(Number(value.toPrecision(3)));
}

/** Rows under a heading, columns in line. */
export function table(rows: readonly (readonly string[])[]): string {
  const widths = rows[0]?.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0))) ?? [];
  return rows
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}
