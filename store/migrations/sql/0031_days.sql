-- What grows with executions is kept by days, so that retention drops a table instead of deleting its rows.
--
-- An execution that is requested on a day with tables of its own has an id that begins with that day: all its rows are in
-- these tables, and whoever asks by id reads no other. Every other execution, of before or with an id that somebody else
-- chose, is in the tables `…_undated`, which are those of before: nothing is copied. Tables of days are made where
-- retention is switched on; each may be of several days, because every table costs every reader a little.

CREATE TABLE execution_days (
    first_day date PRIMARY KEY,
    last_day date NOT NULL CHECK (last_day >= first_day),
    first_id uuid NOT NULL UNIQUE,
    after_id uuid NOT NULL,
    dropped_at timestamptz,
    executions bigint,
    bytes bigint,
    cleaned_up_to uuid,
    CONSTRAINT dropped_is_counted CHECK ((dropped_at IS NULL) = (executions IS NULL) AND (dropped_at IS NULL) = (bytes IS NULL))
);
COMMENT ON TABLE execution_days IS 'UTC days with tables of their own for what executions that are requested then store';
COMMENT ON COLUMN execution_days.first_id IS 'Ids of these days: from first_id to after_id, exclusive';
COMMENT ON COLUMN execution_days.dropped_at IS 'When retention dropped the tables; executions and bytes say what was in them';
COMMENT ON COLUMN execution_days.cleaned_up_to IS
    'How far positions and words of executions of dropped days have been deleted; null when all are';

ALTER TABLE retention_progress ADD COLUMN first_id uuid, ADD COLUMN after_id uuid;
COMMENT ON COLUMN retention_progress.first_id IS
    'The ids of all days: from first_id to after_id, exclusive; of this database alone, null before the first day is made';

CREATE FUNCTION new_execution_id() RETURNS uuid LANGUAGE plpgsql AS $$
DECLARE
    chosen text := gen_random_uuid();
    day_begins uuid;
BEGIN
    SELECT first_id INTO day_begins FROM execution_days
    WHERE (clock_timestamp() AT TIME ZONE 'UTC')::date BETWEEN first_day AND last_day AND dropped_at IS NULL;
    IF day_begins IS NULL THEN
        RETURN chosen;
    END IF;
    -- Version 8 of RFC 9562: 32 bits of the database, 16 of the day, and 74 by chance.
    RETURN substr(day_begins::text, 1, 14) || '8' || substr(chosen, 16);
END
$$;

CREATE FUNCTION id_of_day(first_id uuid, number integer) RETURNS uuid LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN (substr(first_id::text, 1, 9) || lpad(to_hex(number), 4, '0') || '-0000-0000-000000000000')::uuid;
COMMENT ON FUNCTION id_of_day IS 'The first id of a day, which is counted from 1970-01-01';

CREATE FUNCTION day_of_id(id uuid) RETURNS integer LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN ('x' || substr(id::text, 10, 4))::bit(16)::integer;
COMMENT ON FUNCTION day_of_id IS 'Counted from 1970-01-01; means nothing where the id has no day';

DO $$
DECLARE
    kept text[] := ARRAY['execution_events', 'execution_messages', 'execution_output', 'execution_results', 'execution_steps',
                         'execution_tool_calls', 'execution_tool_logs', 'execution_tool_log_text'];
    name text;
    of_before text;
    keys text;
    granted record;
