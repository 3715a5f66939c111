-- What was done under each idempotency key. The key is looked up by its hash, because an index cannot hold a long one.
-- Instants are milliseconds since 1970 by the database's clock.
CREATE TABLE holdfast.idempotency (
  -- The first 16 bytes of SHA-256 of the key.
  hash uuid PRIMARY KEY,
  key text NOT NULL,
  fingerprint text NOT NULL,
  -- running | done | unknown
  state text NOT NULL,
  -- Who holds it, or held it last: since when, until when, and whether it was taken over from one whose effect may stand.
  token text,
  began_at float8 NOT NULL,
  lease_until float8 NOT NULL,
  doubt bool NOT NULL,
  -- Once it is done: until when the answer is kept, all of it but the body as JSON, and the body.
  expires_at float8,
  answer text,
  body bytea
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_insert_scale_factor = 0.1);

CREATE INDEX idempotency_expiry ON holdfast.idempotency (expires_at) WHERE state = 'done';

-- Dead letters. seq counts additions, so that (died_at, seq) orders any two.
CREATE TABLE holdfast.dead (
  seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  id text NOT NULL UNIQUE,
  api text NOT NULL,
  endpoint text NOT NULL,
  partition text NOT NULL,
  reason text NOT NULL,
  because text NOT NULL,
  fingerprint text NOT NULL,
  title text NOT NULL,
  operation text,
  idempotency_key text,
  labels text NOT NULL,
  -- A hash of each name with its value: an index cannot hold long ones.
  label_hashes uuid[] NOT NULL,
  first_attempt_at float8 NOT NULL,
  died_at float8 NOT NULL,
  state text NOT NULL,
  revision int4 NOT NULL,
  replays int4 NOT NULL,
  changed_at float8 NOT NULL,
  note text,
  request_method text,
  request_url text,
  request_headers text,
  request_body bytea
);

CREATE INDEX dead_by_time ON holdfast.dead (died_at, seq);
CREATE INDEX dead_by_group ON holdfast.dead (fingerprint, died_at, seq);
CREATE INDEX dead_by_api ON holdfast.dead (api, died_at, seq);
CREATE INDEX dead_by_state ON holdfast.dead (state, died_at, seq);
CREATE INDEX dead_by_label ON holdfast.dead USING gin (label_hashes);
CREATE INDEX dead_settled ON holdfast.dead (changed_at, seq) WHERE state IN ('resolved', 'discarded');

-- A letter's history, appended to and never changed. The revision that wrote an attempt, and its place among that one's.
CREATE TABLE holdfast.dead_attempt (
  dead bigint NOT NULL,
  revision int4 NOT NULL,
  position int4 NOT NULL,
  record text NOT NULL,
  PRIMARY KEY (dead, revision, position)
);

-- What somebody decided about all letters of one fingerprint. Counts are taken from the letters, so they cannot drift.
CREATE TABLE holdfast.dead_group (
  seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  fingerprint text NOT NULL UNIQUE,
  title text NOT NULL,
  api text NOT NULL,
  endpoint text NOT NULL,
  reason text NOT NULL,
  state text NOT NULL,
  regressed bool NOT NULL,
  changed_at float8 NOT NULL
);
