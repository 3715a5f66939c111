-- The durable queue. An operation has one row that never changes, and one small row in the table of the state that it is in:
-- moving on is a delete and an insert. So a claim reads nothing that is parked or has ended, however much of that there is.
--
-- The busy verbs are functions: one round trip each, with plans that stay with the connection, whatever the client or a pooler
-- does with prepared statements. They are made with enable_seqscan off, because a plan that was made while a table was empty
-- is kept when it holds a million rows; what reads a large table by id does so inside LATERAL … LIMIT 1, or by an array of ids,
-- which leaves no other plan than the index. jit is off, since disabled plans look expensive and would be compiled.
--
-- Instants are milliseconds since 1970 by the database's clock.

CREATE TABLE holdfast.lane (
  -- A hash of the three names.
  id uuid PRIMARY KEY,
  api text NOT NULL,
  endpoint text NOT NULL,
  partition text NOT NULL,
  paused bool NOT NULL DEFAULT false
);

-- How many operations stand in which state, as changes: each transaction that moves operations adds one row for each lane that
-- it touches, and nobody waits for a counter. What a lane has is the sum. fold_tally_1() makes few rows of many.
CREATE TABLE holdfast.tally (
  lane uuid NOT NULL,
  ready int8 NOT NULL DEFAULT 0,
  leased int8 NOT NULL DEFAULT 0,
  parked int8 NOT NULL DEFAULT 0,
  succeeded int8 NOT NULL DEFAULT 0,
  dead int8 NOT NULL DEFAULT 0,
  cancelled int8 NOT NULL DEFAULT 0
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000, autovacuum_vacuum_cost_delay = 0, vacuum_truncate = off);

-- What was accepted, never changed. Ids are UUIDv7, which begin with their time, so that a day is a range of ids: each day has
-- its partition, which is dropped whole when nothing of it is needed any more (tend_partitions_1). Ids of other days lie in
-- operation_rest.
CREATE SEQUENCE holdfast.operation_seq;

CREATE TABLE holdfast.operation (
  id uuid PRIMARY KEY,
  -- The order of acceptance.
  seq bigint NOT NULL DEFAULT nextval('holdfast.operation_seq'),
  lane uuid NOT NULL,
  flow text COLLATE "C" NOT NULL,
  -- The priority, negated.
  rank int4 NOT NULL,
  -- A hash of API and idempotency key.
  key uuid,
  label_hashes uuid[] NOT NULL,
  accepted_at float8 NOT NULL,
  due_at float8 NOT NULL,
  expires_at float8,
  -- All of it but instants and body, as JSON.
  head text NOT NULL,
  body bytea
) PARTITION BY RANGE (id);

CREATE INDEX operation_by_seq ON holdfast.operation (seq);
CREATE INDEX operation_by_label ON holdfast.operation USING gin (label_hashes) WHERE label_hashes <> '{}';

-- The history, appended to and never changed. A claim settles once, so that its number tells an attempt's place.
CREATE TABLE holdfast.attempt (
  id uuid NOT NULL,
  claim int4 NOT NULL,
  record text NOT NULL,
  PRIMARY KEY (id, claim)
) PARTITION BY RANGE (id);

-- What an operation was answered: all of it but the body as JSON, and the body.
CREATE TABLE holdfast.answer (
  id uuid PRIMARY KEY,
  head text NOT NULL,
  body bytea NOT NULL
) PARTITION BY RANGE (id);

CREATE TABLE holdfast.operation_rest PARTITION OF holdfast.operation DEFAULT;
CREATE TABLE holdfast.attempt_rest PARTITION OF holdfast.attempt DEFAULT;
CREATE TABLE holdfast.answer_rest PARTITION OF holdfast.answer DEFAULT;

-- Which operation stands for a key. It goes with its operation.
CREATE TABLE holdfast.operation_key (
  key uuid PRIMARY KEY,
  id uuid NOT NULL,
  fingerprint text NOT NULL
) WITH (autovacuum_vacuum_scale_factor = 0.05);

-- The three tables of what has not ended carry what an operation takes from state to state: how often it was claimed, the
-- number of its last attempt, how often its holder vanished, its last delay, and whether it is in doubt.
CREATE TABLE holdfast.ready (
  seq bigint PRIMARY KEY,
  id uuid NOT NULL,
  lane uuid NOT NULL,
  flow text COLLATE "C" NOT NULL,
  rank int4 NOT NULL,
  due_at float8 NOT NULL,
  claims int4 NOT NULL DEFAULT 0,
  attempts int4 NOT NULL DEFAULT 0,
  delay float8 NOT NULL DEFAULT 0,
  vanished int4 NOT NULL DEFAULT 0,
  doubt bool NOT NULL DEFAULT false
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000, autovacuum_vacuum_cost_delay = 0, vacuum_truncate = off);

-- The order of a claim.
CREATE INDEX ready_order ON holdfast.ready (lane, flow, rank, due_at, seq);

-- At most as many rows as there is work under way, so that it is searched without more indexes; room in its pages lets
-- leases be moved in place.
CREATE TABLE holdfast.leased (
  id uuid PRIMARY KEY,
  seq bigint NOT NULL,
  lane uuid NOT NULL,
  flow text COLLATE "C" NOT NULL,
  rank int4 NOT NULL,
  due_at float8 NOT NULL,
  claims int4 NOT NULL,
  attempts int4 NOT NULL,
  delay float8 NOT NULL,
  vanished int4 NOT NULL,
  doubt bool NOT NULL,
  worker text NOT NULL,
  -- Names the call that claimed it; a claim whose answer was lost is undone by it.
  ticket text NOT NULL,
  lease_until float8 NOT NULL,
  since float8 NOT NULL,
  -- It was asked to cancel, for this reason.
  cancel text
) WITH (fillfactor = 60, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000, autovacuum_vacuum_cost_delay = 0, vacuum_truncate = off);

