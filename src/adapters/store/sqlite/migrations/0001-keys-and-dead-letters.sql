-- What was done under each idempotency key. Rows have a rowid, so that the end of the work, with its answer, is written
-- next to its neighbours in time; only the index on the key is written at random places.
-- Instants are milliseconds since 1970 as REAL: SQLite keeps whole ones as small integers.
CREATE TABLE idempotency (
  seq INTEGER PRIMARY KEY,
  key TEXT NOT NULL UNIQUE,
  fingerprint TEXT NOT NULL,
  -- running | done | unknown
  state TEXT NOT NULL,
  -- While it is running: who holds it, until when, and whether it was taken over from one whose effect may stand.
  token TEXT,
  lease_until REAL,
  doubt INTEGER,
  -- Once it is done: until when the answer is kept, all of it but the body as JSON, and the body.
  expires_at REAL,
  answer TEXT,
  body BLOB
) STRICT;

CREATE INDEX idempotency_expiry ON idempotency (expires_at) WHERE state = 'done';

-- Dead letters. seq counts additions, so that (died_at, seq) orders any two. It is never used twice: cursors hold it.
CREATE TABLE dead (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  id TEXT NOT NULL UNIQUE,
  api TEXT NOT NULL,
  endpoint TEXT NOT NULL,
  partition TEXT NOT NULL,
  reason TEXT NOT NULL,
  because TEXT NOT NULL,
  fingerprint TEXT NOT NULL,
  title TEXT NOT NULL,
  operation TEXT,
  idempotency_key TEXT,
  labels TEXT NOT NULL,
  first_attempt_at REAL NOT NULL,
  died_at REAL NOT NULL,
  state TEXT NOT NULL,
  revision INTEGER NOT NULL,
  replays INTEGER NOT NULL,
  changed_at REAL NOT NULL,
  note TEXT,
  request_method TEXT,
  request_url TEXT,
  request_headers TEXT,
  -- Last, so that reading the other columns does not walk through a large body.
  request_body BLOB
) STRICT;

CREATE INDEX dead_by_time ON dead (died_at);
CREATE INDEX dead_by_group ON dead (fingerprint, died_at, state);
CREATE INDEX dead_by_api ON dead (api, died_at);
CREATE INDEX dead_by_state ON dead (state, died_at);
CREATE INDEX dead_settled ON dead (changed_at) WHERE state IN ('resolved', 'discarded');

-- A letter's history, appended to and never changed.
CREATE TABLE dead_attempt (
  dead INTEGER NOT NULL,
  position INTEGER NOT NULL,
  record TEXT NOT NULL,
  PRIMARY KEY (dead, position)
) STRICT, WITHOUT ROWID;

CREATE TABLE dead_label (
  name TEXT NOT NULL,
  value TEXT NOT NULL,
  dead INTEGER NOT NULL,
  PRIMARY KEY (name, value, dead)
) STRICT, WITHOUT ROWID;

-- What somebody decided about all letters of one fingerprint. Counts are taken from the letters, so they cannot drift.
CREATE TABLE dead_group (
  seq INTEGER PRIMARY KEY,
  fingerprint TEXT NOT NULL UNIQUE,
  title TEXT NOT NULL,
  api TEXT NOT NULL,
  endpoint TEXT NOT NULL,
  reason TEXT NOT NULL,
  state TEXT NOT NULL,
  regressed INTEGER NOT NULL,
  changed_at REAL NOT NULL
) STRICT;