BEGIN
    LOCK TABLE executions IN SHARE ROW EXCLUSIVE MODE;
    FOREACH name IN ARRAY kept LOOP
        of_before := name || '_undated';
        EXECUTE format('ALTER TABLE %I RENAME TO %I', name, of_before);
        EXECUTE format('ALTER TABLE %I RENAME CONSTRAINT %I TO %I', of_before, name || '_pkey', of_before || '_pkey');
        EXECUTE format('ALTER TABLE %I RENAME CONSTRAINT %I TO %I', of_before, name || '_execution_id_fkey',
                       of_before || '_execution_id_fkey');
        EXECUTE format('CREATE TABLE %I (LIKE %I INCLUDING ALL EXCLUDING INDEXES) PARTITION BY RANGE (execution_id)',
                       name, of_before);
        EXECUTE format('COMMENT ON TABLE %I IS %L', name, obj_description(of_before::regclass, 'pg_class'));
        IF name <> 'execution_events' THEN
            SELECT pg_get_constraintdef(oid) INTO keys FROM pg_constraint
            WHERE conrelid = of_before::regclass AND contype = 'p';
            EXECUTE format('ALTER TABLE %I ADD CONSTRAINT %I %s', name, name || '_pkey', keys);
        END IF;
        EXECUTE format('ALTER TABLE %I ADD CONSTRAINT %I FOREIGN KEY (execution_id) REFERENCES executions ON DELETE CASCADE',
                       name, name || '_execution_id_fkey');
        EXECUTE format('ALTER TABLE %I ATTACH PARTITION %I DEFAULT', name, of_before);
        FOR granted IN SELECT * FROM pg_class AS c, aclexplode(c.relacl) AS a
                       WHERE c.oid = of_before::regclass AND a.grantee <> c.relowner LOOP
            EXECUTE format('GRANT %s ON %I TO %s', granted.privilege_type, name,
                           CASE granted.grantee WHEN 0 THEN 'PUBLIC' ELSE granted.grantee::regrole::text END);
        END LOOP;
    END LOOP;
END
$$;
COMMENT ON TABLE execution_events_undated IS 'What is in no table of a day, as all tables of that name';

ALTER TABLE executions ALTER COLUMN id SET DEFAULT new_execution_id();

CREATE FUNCTION tables_by_day() RETURNS text[] LANGUAGE sql IMMUTABLE
    RETURN ARRAY['execution_events', 'execution_messages', 'execution_output', 'execution_results', 'execution_steps',
                 'execution_tool_calls', 'execution_tool_logs', 'execution_tool_log_text'];

CREATE FUNCTION table_of_days(name text, first_day date) RETURNS text LANGUAGE sql IMMUTABLE
    RETURN name || to_char(first_day, '_YYYY_MM_DD');

-- Each table is locked in a transaction of its own, so that no reader of two of them waits for this in a circle; after
-- the table of executions, as writers do; and no longer than it takes until PostgreSQL looks for circles.
CREATE PROCEDURE lock_for_days(name text) LANGUAGE plpgsql AS $$
BEGIN
    SET LOCAL lock_timeout = '500ms';
    -- One process at a time.
    PERFORM pg_advisory_xact_lock(8243110937284436541);
    LOCK TABLE executions IN SHARE ROW EXCLUSIVE MODE;
    EXECUTE format('LOCK TABLE ONLY %I IN ACCESS EXCLUSIVE MODE', name);
END
$$;

-- Once in the life of a database: the tables below which those of days are made. Whether the tables of before have no row
-- in the range of days is checked while others use them.
CREATE PROCEDURE begin_days() LANGUAGE plpgsql AS $$
DECLARE
    name text;
    first uuid;
    after uuid;
