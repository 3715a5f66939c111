/** A metric, as it is defined. */
export interface MeasureDefinition {
  readonly name: string;
  readonly type: "counter" | "gauge" | "histogram";
  /** One sentence. */
  readonly help: string;
  readonly labels: readonly string[];
  /** Upper bounds of a histogram's buckets, in seconds. */
  readonly buckets?: readonly number[];
}

/** A number, with the values of its metric's labels in their order. */
export interface Measure {
  readonly name: string;
  readonly labels: readonly string[];
  readonly value: number;
}

/** What an engine counts, for those who export it in another form. */
export interface Measures {
  readonly definitions: readonly MeasureDefinition[];
  /** Counters and gauges as they stand; histograms are told by events. */
  read(): Promise<readonly Measure[]>;
}
