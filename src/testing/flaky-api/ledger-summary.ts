/** The ledger in figures: what `holdfast mock` prints at the end, and `GET /__holdfast/ledger` answers. */
export interface LedgerSummary {
  /** Wall-clock milliseconds. */
  readonly startedAt: number;
  readonly elapsedMs: number;
  readonly requests: number;
  readonly effects: number;
  /** Subjects that an endpoint's effect met more than once. */
  readonly doubled: number;
  readonly endpoints: Readonly<Record<string, EndpointSummary>>;
  /** How often each rule was met. */
  readonly rules: Readonly<Record<string, number>>;
  /** How often each limit refused. */
  readonly limits: Readonly<Record<string, number>>;
  readonly tokens: { readonly issued: number; readonly refused: number };
}

export interface EndpointSummary {
  readonly requests: number;
  readonly effects: number;
  /** Subjects with an effect. */
  readonly subjects: number;
  readonly doubled: number;
  /** How requests ended: by status, or `reset`, `hung`, `cut`. */
  readonly endings: Readonly<Record<string, number>>;
  /** What recognised repetitions got. */
  readonly repeats: Readonly<Record<string, number>>;
}
