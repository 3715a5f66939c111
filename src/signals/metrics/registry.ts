import { BUCKETS, METRICS, type MetricDefinition, type MetricName } from "./catalogue.ts";

/** More label sets than this of one metric are counted as one, `other`. */
const MOST_SERIES = 2_000;
/** Counts by bucket, then those above the last, then the sum. */
const WIDTH = BUCKETS.length + 2;

/** The numbers of one label set: one, or those of a histogram. */
export type Series = Float64Array;

interface Family {
  readonly name: MetricName;
  readonly definition: MetricDefinition;
  readonly series: Map<string, { readonly labels: readonly string[]; readonly numbers: Series }>;
}

/** Gauges that are read when somebody asks. */
export type Sample = readonly [name: MetricName, labels: readonly string[], value: number];

/**
 * Numbers in arrays, which cost an addition; they are put into words when they are scraped. Who counts often keeps the series that
 * {@link Registry.series} gave.
 */
export class Registry {
  readonly #families = new Map<MetricName, Family>(
    Object.entries(METRICS).map(([name, definition]) => [name as MetricName, { name: name as MetricName, definition, series: new Map() }]),
  );

  /** The numbers of a label set, in the order of the metric's labels. */
  series(name: MetricName, ...labels: readonly string[]): Series {
    const family = this.#families.get(name) as Family;
    const key = labels.join("\u0000");
    const known = family.series.get(key);
    if (known !== undefined) return known.numbers;
    if (family.series.size >= MOST_SERIES && !labels.every((label) => label === "other")) {
      if (name !== "holdfast_metrics_overflow_total") this.add("holdfast_metrics_overflow_total", 1, name);
      return this.series(name, ...labels.map(() => "other"));
    }
    const numbers = new Float64Array(family.definition.type === "histogram" ? WIDTH : 1);
    family.series.set(key, { labels, numbers });
    return numbers;
  }

  add(name: MetricName, by: number, ...labels: readonly string[]): void {
    const numbers = this.series(name, ...labels);
    numbers[0] = (numbers[0] as number) + by;
  }

  observe(name: MetricName, seconds: number, ...labels: readonly string[]): void {
    observe(this.series(name, ...labels), seconds);
  }

  /** The counters as they stand. */
  counters(): readonly Sample[] {
    return [...this.#families.values()]
      .filter(({ definition }) => definition.type !== "histogram")
      .flatMap(({ name, series }) => [...series.values()].map(({ labels, numbers }) => [name, labels, numbers[0] as number] as const));
  }

  /**
   * All that was counted, and gauges as they stand, in the text format of Prometheus 0.0.4.
   * https://prometheus.io/docs/instrumenting/exposition_formats/
   */
  render(gauges: Iterable<Sample>): string {
    const read = new Map<MetricName, Sample[]>();
    for (const sample of gauges) {
      const samples = read.get(sample[0]);
      if (samples === undefined) read.set(sample[0], [sample]);
      else samples.push(sample);
    }
    const lines: string[] = [];
    for (const { name, definition, series } of this.#families.values()) {
      const samples = read.get(name) ?? [];
      if (series.size === 0 && samples.length === 0) continue;
      lines.push(`# HELP ${name} ${definition.help.replaceAll("\\", "\\\\")}`, `# TYPE ${name} ${definition.type}`);
      for (const { labels, numbers } of series.values()) {
        if (definition.type === "histogram") lines.push(...histogram(name, definition.labels, labels, numbers));
        else lines.push(`${name}${labelText(definition.labels, labels)} ${numbers[0] as number}`);
      }
      for (const [, labels, value] of samples) lines.push(`${name}${labelText(definition.labels, labels)} ${numberText(value)}`);
    }
    return `${lines.join("\n")}\n`;
  }
}

/** Puts a duration into its bucket. */
export function observe(numbers: Series, seconds: number): void {
  let bucket = 0;
  while (bucket < BUCKETS.length && seconds > (BUCKETS[bucket] as number)) bucket += 1;
  numbers[bucket] = (numbers[bucket] as number) + 1;
  numbers[WIDTH - 1] = (numbers[WIDTH - 1] as number) + seconds;
}

function* histogram(name: string, names: readonly string[], labels: readonly string[], numbers: Series): Generator<string> {
  let count = 0;
  for (const [index, bound] of [...BUCKETS, Number.POSITIVE_INFINITY].entries()) {
    count += numbers[index] as number;
    yield `${name}_bucket${labelText([...names, "le"], [...labels, numberText(bound)])} ${count}`;
  }
  yield `${name}_sum${labelText(names, labels)} ${numbers[WIDTH - 1] as number}`;
  yield `${name}_count${labelText(names, labels)} ${count}`;
}

function labelText(names: readonly string[], values: readonly string[]): string {
  if (names.length === 0) return "";
  return `{${names.map((name, index) => `${name}="${escaped(values[index] ?? "")}"`).join(",")}}`;
}

function escaped(value: string): string {
  return value.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
}

function numberText(value: number): string {
  if (value === Number.POSITIVE_INFINITY) return "+Inf";
  return value === Number.NEGATIVE_INFINITY ? "-Inf" : String(value);
}