CREATE TABLE holdfast.parked (
  seq bigint PRIMARY KEY,
  id uuid NOT NULL,
  lane uuid NOT NULL,
  flow text COLLATE "C" NOT NULL,
  rank int4 NOT NULL,
  due_at float8 NOT NULL,
  claims int4 NOT NULL DEFAULT 0,
  attempts int4 NOT NULL DEFAULT 0,
  delay float8 NOT NULL DEFAULT 0,
  vanished int4 NOT NULL DEFAULT 0,
  doubt bool NOT NULL DEFAULT false,
  since float8 NOT NULL,
  -- It waits for the breaker of its lane.
  breaker bool NOT NULL DEFAULT false,
  because text
) WITH (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 5000, autovacuum_vacuum_cost_delay = 0, vacuum_truncate = off);

CREATE INDEX parked_order ON holdfast.parked (lane, due_at, seq);
CREATE INDEX parked_for_breaker ON holdfast.parked (lane, due_at, seq) WHERE breaker;

CREATE TABLE holdfast.ended (
  seq bigint PRIMARY KEY,
  id uuid NOT NULL,
  lane uuid NOT NULL,
  -- succeeded | dead | cancelled
  state text NOT NULL,
  claims int4 NOT NULL,
  since float8 NOT NULL,
  -- NULL: as long as its dead letter.
  keep_until float8,
  because text
) WITH (autovacuum_vacuum_scale_factor = 0.05, autovacuum_vacuum_cost_delay = 0);

CREATE INDEX ended_over ON holdfast.ended (keep_until, seq) WHERE keep_until IS NOT NULL;
CREATE INDEX ended_badly ON holdfast.ended (state, seq) WHERE state <> 'succeeded';

-- Keeps operations, none of them twice; ids of one call are all different. `known` is the operation that an id or a key
-- stands for. `again`: what stood in the way is gone, and the operation is to be given once more. `lane`: nothing was kept, because
-- a lane has no row. With `channel`, whoever listens there is told when the transaction commits.
CREATE FUNCTION holdfast.accept_1(
  ids uuid[], lanes uuid[], flows text[], ranks int4[], accepted_ats float8[], due_ats float8[], expires_ats float8[], keys uuid[],
  fingerprints text[], label_hashes text[], heads text[], bodies bytea[], channel text
) RETURNS TABLE (id uuid, state text, known uuid)
LANGUAGE plpgsql SET enable_seqscan = off SET plan_cache_mode = force_generic_plan SET jit = off AS $$
#variable_conflict use_column
DECLARE
  taken uuid[] := '{}';
  accepted uuid[];
BEGIN
  IF EXISTS (SELECT FROM (SELECT DISTINCT unnest(lanes) AS lane) AS given WHERE NOT EXISTS (SELECT FROM holdfast.lane WHERE lane.id = given.lane)) THEN
    RETURN QUERY SELECT NULL::uuid, 'lane', NULL::uuid;
    RETURN;
  END IF;

  -- Whoever takes a key first has it; the others wait here for its transaction to end.
  IF EXISTS (SELECT FROM unnest(keys) AS key WHERE key IS NOT NULL) THEN
    WITH mine AS (
      INSERT INTO holdfast.operation_key AS held (key, id, fingerprint)
      SELECT key, id, fingerprint FROM unnest(keys, ids, fingerprints) WITH ORDINALITY AS given (key, id, fingerprint, place)
        LEFT JOIN LATERAL (SELECT operation.id AS same FROM holdfast.operation WHERE operation.id = given.id LIMIT 1) AS kept ON true
      WHERE key IS NOT NULL AND same IS NULL ORDER BY key, place
      ON CONFLICT (key) DO NOTHING RETURNING held.id
    )
    SELECT coalesce(array_agg(id), '{}') INTO taken FROM mine;
  END IF;

  WITH kept AS (
    INSERT INTO holdfast.operation AS kept (id, lane, flow, rank, accepted_at, due_at, expires_at, key, label_hashes, head, body)
    SELECT id, lane, flow, rank, accepted_at, due_at, expires_at, key, hashes::uuid[], head, body
    FROM unnest(ids, lanes, flows, ranks, accepted_ats, due_ats, expires_ats, keys, label_hashes, heads, bodies) WITH ORDINALITY
      AS given (id, lane, flow, rank, accepted_at, due_at, expires_at, key, hashes, head, body, place)
      LEFT JOIN unnest(taken) AS mine (taken_id) ON taken_id = id
    WHERE key IS NULL OR taken_id IS NOT NULL
    ORDER BY place
    ON CONFLICT (id) DO NOTHING
    RETURNING kept.seq, kept.id, kept.lane, kept.flow, kept.rank, kept.accepted_at, kept.due_at
  ), queued AS (
    INSERT INTO holdfast.ready (seq, id, lane, flow, rank, due_at)
    SELECT seq, id, lane, flow, rank, due_at FROM kept WHERE due_at <= accepted_at
  ), waiting AS (
    INSERT INTO holdfast.parked (seq, id, lane, flow, rank, due_at, since)
    SELECT seq, id, lane, flow, rank, due_at, accepted_at FROM kept WHERE due_at > accepted_at
  ), counted AS (
    INSERT INTO holdfast.tally (lane, ready, parked)
    SELECT lane, count(*) FILTER (WHERE due_at <= accepted_at), count(*) FILTER (WHERE due_at > accepted_at) FROM kept GROUP BY lane
  )
  SELECT coalesce(array_agg(id), '{}') INTO accepted FROM kept;

  IF channel IS NOT NULL AND cardinality(accepted) > 0 THEN
    PERFORM pg_notify(channel, '');
  END IF;
  IF cardinality(accepted) = cardinality(ids) THEN
    RETURN QUERY SELECT unnest(ids), 'accepted', NULL::uuid;
    RETURN;
  END IF;

  -- An operation that was swept may leave its row behind, until the partition goes.
  DELETE FROM holdfast.operation AS swept
  WHERE swept.id = ANY (ids) AND swept.id <> ALL (accepted)
    AND NOT EXISTS (SELECT FROM holdfast.ready WHERE ready.seq = swept.seq)
    AND NOT EXISTS (SELECT FROM holdfast.leased WHERE leased.id = swept.id)
    AND NOT EXISTS (SELECT FROM holdfast.parked WHERE parked.seq = swept.seq)
    AND NOT EXISTS (SELECT FROM holdfast.ended WHERE ended.seq = swept.seq);
  DELETE FROM holdfast.attempt AS swept WHERE swept.id = ANY (ids) AND NOT EXISTS (SELECT FROM holdfast.operation WHERE operation.id = swept.id);
  DELETE FROM holdfast.answer AS swept WHERE swept.id = ANY (ids) AND NOT EXISTS (SELECT FROM holdfast.operation WHERE operation.id = swept.id);
  -- A key that was taken for an operation which was not accepted after all.
  DELETE FROM holdfast.operation_key AS held USING unnest(keys, ids) AS given (key, id)
  WHERE held.key = given.key AND held.id = given.id AND held.id = ANY (taken) AND held.id <> ALL (accepted);

  RETURN QUERY
    SELECT given.id,
      CASE
        WHEN given.id = ANY (accepted) THEN 'accepted'
        WHEN same.id IS NOT NULL THEN 'known'
        WHEN held.id IS NULL THEN 'again'
        WHEN held.fingerprint = given.fingerprint THEN 'known'
        ELSE 'mismatch'
      END,
      coalesce(same.id, held.id)
    FROM unnest(ids, keys, fingerprints) AS given (id, key, fingerprint)
      LEFT JOIN LATERAL (SELECT operation.id FROM holdfast.operation WHERE operation.id = given.id LIMIT 1) AS same ON true
      LEFT JOIN LATERAL (SELECT owner.id, owner.fingerprint FROM holdfast.operation_key AS owner WHERE owner.key = given.key LIMIT 1) AS held ON true;
