/**
 * The library's face. Stand-alone policies, the engine, and the pure parts worth using by themselves. Withheld: the engine's
 * own machinery (lanes, lifecycle, stores' contracts), which is reached through `createHoldfast` and changes without notice.
 */
export { classifyAnswer, classifyError } from "./policy/classify/classify.ts";
export { constant, exponential, linear, schedule } from "./policy/backoff/backoff.ts";
export { parseHint } from "./policy/hints/parse-hint.ts";
export { idempotencyKey } from "./policy/idempotency/key.ts";
export { retry } from "./client/retry.ts";
export { retryable } from "./client/retryable.ts";
export { circuitBreaker, concurrency, rateLimit, timeout } from "./client/standalone.ts";
export { defineSync } from "./durable/sync/definition.ts";
export { httpSink } from "./durable/sync/http-sink.ts";
export { httpSource } from "./durable/sync/http-source.ts";
export { sqlSource } from "./durable/sync/sql-source.ts";
export { createHoldfast } from "./client/holdfast.ts";
export { defineApi } from "./api/define-api.ts";
export { definePipeline } from "./durable/pipeline/definition.ts";
export { defineConfig } from "./client/define-config.ts";
export { bearer } from "./api/auth.ts";
export { env } from "./api/secret.ts";
export { explain } from "./core/explain.ts";
export { explainBecause } from "./core/decision.ts";
export {
  CircuitOpenError,
  ConfigError,
  CredentialError,
  DeadlineError,
  errorRegistry,
  HoldfastError,
  IdempotencyInFlightError,
  IdempotencyMismatchError,
  isHoldfastError,
  OperationFailedError,
  OutcomeUnknownError,
  QueueFullError,
  RateLimitedError,
  TimeoutError,
} from "./core/errors.ts";

