-- An execution that was told to stop ends as STOPPED, also when its worker and its runner vanished meanwhile.
-- Some of before ended as LOST and stay so: what is there is not checked.
ALTER TABLE executions
    ADD CONSTRAINT accepted_stop_ends_stopped CHECK (stop_requested_at IS NULL OR status IN ('STOPPING', 'STOPPED'))
        NOT VALID,
    DROP CONSTRAINT bad_end_is_explained,
    ADD CONSTRAINT bad_end_is_explained CHECK (
        (failure_kind IS NULL) = (failure_message IS NULL)
        AND CASE status
            WHEN 'FAILED' THEN failure_kind IS NOT NULL
            WHEN 'TIMED_OUT' THEN failure_kind IS NOT NULL
            WHEN 'LOST' THEN failure_kind IS NOT NULL
            WHEN 'STOPPED' THEN failure_kind IS NULL OR failure_kind = 'LOST'
            ELSE failure_kind IS NULL
        END
    );