END $$;

-- Leases of each lane as many as it is allowed: its flows in turn, beginning after the one in `turns`. Parked operations that have
-- fallen due are made ready first, at most a thousand of a lane.
CREATE FUNCTION holdfast.claim_1(
  claimer text, call text, instant float8, until float8, lanes uuid[], allowed int4[], turns text[]
) RETURNS TABLE (
  number int4, flow text, id uuid, claims int4, attempts int4, delay float8, vanished int4, doubt bool, accepted_at float8, due_at float8,
  expires_at float8, head text, body bytea
)
LANGUAGE plpgsql SET enable_seqscan = off SET plan_cache_mode = force_generic_plan SET jit = off AS $$
#variable_conflict use_column
DECLARE
  this uuid;
  wanted int4;
  portion int4;
  most_given int8;
  turn text;
  is_paused bool;
  is_due bool;
  first_flow text;
  last_flow text;
  coming text[];
  picked bigint[];
  picked_ids uuid[];
  picked_flows text[];
  all_ids uuid[] := '{}';
  all_numbers int4[] := '{}';
BEGIN
  FOR place IN 1 .. cardinality(lanes) LOOP
    this := lanes[place];
    wanted := allowed[place];
    turn := turns[place];
    CONTINUE WHEN wanted < 1;
    SELECT paused, EXISTS (SELECT FROM holdfast.parked WHERE parked.lane = this AND parked.due_at <= instant)
      INTO is_paused, is_due FROM holdfast.lane WHERE lane.id = this;
    CONTINUE WHEN NOT FOUND OR is_paused;

    IF is_due THEN
      WITH due AS (
        SELECT parked.seq FROM holdfast.parked WHERE parked.lane = this AND parked.due_at <= instant
        ORDER BY parked.due_at, parked.seq LIMIT 1000 FOR UPDATE SKIP LOCKED
      ), gone AS (
        DELETE FROM holdfast.parked WHERE parked.seq = ANY (ARRAY(SELECT seq FROM due)) RETURNING parked.*
      ), moved AS (
        INSERT INTO holdfast.ready (seq, id, lane, flow, rank, due_at, claims, attempts, delay, vanished, doubt)
        SELECT seq, id, lane, flow, rank, due_at, claims, attempts, delay, vanished, doubt FROM gone
      )
      INSERT INTO holdfast.tally (lane, parked, ready) SELECT this, -count(*), count(*) FROM gone HAVING count(*) > 0;
    END IF;

    WHILE wanted > 0 LOOP
      SELECT (SELECT ready.flow FROM holdfast.ready WHERE ready.lane = this ORDER BY ready.flow LIMIT 1),
        (SELECT ready.flow FROM holdfast.ready WHERE ready.lane = this ORDER BY ready.flow DESC LIMIT 1)
        INTO first_flow, last_flow;
      EXIT WHEN first_flow IS NULL;
      IF first_flow = last_flow THEN
        coming := ARRAY[first_flow];
      ELSE
        -- The flows that come next, each once, at most as many as are wanted.
        WITH RECURSIVE round AS (
          SELECT start, start AS flow, 1 AS place
          FROM coalesce((SELECT ready.flow FROM holdfast.ready WHERE ready.lane = this AND ready.flow > turn ORDER BY ready.flow LIMIT 1), first_flow)
            AS start
          UNION ALL
          SELECT start, next, round.place + 1
          FROM round CROSS JOIN LATERAL coalesce(
            (SELECT ready.flow FROM holdfast.ready WHERE ready.lane = this AND ready.flow > round.flow ORDER BY ready.flow LIMIT 1), first_flow) AS next
          WHERE round.place < wanted AND next <> start
        )
        SELECT array_agg(round.flow ORDER BY round.place) INTO coming FROM round;
      END IF;

      -- A fair share of each, dealt out one by one. What is locked is on its way to another.
      portion := (wanted + cardinality(coming) - 1) / cardinality(coming);
      SELECT array_agg(dealt.seq ORDER BY dealt.round, dealt.place), array_agg(dealt.id ORDER BY dealt.round, dealt.place),
          array_agg(dealt.flow ORDER BY dealt.round, dealt.place), max(dealt.round)
        INTO picked, picked_ids, picked_flows, most_given
        FROM (
          SELECT hand.seq, hand.id, given.flow, given.place,
            row_number() OVER (PARTITION BY given.place ORDER BY hand.rank, hand.due_at, hand.seq) AS round
          FROM unnest(coming) WITH ORDINALITY AS given (flow, place) CROSS JOIN LATERAL (
            SELECT ready.seq, ready.id, ready.rank, ready.due_at FROM holdfast.ready
            WHERE ready.lane = this AND ready.flow = given.flow
            ORDER BY ready.rank, ready.due_at, ready.seq LIMIT portion FOR UPDATE SKIP LOCKED
          ) AS hand
        ) AS dealt;
      EXIT WHEN picked IS NULL;
      picked := picked[1:wanted];
      picked_ids := picked_ids[1:wanted];

      WITH gone AS (
        DELETE FROM holdfast.ready WHERE ready.seq = ANY (picked) RETURNING ready.*
      )
      INSERT INTO holdfast.leased (id, seq, lane, flow, rank, due_at, claims, attempts, delay, vanished, doubt, worker, ticket, lease_until, since)
      SELECT id, seq, lane, flow, rank, due_at, claims + 1, attempts, delay, vanished, doubt, claimer, call, until, instant FROM gone;

      all_ids := all_ids || picked_ids;
      all_numbers := all_numbers || array_fill(place, ARRAY[cardinality(picked)]);
      wanted := wanted - cardinality(picked);
      turn := picked_flows[cardinality(picked)];
      EXIT WHEN most_given < portion;
    END LOOP;
  END LOOP;

  INSERT INTO holdfast.tally (lane, ready, leased)
    SELECT lanes[given.number], -count(*), count(*) FROM unnest(all_numbers) AS given (number) GROUP BY given.number;

  RETURN QUERY
    SELECT given.number, held.flow, given.id, held.claims, held.attempts, held.delay, held.vanished, held.doubt,
      kept.accepted_at, kept.due_at, kept.expires_at, kept.head, kept.body
    FROM unnest(all_ids, all_numbers) WITH ORDINALITY AS given (id, number, place)
      CROSS JOIN LATERAL (SELECT * FROM holdfast.leased WHERE leased.id = given.id LIMIT 1) AS held
      CROSS JOIN LATERAL (SELECT * FROM holdfast.operation WHERE operation.id = given.id LIMIT 1) AS kept
    ORDER BY given.place;