BEGIN
    SET LOCAL lock_timeout = '500ms';
    PERFORM pg_advisory_xact_lock(8243110937284436541);
    SELECT first_id, after_id INTO first, after FROM retention_progress FOR UPDATE;
    IF first IS NULL THEN
        LOOP
            first := (substr(gen_random_uuid()::text, 1, 8) || '-0000-0000-0000-000000000000')::uuid;
            after := overlay(first::text PLACING 'ffff-ffff-ffff-ffffffffffff' FROM 10)::uuid;
            EXIT WHEN NOT EXISTS (SELECT FROM executions WHERE id >= first AND id < after);
        END LOOP;
        UPDATE retention_progress SET first_id = first, after_id = after;
    END IF;
    COMMIT;
    FOREACH name IN ARRAY tables_by_day() LOOP
        CONTINUE WHEN to_regclass(name || '_days') IS NOT NULL;
        CALL lock_for_days(name || '_undated');
        IF NOT EXISTS (
            SELECT FROM pg_constraint WHERE conname = name || '_has_no_day' AND conrelid = to_regclass(name || '_undated')
        ) THEN
            EXECUTE format('ALTER TABLE %I ADD CONSTRAINT %I CHECK (execution_id < %L OR execution_id >= %L) NOT VALID',
                           name || '_undated', name || '_has_no_day', first, after);
        END IF;
        COMMIT;
        SET LOCAL lock_timeout = '500ms';
        EXECUTE format('ALTER TABLE %I VALIDATE CONSTRAINT %I', name || '_undated', name || '_has_no_day');
        COMMIT;
        CALL lock_for_days(name);
        CONTINUE WHEN to_regclass(name || '_days') IS NOT NULL;
        CALL make_table_of_days(name, first, after);
        COMMIT;
    END LOOP;
END
$$;

CREATE PROCEDURE make_table_of_days(name text, first uuid, after uuid) LANGUAGE plpgsql AS $$
DECLARE
    range text := format('PARTITION OF %I FOR VALUES FROM (%L) TO (%L)', name, first, after);
BEGIN
    -- Rows of a day that has no tables, which takes another database of the same past.
    IF name <> 'execution_events' THEN
        EXECUTE format('CREATE TABLE %I %s PARTITION BY RANGE (execution_id)', name || '_days', range);
        EXECUTE format('CREATE TABLE %I PARTITION OF %I DEFAULT', name || '_astray', name || '_days');
        RETURN;
    END IF;
    -- Changes of status are kept for ever.
    EXECUTE format('CREATE TABLE execution_events_by_kind %s PARTITION BY LIST (kind)', range);
    CREATE TABLE execution_events_of_status PARTITION OF execution_events_by_kind FOR VALUES IN ('STATUS_CHANGED');
    ALTER TABLE execution_events_of_status ADD PRIMARY KEY (execution_id, seq);
    CREATE INDEX execution_ends_by_day ON execution_events_of_status (day_of_id(execution_id), at)
        WHERE is_terminal(status);
    CREATE UNIQUE INDEX one_terminal_event_by_day ON execution_events_of_status (execution_id)
        WHERE is_terminal(status) AND NOT data ? 'superseded';
    CREATE TABLE execution_events_days PARTITION OF execution_events_by_kind DEFAULT PARTITION BY RANGE (execution_id);
    ALTER TABLE execution_events_days ADD PRIMARY KEY (execution_id, seq);
    CREATE TABLE execution_events_astray PARTITION OF execution_events_days DEFAULT;
END
$$;

CREATE PROCEDURE make_days(first_day date, last_day date) LANGUAGE plpgsql AS $$
DECLARE
    name text;
    of_days text;
    first uuid;
    after uuid;
BEGIN
    CALL begin_days();
    SELECT id_of_day(first_id, make_days.first_day - '1970-01-01'), id_of_day(first_id, make_days.last_day - '1970-01-01' + 1)
    INTO first, after FROM retention_progress;
    FOREACH name IN ARRAY tables_by_day() LOOP
        of_days := table_of_days(name, make_days.first_day);
        CONTINUE WHEN to_regclass(of_days) IS NOT NULL;
        CALL lock_for_days(name || '_days');
        CONTINUE WHEN to_regclass(of_days) IS NOT NULL;
        EXECUTE format('CREATE TEMP TABLE found_astray ON COMMIT DROP AS SELECT * FROM %I WHERE false', name);
        EXECUTE format('WITH found AS (DELETE FROM %I WHERE execution_id >= %L AND execution_id < %L RETURNING *)'
                       ' INSERT INTO found_astray SELECT * FROM found', name || '_astray', first, after);
        EXECUTE format('CREATE TABLE %I PARTITION OF %I FOR VALUES FROM (%L) TO (%L)', of_days, name || '_days', first, after);
        EXECUTE format('INSERT INTO %I SELECT * FROM found_astray', of_days);
        COMMIT;
    END LOOP;
    INSERT INTO execution_days VALUES (make_days.first_day, make_days.last_day, first, after) ON CONFLICT DO NOTHING;
