-- What processes tell each other of the lanes that they share.
CREATE TABLE lane_state (
  seq INTEGER PRIMARY KEY,
  api TEXT NOT NULL,
  endpoint TEXT NOT NULL,
  partition TEXT NOT NULL,
  -- JSON.
  state TEXT NOT NULL,
  -- When there is nothing left to know; NULL while the breaker is not closed.
  idle_at REAL,
  UNIQUE (api, endpoint, partition)
) STRICT;

CREATE INDEX lane_state_idle ON lane_state (idle_at) WHERE idle_at IS NOT NULL;

-- How far each sync has come, who runs it, and what its last run said.
CREATE TABLE sync (
  seq INTEGER PRIMARY KEY,
  sync TEXT NOT NULL UNIQUE,
  watermark TEXT,
  revision INTEGER NOT NULL DEFAULT 0,
  advanced_at REAL,
  run TEXT,
  run_since REAL,
  lease_until REAL,
  last_run TEXT,
  last_ended_at REAL,
  last_report TEXT
) STRICT;

-- Runs of pipelines. seq is never used twice: cursors hold it.
CREATE TABLE run (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  id TEXT NOT NULL UNIQUE,
  pipeline TEXT NOT NULL,
  version TEXT NOT NULL,
  subject TEXT NOT NULL,
  input TEXT NOT NULL,
  -- open | succeeded | failed
  state TEXT NOT NULL,
  token TEXT,
  lease_until REAL,
  opened_at REAL NOT NULL,
  ended_at REAL,
  keep_until REAL
) STRICT;

CREATE INDEX run_pipeline ON run (pipeline, seq);
CREATE INDEX run_subject ON run (subject, seq);
CREATE INDEX run_open ON run (seq) WHERE state = 'open';
CREATE INDEX run_over ON run (keep_until) WHERE keep_until IS NOT NULL;

CREATE TABLE step (
  run INTEGER NOT NULL,
  position INTEGER NOT NULL,
  step TEXT NOT NULL,
  -- done | failed | parked
  state TEXT NOT NULL,
  result TEXT,
  because TEXT,
  operation TEXT,
  at REAL NOT NULL,
  PRIMARY KEY (run, position),
  UNIQUE (run, step)
) STRICT, WITHOUT ROWID;

-- Webhooks that were taken, by the sender's id.
CREATE TABLE inbox (
  source TEXT NOT NULL,
  id TEXT NOT NULL,
  fingerprint TEXT NOT NULL,
  taken_at REAL NOT NULL,
  keep_until REAL NOT NULL,
  PRIMARY KEY (source, id)
) STRICT, WITHOUT ROWID;

CREATE INDEX inbox_over ON inbox (keep_until);