END $$;

-- Hands back what was claimed by calls whose answers were lost: nobody has it, and nothing was sent.
CREATE FUNCTION holdfast.unclaim_1(calls text[]) RETURNS int4
LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan SET jit = off AS $$
#variable_conflict use_column
DECLARE
  returned int4;
BEGIN
  WITH gone AS (
    DELETE FROM holdfast.leased WHERE leased.ticket = ANY (calls) RETURNING leased.*
  ), moved AS (
    INSERT INTO holdfast.ready (seq, id, lane, flow, rank, due_at, claims, attempts, delay, vanished, doubt)
    SELECT seq, id, lane, flow, rank, due_at, claims, attempts, delay, vanished, doubt FROM gone WHERE cancel IS NULL
  ), ended AS (
    INSERT INTO holdfast.ended (seq, id, lane, state, claims, since, keep_until, because)
    SELECT seq, id, lane, 'cancelled', claims, since, since + 86400000, cancel FROM gone WHERE cancel IS NOT NULL
  ), counted AS (
    INSERT INTO holdfast.tally (lane, leased, ready, cancelled)
    SELECT lane, -count(*), count(*) FILTER (WHERE cancel IS NULL), count(*) FILTER (WHERE cancel IS NOT NULL) FROM gone GROUP BY lane
  )
  SELECT count(*) INTO returned FROM gone;
  RETURN returned;
END $$;

-- Writes down what became of claimed operations, as far as their claims still hold; answers which. Ids of one call are all
-- different. One that was asked to cancel does not come back.
CREATE FUNCTION holdfast.settle_1(
  ids uuid[], claims int4[], instants float8[], states text[], untils float8[], delays float8[], breakers bool[], becauses text[],
  attempts int4[], records text[], answer_heads text[], answer_bodies bytea[], letters json
) RETURNS uuid[]
LANGUAGE plpgsql SET enable_seqscan = off SET plan_cache_mode = force_generic_plan SET jit = off AS $$
#variable_conflict use_column
DECLARE
  applied uuid[];
BEGIN
  WITH asked AS (
    SELECT * FROM unnest(ids, claims, instants, states, untils, delays, breakers, becauses, attempts, records, answer_heads, answer_bodies)
      AS asked (id, claim, instant, state, until, new_delay, breaker, because, attempt, record, answer_head, answer_body)
  ), gone AS (
    DELETE FROM holdfast.leased AS held USING asked WHERE held.id = asked.id AND held.claims = asked.claim
    RETURNING held.seq, held.id, held.lane, held.flow, held.rank, held.due_at, held.claims, coalesce(asked.attempt, held.attempts) AS attempts,
      coalesce(asked.new_delay, held.delay) AS delay, held.vanished, held.doubt AND asked.attempt IS NULL AS doubt,
      CASE WHEN held.cancel IS NOT NULL AND asked.state IN ('parked', 'ready') THEN 'cancelled' ELSE asked.state END AS state,
      CASE WHEN held.cancel IS NOT NULL AND asked.state IN ('parked', 'ready') THEN held.cancel ELSE asked.because END AS because,
      asked.instant, asked.until, asked.breaker, asked.record, asked.answer_head, asked.answer_body
  ), history AS (
    INSERT INTO holdfast.attempt (id, claim, record) SELECT id, claims, record FROM gone WHERE record IS NOT NULL
  ), to_ready AS (
    INSERT INTO holdfast.ready (seq, id, lane, flow, rank, due_at, claims, attempts, delay, vanished, doubt)
    SELECT seq, id, lane, flow, rank, due_at, claims, attempts, delay, vanished, doubt FROM gone WHERE state = 'ready'
  ), to_parked AS (
    INSERT INTO holdfast.parked (seq, id, lane, flow, rank, due_at, claims, attempts, delay, vanished, doubt, since, breaker, because)
    SELECT seq, id, lane, flow, rank, until, claims, attempts, delay, vanished, doubt, instant, breaker, because FROM gone WHERE state = 'parked'
  ), to_ended AS (
    INSERT INTO holdfast.ended (seq, id, lane, state, claims, since, keep_until, because)
    SELECT seq, id, lane, state, claims, instant,
      CASE state WHEN 'succeeded' THEN until WHEN 'cancelled' THEN instant + 86400000 END, because
    FROM gone WHERE state IN ('succeeded', 'dead', 'cancelled')
  ), answered AS (
    INSERT INTO holdfast.answer (id, head, body) SELECT id, answer_head, answer_body FROM gone WHERE answer_head IS NOT NULL
  ), counted AS (
    INSERT INTO holdfast.tally (lane, leased, ready, parked, succeeded, dead, cancelled)
    SELECT lane, -count(*), count(*) FILTER (WHERE state = 'ready'), count(*) FILTER (WHERE state = 'parked'),
      count(*) FILTER (WHERE state = 'succeeded'), count(*) FILTER (WHERE state = 'dead'), count(*) FILTER (WHERE state = 'cancelled')
    FROM gone GROUP BY lane
  )
  SELECT coalesce(array_agg(id), '{}') INTO applied FROM gone;

  IF letters IS NOT NULL THEN
    PERFORM holdfast.add_letters_1((
      SELECT coalesce(json_agg(letter ORDER BY place), '[]') FROM json_array_elements(letters) WITH ORDINALITY AS given (letter, place)
      WHERE (letter ->> 'id')::uuid = ANY (applied)));
  END IF;
  RETURN applied;
