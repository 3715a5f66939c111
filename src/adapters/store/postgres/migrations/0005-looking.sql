-- What people look at again and again costs what it shows, however much there is.

-- Open letters by API and endpoint, with the oldest of each, from the index alone.
CREATE INDEX dead_open ON holdfast.dead (api, endpoint, died_at) WHERE state = 'open';

-- Open runs of one pipeline.
CREATE INDEX run_open_of ON holdfast.run (md5(pipeline), seq) WHERE state = 'open';
