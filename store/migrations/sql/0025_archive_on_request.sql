-- A benchmark is archived because its file is gone, or because somebody asked for it: only the first is undone by a sync.
ALTER TABLE benchmarks
    ADD COLUMN archived_on_request boolean NOT NULL DEFAULT false,
    ADD COLUMN archive_reason text GENERATED ALWAYS AS (
        CASE WHEN archived_at IS NULL THEN NULL WHEN archived_on_request THEN 'REQUESTED' ELSE 'FILE_MISSING' END
    ) STORED;
COMMENT ON COLUMN benchmarks.archived_on_request IS 'No sync restores it; means nothing while archived_at is null';