END $$;

-- Which of these claims were settled, whatever is known of them otherwise: for a caller who lost the answer. A claim that was
-- settled left the operation in another state with that number; one that was taken back left it in doubt.
CREATE FUNCTION holdfast.settled_1(ids uuid[], claims int4[]) RETURNS SETOF uuid
LANGUAGE sql STABLE SET enable_seqscan = off SET plan_cache_mode = force_generic_plan SET jit = off AS $$
  SELECT given.id
  FROM unnest(ids, claims) AS given (id, claim)
    CROSS JOIN LATERAL (SELECT operation.seq FROM holdfast.operation WHERE operation.id = given.id LIMIT 1) AS kept
  WHERE EXISTS (SELECT FROM holdfast.attempt WHERE attempt.id = given.id AND attempt.claim = given.claim)
    OR EXISTS (SELECT FROM holdfast.ended WHERE ended.seq = kept.seq AND ended.claims = given.claim)
    OR EXISTS (SELECT FROM holdfast.parked WHERE parked.seq = kept.seq AND parked.claims = given.claim AND NOT parked.doubt)
    OR EXISTS (SELECT FROM holdfast.ready WHERE ready.seq = kept.seq AND ready.claims = given.claim AND NOT ready.doubt)
$$;

-- Takes back leases that ran out, the oldest first; an operation that has now seen too many holders vanish is leased to the caller
-- instead. The first column is how many were taken back, and stands alone when none was leased.
CREATE FUNCTION holdfast.reap_1(claimer text, instant float8, until float8, poison_after int4, most int4) RETURNS TABLE (
  returned int4, id uuid, claims int4, attempts int4, delay float8, vanished int4, doubt bool, accepted_at float8, due_at float8,
  expires_at float8, head text, body bytea
)
LANGUAGE plpgsql SET enable_seqscan = off SET plan_cache_mode = force_generic_plan SET jit = off AS $$
#variable_conflict use_column
DECLARE
  count_returned int4;
  poisoned uuid[];
BEGIN
  WITH over AS (
    SELECT leased.id, leased.lease_until, leased.seq FROM holdfast.leased WHERE leased.lease_until <= instant
    ORDER BY leased.lease_until, leased.seq LIMIT most FOR UPDATE SKIP LOCKED
  ), back AS (
    DELETE FROM holdfast.leased AS held
    WHERE held.id = ANY (ARRAY(SELECT id FROM over)) AND (held.cancel IS NOT NULL OR held.vanished + 1 < poison_after)
    RETURNING held.*
  ), moved AS (
    INSERT INTO holdfast.ready (seq, id, lane, flow, rank, due_at, claims, attempts, delay, vanished, doubt)
    SELECT seq, id, lane, flow, rank, due_at, claims, attempts, delay, vanished + 1, true FROM back WHERE cancel IS NULL
  ), ended AS (
    INSERT INTO holdfast.ended (seq, id, lane, state, claims, since, keep_until, because)
    SELECT seq, id, lane, 'cancelled', claims, instant, instant + 86400000, cancel FROM back WHERE cancel IS NOT NULL
  ), counted AS (
    INSERT INTO holdfast.tally (lane, leased, ready, cancelled)
    SELECT lane, -count(*), count(*) FILTER (WHERE cancel IS NULL), count(*) FILTER (WHERE cancel IS NOT NULL) FROM back GROUP BY lane
  ), kept AS (
    UPDATE holdfast.leased AS held
    SET claims = held.claims + 1, vanished = held.vanished + 1, doubt = true, worker = claimer, lease_until = until, since = instant, ticket = ''
    WHERE held.id = ANY (ARRAY(SELECT id FROM over)) AND held.cancel IS NULL AND held.vanished + 1 >= poison_after
    RETURNING held.id
  )
  SELECT (SELECT count(*) FROM back), coalesce((SELECT array_agg(id ORDER BY over.lease_until, over.seq) FROM kept JOIN over USING (id)), '{}')
    INTO count_returned, poisoned;

  RETURN QUERY
    SELECT count_returned, held.id, held.claims, held.attempts, held.delay, held.vanished, held.doubt, kept.accepted_at, kept.due_at, kept.expires_at,
      kept.head, kept.body
    FROM (SELECT) AS once
      LEFT JOIN unnest(poisoned) WITH ORDINALITY AS given (id, place) ON true
      LEFT JOIN LATERAL (SELECT * FROM holdfast.leased WHERE leased.id = given.id LIMIT 1) AS held ON true
      LEFT JOIN LATERAL (SELECT * FROM holdfast.operation WHERE operation.id = given.id LIMIT 1) AS kept ON true
    ORDER BY given.place;
END $$;

-- Makes operations of a lane ready that wait for its breaker.
CREATE FUNCTION holdfast.wake_1(this uuid, instant float8, most int4) RETURNS int4
LANGUAGE plpgsql SET enable_seqscan = off SET plan_cache_mode = force_generic_plan SET jit = off AS $$
#variable_conflict use_column
DECLARE
  woken int4;
BEGIN
  WITH waiting AS (
    SELECT parked.seq FROM holdfast.parked WHERE parked.lane = this AND parked.breaker
    ORDER BY parked.due_at, parked.seq LIMIT most FOR UPDATE SKIP LOCKED
  ), gone AS (
    DELETE FROM holdfast.parked WHERE parked.seq = ANY (ARRAY(SELECT seq FROM waiting)) RETURNING parked.*
  ), moved AS (
    INSERT INTO holdfast.ready (seq, id, lane, flow, rank, due_at, claims, attempts, delay, vanished, doubt)
    SELECT seq, id, lane, flow, rank, least(due_at, instant), claims, attempts, delay, vanished, doubt FROM gone
  ), counted AS (
    INSERT INTO holdfast.tally (lane, parked, ready) SELECT lane, -count(*), count(*) FROM gone GROUP BY lane
  )
  SELECT count(*) INTO woken FROM gone;
  RETURN woken;
