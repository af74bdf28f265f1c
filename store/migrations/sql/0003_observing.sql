-- What the watched directories hold that cannot be stored: second results, and files that are none.

CREATE TABLE ingest_conflicts (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    execution_id uuid NOT NULL REFERENCES executions ON DELETE CASCADE,
    content_hash text NOT NULL CHECK (content_hash ~ '^[0-9a-f]{64}$'),
    file text NOT NULL,
    reason text NOT NULL,
    seen_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT conflict_is_recorded_once UNIQUE (execution_id, content_hash)
);
COMMENT ON TABLE ingest_conflicts IS
    'Session files of executions that had ended otherwise: an ended execution never changes';

CREATE TABLE ingest_failures (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    host text NOT NULL,
    directory text NOT NULL,
    file text NOT NULL,
    content_hash text CHECK (content_hash ~ '^[0-9a-f]{64}$'),
    byte_offset bigint CHECK (byte_offset >= 0),
    reason text NOT NULL,
    seen_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
-- A hash, because the parts together may be longer than an index takes.
CREATE UNIQUE INDEX failure_is_recorded_once
    ON ingest_failures (md5(host || chr(10) || directory || chr(10) || file));
COMMENT ON TABLE ingest_failures IS
    'Session files that cannot be used, the newest of them; a file that becomes good or goes is taken out';
