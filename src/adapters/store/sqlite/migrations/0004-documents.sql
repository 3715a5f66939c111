-- Small documents that few change: states of alerts, silences, baselines.
CREATE TABLE document (
  -- AUTOINCREMENT: the place of one that was taken away is never given again.
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  kind TEXT NOT NULL,
  id TEXT NOT NULL,
  body TEXT NOT NULL,
  revision INTEGER NOT NULL,
  changed_at REAL NOT NULL,
  UNIQUE (kind, id)
) STRICT;

CREATE INDEX document_kind ON document (kind, seq);