END $$;

-- Ends what has not started, and asks what is under way to end. Ids of one call are all different.
CREATE FUNCTION holdfast.cancel_1(ids uuid[], reason text, instant float8) RETURNS TABLE (id uuid, result text)
LANGUAGE plpgsql SET enable_seqscan = off SET plan_cache_mode = force_generic_plan SET jit = off AS $$
#variable_conflict use_column
DECLARE
  seqs bigint[];
  unresolved uuid[];
  cancelled uuid[];
  requested uuid[];
  over uuid[];
BEGIN
  SELECT coalesce(array_agg(operation.id), '{}') INTO unresolved FROM holdfast.operation WHERE operation.id = ANY (ids);
  RETURN QUERY SELECT given.id, 'missing' FROM unnest(ids) AS given (id) WHERE given.id <> ALL (unresolved);
  -- An operation that moves from one state to another between two of these statements is found in the next round.
  FOR round IN 1 .. 10 LOOP
    EXIT WHEN cardinality(unresolved) = 0;
    SELECT array_agg(operation.seq) INTO seqs FROM holdfast.operation WHERE operation.id = ANY (unresolved);
    WITH from_ready AS (
      DELETE FROM holdfast.ready WHERE ready.seq = ANY (seqs) RETURNING ready.seq, ready.id, ready.lane, ready.claims
    ), from_parked AS (
      DELETE FROM holdfast.parked WHERE parked.seq = ANY (seqs) RETURNING parked.seq, parked.id, parked.lane, parked.claims
    ), gone AS (
      SELECT *, 1 AS was_ready FROM from_ready UNION ALL SELECT *, 0 FROM from_parked
    ), ended AS (
      INSERT INTO holdfast.ended (seq, id, lane, state, claims, since, keep_until, because)
      SELECT seq, id, lane, 'cancelled', claims, instant, instant + 86400000, reason FROM gone
    ), counted AS (
      INSERT INTO holdfast.tally (lane, ready, parked, cancelled) SELECT lane, -sum(was_ready), sum(was_ready) - count(*), count(*) FROM gone GROUP BY lane
    )
    SELECT coalesce(array_agg(id), '{}') INTO cancelled FROM gone;
    WITH asked AS (
      UPDATE holdfast.leased SET cancel = coalesce(leased.cancel, reason) WHERE leased.id = ANY (unresolved) RETURNING leased.id
    )
    SELECT coalesce(array_agg(id), '{}') INTO requested FROM asked;
    SELECT coalesce(array_agg(ended.id), '{}') INTO over FROM holdfast.ended WHERE ended.seq = ANY (seqs) AND ended.id <> ALL (cancelled);
    RETURN QUERY
      SELECT unnest(cancelled), 'cancelled' UNION ALL SELECT unnest(requested), 'requested' UNION ALL SELECT unnest(over), 'ended';
    SELECT coalesce(array_agg(given.id), '{}') INTO unresolved
      FROM unnest(unresolved) AS given (id) WHERE given.id <> ALL (cancelled || requested || over);
  END LOOP;
  -- Swept, and its row not yet gone.
  RETURN QUERY SELECT unnest(unresolved), 'missing';
END $$;

-- What stands in each lane. Parked operations that have fallen due are counted up to a thousand.
CREATE FUNCTION holdfast.backlog_1(instant float8) RETURNS TABLE (
  api text, endpoint text, partition text, paused bool, due float8, leased float8, parked float8, oldest_due_at float8, next_due_at float8, changes float8
)
LANGUAGE plpgsql STABLE SET enable_seqscan = off SET plan_cache_mode = force_generic_plan SET jit = off AS $$
#variable_conflict use_column
BEGIN
  RETURN QUERY
    WITH count AS (
      SELECT tally.lane, sum(tally.ready) AS ready, sum(tally.leased) AS leased, sum(tally.parked) AS parked, count(*) AS changes
      FROM holdfast.tally GROUP BY tally.lane
    )
    SELECT lane.api, lane.endpoint, lane.partition, lane.paused, (coalesce(count.ready, 0) + past.count)::float8, coalesce(count.leased, 0)::float8,
      (coalesce(count.parked, 0) - past.count)::float8, least(past.oldest, oldest.due_at),
      (SELECT parked.due_at FROM holdfast.parked WHERE parked.lane = lane.id AND parked.due_at > instant ORDER BY parked.due_at LIMIT 1),
      (sum(count.changes) OVER ())::float8
    FROM holdfast.lane LEFT JOIN count ON count.lane = lane.id
      CROSS JOIN LATERAL (
        SELECT count(*) AS count, min(head.due_at) AS oldest
        FROM (SELECT parked.due_at FROM holdfast.parked WHERE parked.lane = lane.id AND parked.due_at <= instant ORDER BY parked.due_at LIMIT 1000) AS head
      ) AS past
      -- The first row of each flow and rank is the oldest of its kind.
      CROSS JOIN LATERAL (
        WITH RECURSIVE kind AS (
          (SELECT ready.flow, ready.rank, ready.due_at, 1 AS number FROM holdfast.ready WHERE ready.lane = lane.id
           ORDER BY ready.flow, ready.rank, ready.due_at LIMIT 1)
          UNION ALL
          SELECT next.flow, next.rank, next.due_at, kind.number + 1
          FROM kind CROSS JOIN LATERAL (
            SELECT ready.flow, ready.rank, ready.due_at FROM holdfast.ready WHERE ready.lane = lane.id AND (ready.flow, ready.rank) > (kind.flow, kind.rank)
            ORDER BY ready.flow, ready.rank, ready.due_at LIMIT 1
          ) AS next
          WHERE kind.number < 1000
        )
        SELECT min(kind.due_at) AS due_at FROM kind
      ) AS oldest
    WHERE lane.paused OR count.ready > 0 OR count.leased > 0 OR count.parked > 0;
