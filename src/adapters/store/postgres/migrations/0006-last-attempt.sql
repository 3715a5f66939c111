-- The attempt that was answered stands with its answer: one row, one index entry and one search for a partition fewer for each
-- operation that succeeds. What stands in "attempt" from before stays there, and is found there. The functions keep their names, so
-- that processes of the release before write and read the same rows.
ALTER TABLE holdfast.answer ADD COLUMN claim int4, ADD COLUMN record text;

-- As in 0002, but for the attempt of an operation that was answered.
CREATE OR REPLACE FUNCTION holdfast.settle_1(
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
    INSERT INTO holdfast.attempt (id, claim, record) SELECT id, claims, record FROM gone WHERE record IS NOT NULL AND answer_head IS NULL
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
    INSERT INTO holdfast.answer (id, head, body, claim, record)
    SELECT id, answer_head, answer_body, claims, record FROM gone WHERE answer_head IS NOT NULL
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

-- As in 0002, with the attempt that stands with the answer.
CREATE OR REPLACE FUNCTION holdfast.view_1(ids uuid[], most_bytes int8) RETURNS TABLE (
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
      (SELECT '[' || string_agg(try.record, ',' ORDER BY try.claim) || ']' FROM (
        SELECT attempt.claim, attempt.record FROM holdfast.attempt WHERE attempt.id = standing.id
        UNION ALL SELECT answer.claim, answer.record WHERE answer.record IS NOT NULL
      ) AS try),
      answer.head, answer.body, standing.accepted_at, standing.due_at, standing.expires_at, standing.head, standing.body
    FROM standing LEFT JOIN LATERAL (SELECT answer.head, answer.body, answer.claim, answer.record FROM holdfast.answer WHERE answer.id = standing.id LIMIT 1) AS answer ON true
    WHERE standing.place = 1 OR standing.weight <= most_bytes
    ORDER BY standing.seq DESC;
END $$;
