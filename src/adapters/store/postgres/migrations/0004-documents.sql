-- Small documents that few change (states of alerts, silences, baselines), by a hash of kind and id.
CREATE TABLE holdfast.document (
  hash uuid PRIMARY KEY,
  seq bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
  kind text NOT NULL,
  id text NOT NULL,
  body text NOT NULL,
  revision int4 NOT NULL,
  changed_at float8 NOT NULL
) WITH (autovacuum_vacuum_scale_factor = 0.05);

CREATE INDEX document_kind ON holdfast.document (kind, seq);
