-- What people look at again and again costs what it shows, however much there is.

-- Open letters by API and endpoint, with the oldest of each, from the index alone.
CREATE INDEX dead_open ON holdfast.dead (api, endpoint, died_at) WHERE state = 'open';

-- Open runs of one pipeline.
CREATE INDEX run_open_of ON holdfast.run (md5(pipeline), seq) WHERE state = 'open';

-- Groups, counted from the index alone. It does what dead_by_group did.
CREATE INDEX dead_counted ON holdfast.dead (fingerprint, died_at, seq, state);
DROP INDEX holdfast.dead_by_group;

-- Operations of a lane, the newest first.
CREATE INDEX operation_by_lane ON holdfast.operation (lane, seq);