END $$;

-- Operations as they stand, the last accepted first; ones that were swept are not among them. After the first no more than weigh
-- `most_bytes` together.
CREATE FUNCTION holdfast.view_1(ids uuid[], most_bytes int8) RETURNS TABLE (
  seq float8, id uuid, state text, claims int4, since float8, because text, lease_until float8, worker text, parked_until float8, attempts text,
  answer_head text, answer_body bytea, accepted_at float8, due_at float8, expires_at float8, head text, body bytea
)
LANGUAGE plpgsql STABLE SET enable_seqscan = off SET plan_cache_mode = force_generic_plan SET jit = off AS $$
#variable_conflict use_column
BEGIN
  RETURN QUERY
    WITH standing AS (
      SELECT kept.*, coalesce(ended.state, CASE WHEN leased.id IS NOT NULL THEN 'leased' WHEN parked.seq IS NOT NULL THEN 'parked' ELSE 'ready' END) AS state,
        coalesce(ended.claims, leased.claims, parked.claims, ready.claims) AS claims,
        coalesce(ended.since, leased.since, parked.since, ready.due_at) AS since,
        coalesce(ended.because, leased.cancel, parked.because) AS because,
        leased.lease_until, leased.worker, parked.due_at AS parked_until,
        sum(coalesce(octet_length(kept.body), 0)) OVER newest AS weight, row_number() OVER newest AS place
      FROM unnest(ids) AS given (id)
        CROSS JOIN LATERAL (SELECT operation.* FROM holdfast.operation WHERE operation.id = given.id LIMIT 1) AS kept
        LEFT JOIN LATERAL (SELECT * FROM holdfast.ready WHERE ready.seq = kept.seq LIMIT 1) AS ready ON true
        LEFT JOIN LATERAL (SELECT * FROM holdfast.leased WHERE leased.id = kept.id LIMIT 1) AS leased ON true
        LEFT JOIN LATERAL (SELECT * FROM holdfast.parked WHERE parked.seq = kept.seq LIMIT 1) AS parked ON true
        LEFT JOIN LATERAL (SELECT * FROM holdfast.ended WHERE ended.seq = kept.seq LIMIT 1) AS ended ON true
      WHERE ready.seq IS NOT NULL OR leased.seq IS NOT NULL OR parked.seq IS NOT NULL OR ended.seq IS NOT NULL
      WINDOW newest AS (ORDER BY kept.seq DESC)
    )
    SELECT standing.seq::float8, standing.id, standing.state, standing.claims, standing.since, standing.because, standing.lease_until, standing.worker,
      standing.parked_until,
      (SELECT '[' || string_agg(attempt.record, ',' ORDER BY attempt.claim) || ']' FROM holdfast.attempt WHERE attempt.id = standing.id),
      answer.head, answer.body, standing.accepted_at, standing.due_at, standing.expires_at, standing.head, standing.body
    FROM standing LEFT JOIN LATERAL (SELECT answer.head, answer.body FROM holdfast.answer WHERE answer.id = standing.id LIMIT 1) AS answer ON true
    WHERE standing.place = 1 OR standing.weight <= most_bytes
    ORDER BY standing.seq DESC;
END $$;

-- Makes one row of many changes. Several may do so at once, each with rows of its own.
CREATE FUNCTION holdfast.fold_tally_1() RETURNS void
LANGUAGE sql SET jit = off AS $$
  WITH gone AS (
    DELETE FROM holdfast.tally WHERE ctid = ANY (ARRAY(SELECT ctid FROM holdfast.tally LIMIT 20000 FOR UPDATE SKIP LOCKED)) RETURNING tally.*
  )
  INSERT INTO holdfast.tally (lane, ready, leased, parked, succeeded, dead, cancelled)
  SELECT lane, sum(ready), sum(leased), sum(parked), sum(succeeded), sum(dead), sum(cancelled) FROM gone GROUP BY lane
  HAVING (sum(ready), sum(leased), sum(parked), sum(succeeded), sum(dead), sum(cancelled)) <> (0, 0, 0, 0, 0, 0)
$$;

-- Forgets ended operations whose time to be kept is over, and frees their keys. What else is left of them goes with the partition
-- of their day.
CREATE FUNCTION holdfast.sweep_1(instant float8, most int4) RETURNS int4
LANGUAGE plpgsql SET enable_seqscan = off SET plan_cache_mode = force_generic_plan SET jit = off AS $$
#variable_conflict use_column
DECLARE
  gone uuid[];
BEGIN
  WITH over AS (
    SELECT ended.seq FROM holdfast.ended WHERE ended.keep_until <= instant ORDER BY ended.keep_until, ended.seq LIMIT most FOR UPDATE SKIP LOCKED
  ), deleted AS (
    DELETE FROM holdfast.ended WHERE ended.seq = ANY (ARRAY(SELECT seq FROM over)) RETURNING ended.id, ended.lane, ended.state
  ), counted AS (
    INSERT INTO holdfast.tally (lane, succeeded, dead, cancelled)
    SELECT lane, -count(*) FILTER (WHERE state = 'succeeded'), -count(*) FILTER (WHERE state = 'dead'), -count(*) FILTER (WHERE state = 'cancelled')
    FROM deleted GROUP BY lane
  )
  SELECT coalesce(array_agg(id), '{}') INTO gone FROM deleted;
  DELETE FROM holdfast.operation_key WHERE key = ANY (ARRAY(
    SELECT kept.key FROM unnest(gone) AS given (id)
      CROSS JOIN LATERAL (SELECT operation.key FROM holdfast.operation WHERE operation.id = given.id LIMIT 1) AS kept
    WHERE kept.key IS NOT NULL)) AND id = ANY (gone);
  DELETE FROM holdfast.operation_rest WHERE id = ANY (gone);
  DELETE FROM holdfast.attempt_rest WHERE id = ANY (gone);
  DELETE FROM holdfast.answer_rest WHERE id = ANY (gone);
  RETURN cardinality(gone);
END $$;

-- Deletes letters that were resolved or discarded by then. A dead operation is kept as long as its dead letter.
CREATE FUNCTION holdfast.sweep_letters_1(before float8, most int4) RETURNS int4
LANGUAGE plpgsql SET enable_seqscan = off SET plan_cache_mode = force_generic_plan SET jit = off AS $$
#variable_conflict use_column
DECLARE
  gone text[];
