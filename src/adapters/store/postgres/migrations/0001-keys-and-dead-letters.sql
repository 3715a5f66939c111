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

-- Functions carry a number: a later release that needs another one adds it beside this one, which processes of the release
-- before still call.

-- Keeps letters, but those whose id is known; `letters` is an array of objects with the columns' names. Answers how many are new.
CREATE FUNCTION holdfast.add_letters_1(letters json) RETURNS int4
LANGUAGE plpgsql SET enable_seqscan = off SET plan_cache_mode = force_generic_plan SET jit = off AS $$
#variable_conflict use_column
DECLARE
  fresh int4;
BEGIN
  WITH letter AS (
    SELECT *, ordinality AS place FROM ROWS FROM (json_to_recordset(letters) AS (
      id text, api text, endpoint text, partition text, reason text, because text, fingerprint text, title text, operation text,
      idempotency_key text, labels text, label_hashes uuid[], first_attempt_at float8, died_at float8, request_method text, request_url text,
      request_headers text, request_body text, attempts text[])) WITH ORDINALITY AS given
  ), added AS (
    INSERT INTO holdfast.dead (id, api, endpoint, partition, reason, because, fingerprint, title, operation, idempotency_key, labels,
      label_hashes, first_attempt_at, died_at, state, revision, replays, changed_at, request_method, request_url, request_headers, request_body)
    SELECT id, api, endpoint, partition, reason, because, fingerprint, title, operation, idempotency_key, labels,
      label_hashes, first_attempt_at, died_at, 'open', 1, 0, died_at, request_method, request_url, request_headers, decode(request_body, 'hex')
    FROM letter ORDER BY place
    ON CONFLICT (id) DO NOTHING
    RETURNING seq, id, fingerprint, died_at
  ), history AS (
    INSERT INTO holdfast.dead_attempt (dead, revision, position, record)
    SELECT added.seq, 1, attempt.position, attempt.record
    FROM added JOIN letter USING (id) CROSS JOIN unnest(letter.attempts) WITH ORDINALITY AS attempt (record, position)
  ), added_groups AS (
    INSERT INTO holdfast.dead_group (fingerprint, title, api, endpoint, reason, state, regressed, changed_at)
    SELECT fingerprint, title, api, endpoint, reason, 'open', false, died_at
    FROM (SELECT DISTINCT ON (letter.fingerprint) letter.* FROM added JOIN letter USING (id) ORDER BY letter.fingerprint, letter.place) AS first
    ORDER BY place
    ON CONFLICT (fingerprint) DO NOTHING
  ), reopened_groups AS (
    -- Only a resolved group is touched, so that letters of one group which come together wait for nobody.
    UPDATE holdfast.dead_group AS known SET state = 'open', regressed = true, changed_at = recent.died_at
    FROM (SELECT fingerprint, max(died_at) AS died_at FROM added GROUP BY fingerprint) AS recent
    WHERE known.fingerprint = recent.fingerprint AND known.state = 'resolved'
  )
  SELECT count(*) INTO fresh FROM added;
  RETURN fresh;
END $$;
