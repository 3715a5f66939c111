-- Instants are milliseconds since 1970 by the database's clock. Rows are looked up by hashes, because an index cannot hold long texts.

-- What processes tell each other of the lanes that they share. No index but the key: there are few rows, which change often, and
-- without one they change in place.
CREATE TABLE holdfast.lane_state (
  id uuid PRIMARY KEY,
  seq bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
  api text NOT NULL,
  endpoint text NOT NULL,
  partition text NOT NULL,
  -- JSON. Changed by compare-and-set: whoever has seen another one is too late.
  state text NOT NULL,
  -- When there is nothing left to know; NULL while the breaker is not closed.
  idle_at float8
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);

-- How far each sync has come, who runs it, and what its last run said.
CREATE TABLE holdfast.sync (
  hash uuid PRIMARY KEY,
  seq bigint NOT NULL GENERATED ALWAYS AS IDENTITY UNIQUE,
  sync text NOT NULL,
  watermark text,
  revision int4 NOT NULL DEFAULT 0,
  advanced_at float8,
  run text,
  run_since float8,
  lease_until float8,
  last_run text,
  last_ended_at float8,
  last_report text
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.05);

-- Runs of pipelines.
CREATE TABLE holdfast.run (
  seq bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
  hash uuid NOT NULL UNIQUE,
  id text NOT NULL,
  pipeline text NOT NULL,
  version text NOT NULL,
  subject text NOT NULL,
  input text NOT NULL,
  -- open | succeeded | failed
  state text NOT NULL,
  token text,
  lease_until float8,
  opened_at float8 NOT NULL,
  ended_at float8,
  keep_until float8
) WITH (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.05);

CREATE INDEX run_pipeline ON holdfast.run (md5(pipeline), seq);
CREATE INDEX run_subject ON holdfast.run (md5(subject), seq);
CREATE INDEX run_open ON holdfast.run (seq) WHERE state = 'open';
CREATE INDEX run_over ON holdfast.run (keep_until, seq) WHERE keep_until IS NOT NULL;

CREATE TABLE holdfast.step (
  run bigint NOT NULL,
  hash uuid NOT NULL,
  -- Steps are in the order in which they were first written.
  seq bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
  step text NOT NULL,
  -- done | failed | parked
  state text NOT NULL,
  result text,
  because text,
  operation text,
  at float8 NOT NULL,
  PRIMARY KEY (run, hash)
) WITH (autovacuum_vacuum_scale_factor = 0.05);

-- Webhooks that were taken, by a hash of their source and the sender's id.
CREATE TABLE holdfast.inbox (
  hash uuid PRIMARY KEY,
  source text NOT NULL,
  id text NOT NULL,
  fingerprint text NOT NULL,
  taken_at float8 NOT NULL,
  keep_until float8 NOT NULL
) WITH (autovacuum_vacuum_scale_factor = 0.05);

CREATE INDEX inbox_over ON holdfast.inbox (keep_until);
