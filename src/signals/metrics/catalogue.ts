/**
 * Every metric that there is, as data: what is collected, what is rendered, the page `docs/reference/metrics.md`, the dashboard and the
 * alert rules are all held to this list.
 *
 * Labels are bounded: an API has at most 200 endpoints that are told apart, the other words are from lists of ours, and no label holds an
 * account, a key or an id.
 */
export interface MetricDefinition {
  readonly type: "counter" | "gauge" | "histogram";
  /** One sentence. */
  readonly help: string;
  readonly labels: readonly string[];
}

const LANE = ["api", "endpoint"];

export type MetricName =
  | "holdfast_attempt_duration_seconds"
  | "holdfast_call_duration_seconds"
  | "holdfast_retried_calls_total"
  | "holdfast_failed_calls_total"
  | "holdfast_retries_total"
  | "holdfast_admission_wait_seconds"
  | "holdfast_limiter_pauses_total"
  | "holdfast_breaker_changes_total"
  | "holdfast_breaker_state"
  | "holdfast_lane_in_flight"
  | "holdfast_lane_waiting"
  | "holdfast_retry_budget_available"
  | "holdfast_operations_settled_total"
  | "holdfast_operation_duration_seconds"
  | "holdfast_queue_operations"
  | "holdfast_queue_oldest_due_seconds"
  | "holdfast_dead_letters_total"
  | "holdfast_dead_letters_open"
  | "holdfast_idempotency_replays_total"
  | "holdfast_credential_refreshes_total"
  | "holdfast_nested_retries_total"
  | "holdfast_sync_runs_total"
  | "holdfast_sync_records_total"
  | "holdfast_sync_held_seconds"
  | "holdfast_sync_watermark_lag_seconds"
  | "holdfast_pipeline_runs_total"
  | "holdfast_pipeline_steps_total"
  | "holdfast_store_failures_total"
  | "holdfast_listener_failures_total"
  | "holdfast_metrics_overflow_total";

export const METRICS: Readonly<Record<MetricName, MetricDefinition>> = {
  holdfast_attempt_duration_seconds: {
    type: "histogram",
    help: "How long single attempts took, by what came of them.",
    labels: [...LANE, "verdict"],
  },
  holdfast_call_duration_seconds: {
    type: "histogram",
    help: "How long calls took from end to end, with all waits and retries, by how they ended.",
    labels: [...LANE, "outcome"],
  },
  holdfast_retried_calls_total: {
    type: "counter",
    help: "Calls that took more than one attempt, by how they ended.",
    labels: [...LANE, "outcome"],
  },
  holdfast_failed_calls_total: {
    type: "counter",
    help: "Calls that failed or were refused, by why; lane-budget, task-budget and key-budget are retries that a budget did not allow.",
    labels: [...LANE, "because"],
  },
  holdfast_retries_total: {
    type: "counter",
    help: "Retries that were decided on, inline and in the queue, by why.",
    labels: [...LANE, "because"],
  },
  holdfast_admission_wait_seconds: {
    type: "histogram",
    help: "How long calls waited for a permit, a rate token or a probe, where they waited at all.",
    labels: LANE,
  },
  holdfast_limiter_pauses_total: {
    type: "counter",
    help: "Times that the other side's word paused a rate limit.",
    labels: LANE,
  },
  holdfast_breaker_changes_total: {
    type: "counter",
    help: "Changes of circuit breakers, by the state they came to.",
    labels: [...LANE, "to"],
  },
  holdfast_breaker_state: {
    type: "gauge",
    help: "Circuit breakers as they stand: 0 closed, 1 half-open, 2 open. The worst of an endpoint's accounts.",
    labels: LANE,
  },
  holdfast_lane_in_flight: { type: "gauge", help: "Attempts under way.", labels: LANE },
  holdfast_lane_waiting: { type: "gauge", help: "Calls of this process that wait to be admitted.", labels: LANE },
  holdfast_retry_budget_available: {
    type: "gauge",
    help: "Retries that the lane's budget would allow now. The least of an endpoint's accounts.",
    labels: LANE,
  },
  holdfast_operations_settled_total: {
    type: "counter",
    help: "Operations of the queue that this process has written down, by where they went.",
    labels: [...LANE, "state"],
  },
  holdfast_operation_duration_seconds: {
    type: "histogram",
    help: "How long operations of the queue took from being accepted to their end.",
    labels: [...LANE, "state"],
  },
  holdfast_queue_operations: {
    type: "gauge",
    help: "Operations in the store that have not ended: due, leased, or parked.",
    labels: [...LANE, "state"],
  },
  holdfast_queue_oldest_due_seconds: {
    type: "gauge",
    help: "For how long the oldest operation that could be done has waited.",
    labels: LANE,
  },
  holdfast_dead_letters_total: {
    type: "counter",
    help: "Dead letters that this process has kept, by reason.",
    labels: [...LANE, "reason"],
  },
  holdfast_dead_letters_open: {
    type: "gauge",
    help: "Dead letters in the store that nobody has resolved or discarded.",
    labels: LANE,
  },
  holdfast_idempotency_replays_total: {
    type: "counter",
    help: "Calls that were answered with what is kept under their key.",
    labels: ["api"],
  },
  holdfast_credential_refreshes_total: { type: "counter", help: "Credentials that were got anew after a refusal.", labels: ["api"] },
  holdfast_nested_retries_total: { type: "counter", help: "Retry loops that were found inside others, and held back.", labels: [] },
  holdfast_sync_runs_total: { type: "counter", help: "Runs of syncs that ended, by how.", labels: ["sync", "outcome"] },
  holdfast_sync_records_total: { type: "counter", help: "Records of syncs, by what became of them.", labels: ["sync", "result"] },
  holdfast_sync_held_seconds: {
    type: "gauge",
    help: "For how long a watermark has not moved although there was something to do.",
    labels: ["sync"],
  },
  holdfast_sync_watermark_lag_seconds: {
    type: "gauge",
    help: "How far a watermark that is a time lies back.",
    labels: ["sync"],
  },
  holdfast_pipeline_runs_total: { type: "counter", help: "Runs of pipelines, by where they went.", labels: ["pipeline", "state"] },
  holdfast_pipeline_steps_total: {
    type: "counter",
    help: "Steps of pipelines, by where they went.",
    labels: ["pipeline", "step", "state"],
  },
  holdfast_store_failures_total: { type: "counter", help: "Times that the store did not answer.", labels: [] },
  holdfast_listener_failures_total: { type: "counter", help: "Times that a listener to an event threw.", labels: ["event"] },
  holdfast_metrics_overflow_total: {
    type: "counter",
    help: "Label values that were one too many, and are counted as `other`.",
    labels: ["metric"],
  },
};

/** Upper bounds of all histograms, in seconds: from a call on the same machine to an operation that was parked for a day. */
export const BUCKETS: readonly number[] = [
  0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1_800, 7_200, 86_400,
];
