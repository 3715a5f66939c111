-- The durable queue. An operation has one row that never changes, and one small row in the table of the state that it is
-- in: moving on is a delete and an insert. So a claim reads nothing that is parked or has ended, however much of that there is.

-- The lanes, with how many operations stand in which state. The counts are changed in the transaction that moves the rows, once
-- for each lane, so that a backlog need not count.
CREATE TABLE lane (
  seq INTEGER PRIMARY KEY,
  api TEXT NOT NULL,
  endpoint TEXT NOT NULL,
  partition TEXT NOT NULL,
  paused INTEGER NOT NULL DEFAULT 0,
  -- The flow that was served last.
  turn TEXT,
  ready INTEGER NOT NULL DEFAULT 0,
  leased INTEGER NOT NULL DEFAULT 0,
  parked INTEGER NOT NULL DEFAULT 0,
  succeeded INTEGER NOT NULL DEFAULT 0,
  dead INTEGER NOT NULL DEFAULT 0,
  cancelled INTEGER NOT NULL DEFAULT 0,
  UNIQUE (api, endpoint, partition)
) STRICT;

CREATE INDEX lane_at_work ON lane (seq) WHERE ready > 0 OR leased > 0 OR parked > 0 OR paused = 1;

-- What was accepted. Never changed, deleted by the sweep. seq is the order of acceptance; it is never used twice: cursors
-- hold it.
CREATE TABLE operation (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  id TEXT NOT NULL UNIQUE,
  lane INTEGER NOT NULL,
  api TEXT NOT NULL,
  flow TEXT NOT NULL,
  idempotency_key TEXT,
  fingerprint TEXT NOT NULL,
  -- All of it but the body, as JSON.
  head TEXT NOT NULL,
  body BLOB
) STRICT;

CREATE UNIQUE INDEX operation_key ON operation (api, idempotency_key) WHERE idempotency_key IS NOT NULL;
CREATE INDEX operation_lane ON operation (lane);

CREATE TABLE operation_label (
  name TEXT NOT NULL,
  value TEXT NOT NULL,
  seq INTEGER NOT NULL,
  PRIMARY KEY (name, value, seq)
) STRICT, WITHOUT ROWID;

-- The history, appended to and never changed. The last attempt of an operation stands in its row of "ended".
CREATE TABLE attempt (
  seq INTEGER NOT NULL,
  position INTEGER NOT NULL,
  record TEXT NOT NULL,
  PRIMARY KEY (seq, position)
) STRICT, WITHOUT ROWID;

-- The three tables of what has not ended carry what an operation takes from state to state: rank (the priority, negated),
-- how often it was claimed, tried and left behind by a vanished holder, its last delay, and whether it is in doubt.
CREATE TABLE ready (
  seq INTEGER PRIMARY KEY,
  lane INTEGER NOT NULL,
  flow TEXT NOT NULL,
  rank INTEGER NOT NULL,
  due_at REAL NOT NULL,
  claims INTEGER NOT NULL DEFAULT 0,
  attempts INTEGER NOT NULL DEFAULT 0,
  delay REAL NOT NULL DEFAULT 0,
  vanished INTEGER NOT NULL DEFAULT 0,
  doubt INTEGER NOT NULL DEFAULT 0
) STRICT;

-- The order of a claim; seq stands at its end by itself.
CREATE INDEX ready_order ON ready (lane, flow, rank, due_at);

-- At most as many rows as there is work under way, so that it is searched without an index.
CREATE TABLE leased (
  seq INTEGER PRIMARY KEY,
  lane INTEGER NOT NULL,
  flow TEXT NOT NULL,
  rank INTEGER NOT NULL,
  due_at REAL NOT NULL,
  claims INTEGER NOT NULL,
  attempts INTEGER NOT NULL,
  delay REAL NOT NULL,
  vanished INTEGER NOT NULL,
  doubt INTEGER NOT NULL,
  worker TEXT NOT NULL,
  lease_until REAL NOT NULL,
  since REAL NOT NULL,
  -- It was asked to cancel, for this reason.
  cancel TEXT
) STRICT;

CREATE TABLE parked (
  seq INTEGER PRIMARY KEY,
  lane INTEGER NOT NULL,
  flow TEXT NOT NULL,
  rank INTEGER NOT NULL,
  due_at REAL NOT NULL,
  claims INTEGER NOT NULL DEFAULT 0,
  attempts INTEGER NOT NULL DEFAULT 0,
  delay REAL NOT NULL DEFAULT 0,
  vanished INTEGER NOT NULL DEFAULT 0,
  doubt INTEGER NOT NULL DEFAULT 0,
  since REAL NOT NULL,
  -- It waits for the breaker of its lane.
  breaker INTEGER NOT NULL DEFAULT 0,
  because TEXT
) STRICT;

CREATE INDEX parked_order ON parked (lane, due_at);
CREATE INDEX parked_for_breaker ON parked (lane, due_at) WHERE breaker = 1;

CREATE TABLE ended (
  seq INTEGER PRIMARY KEY,
  lane INTEGER NOT NULL,
  -- succeeded | dead | cancelled
  state TEXT NOT NULL,
  claims INTEGER NOT NULL,
  since REAL NOT NULL,
  -- NULL: as long as its dead letter.
  keep_until REAL,
  because TEXT,
  -- The attempt that it ended with, as JSON.
  attempt TEXT,
  -- All of the answer but its body, as JSON, and its body.
  answer TEXT,
  body BLOB
) STRICT;

CREATE INDEX ended_over ON ended (keep_until) WHERE keep_until IS NOT NULL;
CREATE INDEX ended_badly ON ended (state, seq) WHERE state <> 'succeeded';

-- A dead operation is kept as long as its dead letter.
CREATE TRIGGER dead_letter_gone AFTER DELETE ON dead BEGIN
  UPDATE ended SET keep_until = 0 WHERE state = 'dead' AND seq = (SELECT seq FROM operation WHERE id = OLD.id);
END;