BEGIN
  WITH settled AS (
    SELECT dead.seq FROM holdfast.dead WHERE dead.state IN ('resolved', 'discarded') AND dead.changed_at <= before
    ORDER BY dead.changed_at, dead.seq LIMIT most FOR UPDATE SKIP LOCKED
  ), letters AS (
    DELETE FROM holdfast.dead WHERE dead.seq = ANY (ARRAY(SELECT seq FROM settled)) RETURNING dead.id
  ), history AS (
    DELETE FROM holdfast.dead_attempt WHERE dead_attempt.dead = ANY (ARRAY(SELECT seq FROM settled))
  )
  SELECT coalesce(array_agg(id), '{}') INTO gone FROM letters;
  UPDATE holdfast.ended SET keep_until = 0 WHERE ended.state = 'dead' AND ended.seq = ANY (ARRAY(
    SELECT kept.seq
    FROM unnest(gone) AS letter (id) CROSS JOIN LATERAL (
      SELECT operation.seq FROM holdfast.operation
      -- Letters of calls that were no operations may have ids of any kind.
      WHERE operation.id = CASE WHEN letter.id ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' THEN letter.id::uuid END LIMIT 1
    ) AS kept));
  RETURN cardinality(gone);
END $$;

-- The first id of a day, counted from 1970.
CREATE FUNCTION holdfast.first_id_1(day int4) RETURNS uuid
LANGUAGE sql IMMUTABLE AS $$
  SELECT (lpad(to_hex(day::bigint * 86400000), 12, '0') || repeat('0', 20))::uuid
$$;

-- The operations of a day that have not been swept.
CREATE FUNCTION holdfast.needed_ids_1(day int4) RETURNS SETOF uuid
LANGUAGE sql STABLE AS $$
  SELECT id FROM holdfast.ready WHERE id >= holdfast.first_id_1(day) AND id < holdfast.first_id_1(day + 1)
  UNION ALL SELECT id FROM holdfast.leased WHERE id >= holdfast.first_id_1(day) AND id < holdfast.first_id_1(day + 1)
  UNION ALL SELECT id FROM holdfast.parked WHERE id >= holdfast.first_id_1(day) AND id < holdfast.first_id_1(day + 1)
  UNION ALL SELECT id FROM holdfast.ended WHERE id >= holdfast.first_id_1(day) AND id < holdfast.first_id_1(day + 1)
$$;

-- Makes the partitions of today and the days ahead, and takes away those of days of which nothing is needed any more: what is
-- over since yesterday, and holds few operations that have not been swept (a thousand, or a twentieth of at most 32 MiB), which
-- move to the rest while everybody waits. Runs as the schema's owner, so that a role which may only work with rows can have it
-- done. One at a time; whoever finds another at it leaves, and so does one who would have to wait for a lock: it is asked for again.
CREATE FUNCTION holdfast.tend_partitions_1(ahead int4) RETURNS int4
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET lock_timeout = '300ms' SET jit = off AS $$
#variable_conflict use_variable
DECLARE
  today int4 := floor(extract(epoch FROM clock_timestamp()) / 86400);
  day int4;
  name text;
  stem text;
  left_over int8;
  rows float8;
  bytes float8;
  needed uuid[];
  dropped int4 := 0;
BEGIN
  IF NOT pg_try_advisory_xact_lock(1213156417, 'holdfast.operation'::regclass::oid::int4) THEN
    RETURN 0;
  END IF;

  FOR day IN today .. today + ahead LOOP
    name := to_char(date '1970-01-01' + day, 'YYYYMMDD');
    CONTINUE WHEN to_regclass('holdfast.operation_' || name) IS NOT NULL;
    BEGIN
      FOREACH stem IN ARRAY ARRAY['operation', 'attempt', 'answer'] LOOP
        EXECUTE format('CREATE TABLE holdfast.%I PARTITION OF holdfast.%I FOR VALUES FROM (%L) TO (%L)',
          stem || '_' || name, stem, holdfast.first_id_1(day), holdfast.first_id_1(day + 1));
      END LOOP;
    EXCEPTION
      -- Ids of that day came early and lie in the rest: then all of that day will.
      WHEN check_violation THEN NULL;
      WHEN lock_not_available THEN RETURN dropped;
    END;
  END LOOP;

  FOR name IN
    SELECT substring(relname FROM '\d{8}$') FROM pg_inherits JOIN pg_class ON pg_class.oid = inhrelid
    WHERE inhparent = 'holdfast.operation'::regclass AND relname ~ '^operation_\d{8}$' ORDER BY 1
  LOOP
    day := name::date - date '1970-01-01';
    EXIT WHEN day >= today - 1;
    SELECT count(*) INTO left_over FROM (SELECT holdfast.needed_ids_1(day) LIMIT 20001) AS needed;
    SELECT greatest(reltuples, 1), pg_table_size(oid) INTO rows, bytes FROM pg_class WHERE oid = to_regclass('holdfast.operation_' || name);
    CONTINUE WHEN left_over > 1000 AND (left_over > least(20000, rows / 20) OR left_over * bytes / rows > 33554432);
    BEGIN
      LOCK TABLE holdfast.operation, holdfast.attempt, holdfast.answer IN ACCESS EXCLUSIVE MODE;
      -- Asked again, now that nobody can add to them.
      needed := ARRAY(SELECT holdfast.needed_ids_1(day));
      FOREACH stem IN ARRAY ARRAY['operation', 'attempt', 'answer'] LOOP
        EXECUTE format('ALTER TABLE holdfast.%I DETACH PARTITION holdfast.%I', stem, stem || '_' || name);
        EXECUTE format('INSERT INTO holdfast.%I SELECT * FROM holdfast.%I WHERE id = ANY ($1)', stem, stem || '_' || name) USING needed;
        EXECUTE format('DROP TABLE holdfast.%I', stem || '_' || name);
      END LOOP;
      dropped := dropped + 1;
    EXCEPTION
      WHEN lock_not_available THEN RETURN dropped;
    END;
  END LOOP;
  RETURN dropped;
END $$;

-- For the migration itself.
SELECT holdfast.tend_partitions_1(3);