export type { Backoff, BackoffLike, ExponentialOptions, Jitter } from "./policy/backoff/backoff.ts";
export type { BreakerOptions } from "./policy/breaker/options.ts";
export type { BreakerMode } from "./policy/breaker/breaker.ts";
export type { Rule, RuleConditions } from "./policy/classify/rule.ts";
export type { RateLimitOptions } from "./policy/rate-limit/options.ts";
export type { ConcurrencyOptions } from "./policy/concurrency/permits.ts";
export type { RetryBudgetOptions } from "./policy/budget/retry-budget.ts";
export type { RetryQuotaOptions } from "./policy/budget/retry-quota.ts";
export type { HintHeader } from "./policy/hints/parse-hint.ts";
export type { ApiOptions, Durability, EndpointOptions, IdempotencyOptions } from "./api/api-options.ts";
export type { DeadLetterOptions, LetterWebhookOptions } from "./api/letter-webhook-options.ts";
export type { ConfiguredCallbacks } from "./client/configured-callbacks.ts";
export type { ConfiguredInbox } from "./client/configured-inboxes.ts";
export type { HoldfastConfig } from "./client/define-config.ts";
export type { StoreUrl } from "./api/store-url.ts";
export type { TokenOptions, TokenRateLimit, TokenScope } from "./api/token-options.ts";
export type {
  AuthOptions,
  BasicAuth,
  BearerAuth,
  ClientCredentialsAuth,
  HeaderAuth,
  OAuth2Auth,
  QueryAuth,
  RefreshTokenAuth,
} from "./api/auth.ts";
export type { SecretReference, SecretSource } from "./api/secret.ts";
export type { ProfileName } from "./api/profiles.ts";
export type { RetryOptions } from "./client/retry.ts";
export type { CircuitBreaker, ConcurrencyLimit, RateLimiter } from "./client/standalone.ts";
export type { Holdfast, HoldfastOptions } from "./client/holdfast.ts";
export type { LaneStatus } from "./client/lane-status.ts";
export type { ApiHistory, History, HistoryOptions, LaneHistory } from "./client/history.ts";
export type { ImpactOptions, ImpactReport } from "./client/impact.ts";
export type { DeadAt, Impact, WaitingAt } from "./signals/impact/impact.ts";
export type { ApiPoint, HistoryPoint, SeenLane, ToldChange } from "./signals/history/reading.ts";
export type { BreakerChange, Standing } from "./signals/history/block.ts";
export type { Totals } from "./signals/history/counts.ts";
export type { CallOptions, KeyedWriteCall, ReadCall, UnkeyedWriteCall } from "./client/call-door.ts";
export type { EnqueueOptions } from "./client/new-operation.ts";
export type { Operation } from "./client/operation.ts";
export type { LimitOptions, LimitOverride, LimitOverrides, OverrideOptions } from "./client/limit-overrides.ts";
export type { ApiChanges } from "./client/open-apis.ts";
export type { Operations } from "./client/operations.ts";
export type { CallbackOptions } from "./api/callback-options.ts";
export type { ForwardTo, InboxEvent, InboxOptions } from "./client/inbox-options.ts";
export type { VerifyOptions } from "./durable/inbox/options.ts";
export type { Sync } from "./client/sync-door.ts";
export type { ResetOptions, Syncs, SyncStatus } from "./client/syncs.ts";
export type { SyncDefinition, SyncOptions } from "./durable/sync/definition.ts";
export type { HttpSinkOptions } from "./durable/sync/http-sink.ts";
export type { HttpPaging, HttpSourceOptions } from "./durable/sync/http-source.ts";
export type { SyncReport, SyncResult, UnfinishedRecord } from "./durable/sync/report.ts";
export type { ItemAnswer, SinkAnswer, SinkContext, SyncItem, SyncSink } from "./durable/sync/sink.ts";
export type { PagedSource, RecordCursor, SourceContext, SyncSource } from "./durable/sync/source.ts";
export type { SqlRows, SqlSourceOptions } from "./durable/sync/sql-source.ts";
export type { CursorValue } from "./policy/watermark/cursor.ts";
export type {
  AnyPipelineDefinition,
  FunctionStep,
  PipelineDefinition,
  PipelineOptions,
  PipelineResults,
  RequestStep,
  ResultsBefore,
  StepAttempt,
  StepContext,
  StepOptions,
  StepRequest,
  StepTypes,
} from "./durable/pipeline/definition.ts";
export type { Pipeline, PipelineEnd, PipelineProgress, PipelineReport, RunManyOptions } from "./durable/pipeline/pipeline.ts";
export type { ParkedStep } from "./durable/pipeline/pipeline-run.ts";
export type { PipelineHandleOptions } from "./client/pipeline-door.ts";
export type { Pipelines } from "./client/pipelines.ts";
export type { WorkerOptions } from "./engine/worker-options.ts";
export type { FetchOptions } from "./client/fetch-door.ts";
export type { Measure, MeasureDefinition, Measures } from "./ports/measures.ts";
export type { TracedRequest, TraceOrigin, Tracer } from "./ports/tracer.ts";
export type { TaskOptions } from "./client/task.ts";
export type { AlertOptions, AlertSinkOptions } from "./client/alert-options.ts";
export type { Alerts, SilenceOptions, TestedSink } from "./client/alerts.ts";
export type { Advice, AdviceKind, AdviceReport, Confidence, ConfigLine } from "./signals/advice/advice.ts";
export type { AlertChange, AlertState } from "./signals/alerts/alert.ts";
export type { AlertNotice } from "./signals/alerts/notice.ts";
export type { AlertLevelOptions, AlertRuleName, AlertRuleOptions, AlertTier } from "./signals/alerts/rules.ts";
export type { Silence } from "./signals/alerts/silence.ts";
export type { EmailTransport } from "./signals/alerts/sinks/email.ts";
export type { DeadLetters } from "./client/dead-letters.ts";
export type { ExportFormat } from "./client/letter-export.ts";
export type { ReplayEntry, ReplayOptions, ReplayReport } from "./client/replay-options.ts";
export type { AttemptContext, Reconciled } from "./engine/call.ts";
export type { AttemptOptions, TimeoutOptions } from "./engine/call-policy.ts";
export type { Because, BecauseCode, DeadReason, Decision } from "./core/decision.ts";
export type { Duration } from "./core/duration.ts";
export type { ErrorCode } from "./core/errors.ts";
export type { Explanation } from "./core/explain.ts";
export type { Effect, Hint, Verdict, VerdictKind } from "./core/verdict.ts";
export type { EventListener, EventMap, EventName, LaneRef } from "./ports/events.ts";
export type { DeadLetter, DeadLetterFilter, DeadLetterGroup, AttemptRecord } from "./ports/dead-letter-store.ts";
export type { Clock } from "./ports/clock.ts";
export type { Random } from "./ports/random.ts";
export type { RunFilter, RunState, RunView, StepState, StepView } from "./ports/step-store.ts";
export type { Store, StoreFactory } from "./ports/store.ts";
export type { Transport } from "./ports/transport.ts";