END
$$;
COMMENT ON PROCEDURE make_days IS 'Makes what is missing; after an error it goes on where it was';

CREATE FUNCTION have_all_ended(days execution_days, before timestamptz) RETURNS boolean LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN NOT EXISTS (
        SELECT FROM executions WHERE NOT is_terminal(status) AND id >= days.first_id AND id < days.after_id
    ) AND coalesce((
        SELECT max(at) < before FROM execution_events_of_status
        WHERE is_terminal(status) AND day_of_id(execution_id) = days.first_day - '1970-01-01'
    ), true);
END
$$;

CREATE FUNCTION due_days(before timestamptz)
RETURNS TABLE (first_day date, last_day date, first_id uuid, after_id uuid, executions bigint, bytes bigint) LANGUAGE sql STABLE AS $$
    SELECT d.first_day, d.last_day, d.first_id, d.after_id,
           (SELECT count(*) FROM executions WHERE id >= d.first_id AND id < d.after_id),
           (SELECT sum(pg_total_relation_size(table_of_days(name, d.first_day)::regclass)) FROM unnest(tables_by_day()) AS name)
    FROM execution_days AS d
    WHERE d.dropped_at IS NULL AND d.last_day < (before AT TIME ZONE 'UTC')::date AND have_all_ended(d, before)
    ORDER BY d.first_day
$$;
COMMENT ON FUNCTION due_days IS 'Days all of whose executions have ended before, and what is in their tables';

CREATE PROCEDURE drop_days(before timestamptz, INOUT first date) LANGUAGE plpgsql AS $$
DECLARE
    due record;
    name text;
BEGIN
    SET LOCAL lock_timeout = '500ms';
    PERFORM pg_advisory_xact_lock(8243110937284436541);
    -- What an earlier call did not finish.
    SELECT first_day INTO first FROM execution_days WHERE dropped_at IS NOT NULL AND EXISTS (
        SELECT FROM unnest(tables_by_day()) AS one WHERE to_regclass(table_of_days(one, first_day)) IS NOT NULL
    ) LIMIT 1;
    IF NOT FOUND THEN
        SELECT * INTO due FROM due_days(before) LIMIT 1;
        IF NOT FOUND THEN
            RETURN;
        END IF;
        first := due.first_day;
        UPDATE execution_days AS d SET dropped_at = clock_timestamp(), executions = due.executions, bytes = due.bytes,
                                  cleaned_up_to = due.first_id
        WHERE d.first_day = first;
        COMMIT;
    END IF;
    FOREACH name IN ARRAY tables_by_day() LOOP
        CALL lock_for_days(name || '_days');
        EXECUTE format('DROP TABLE IF EXISTS %I', table_of_days(name, first));
        COMMIT;
    END LOOP;
END
$$;
COMMENT ON PROCEDURE drop_days IS 'Drops the tables of the next days that are due; after an error it goes on where it was';

-- What retention deleted of an execution. Of days that were dropped nobody counted more than the executions.
CREATE VIEW pruned AS
SELECT execution_id, pruned_at, events, steps, tool_calls, results, output_bytes, tool_log_bytes, messages
FROM pruned_executions
UNION ALL
SELECT e.id, d.dropped_at, e.event_seq - (
    SELECT count(*)::integer FROM execution_events AS v WHERE v.execution_id = e.id AND v.status IS NOT NULL
), NULL, NULL, NULL, NULL, NULL, NULL
FROM execution_days AS d JOIN executions AS e ON e.id >= d.first_id AND e.id < d.after_id
WHERE d.dropped_at IS NOT NULL;
