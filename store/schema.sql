-- The sum of all migrations, printed by `make schema`. Do not edit: write a migration.

CREATE TYPE public.event_kind AS ENUM (
    'STATUS_CHANGED',
    'TOOL_CALL_STARTED',
    'TOOL_CALL_ENDED',
    'PROGRESS',
    'MESSAGE'
);

CREATE TYPE public.execution_origin AS ENUM (
    'REQUESTED',
    'OBSERVED',
    'IMPORTED'
);

CREATE TYPE public.execution_status AS ENUM (
    'QUEUED',
    'RUNNING',
    'STOPPING',
    'SUCCEEDED',
    'FAILED',
    'TIMED_OUT',
    'STOPPED',
    'LOST'
);

COMMENT ON TYPE public.execution_status IS 'QUEUED waits for a worker; RUNNING has a runner; STOPPING was told to stop and something of it still lives; SUCCEEDED and FAILED have a result or a reason; TIMED_OUT, STOPPED and LOST ended without one. The last five are terminal.';

CREATE TYPE public.failure_kind AS ENUM (
    'LAUNCH',
    'RUNNER_EXIT',
    'RESULT_MISSING',
    'RESULT_UNREADABLE',
    'RESULT_MISMATCH',
    'BENCHMARK',
    'AGENT',
    'NOT_RUNNABLE',
    'TIMEOUT',
    'LOST',
    'ENDPOINT'
);

CREATE TYPE public.message_kind AS ENUM (
    'REQUEST',
    'RESPONSE',
    'TOOL',
    'ERROR',
    'END',
    'FULL',
    'OTHER'
);

CREATE TYPE public.performance_period AS ENUM (
    'DAY',
    'MONTH',
    'ALL'
);

COMMENT ON TYPE public.performance_period IS 'A UTC day, a UTC month, or all time: any range of days is few of them';

CREATE TYPE public.runner_kind AS ENUM (
    'LOCAL',
    'COMMAND'
);

COMMENT ON TYPE public.runner_kind IS 'LOCAL is our own runner, COMMAND the configured one; null for a runner that others started';

CREATE TYPE public.token_scope AS ENUM (
    'READ',
    'RUN',
    'ADMIN'
);

COMMENT ON TYPE public.token_scope IS 'READ sees everything, RUN starts and stops executions too, ADMIN changes benchmarks and agents too';

CREATE TYPE public.tool_call_status AS ENUM (
    'SUCCESS',
    'ERROR',
    'TIMEOUT',
    'UNFINISHED'
);

CREATE TYPE public.webhook_event AS ENUM (
    'EXECUTION_ENDED',
    'BATCH_ENDED'
);

CREATE FUNCTION public.add_up_figures() RETURNS void
    LANGUAGE plpgsql
    AS $$
BEGIN
    IF EXISTS (SELECT FROM performance_noted) THEN
        PERFORM pg_advisory_xact_lock(8243110937284436542);
        PERFORM add_up_noted_figures();
        PERFORM add_up_noted_performance();
        DELETE FROM performance_noted WHERE group_id IS NOT NULL;
    END IF;
END
$$;

COMMENT ON FUNCTION public.add_up_figures() IS 'Adds all that is noted to the sums; what another one is adding up is in them when this returns';

CREATE FUNCTION public.add_up_noted_figures() RETURNS void
    LANGUAGE plpgsql
    AS $$
BEGIN
    PERFORM find_figure_groups();
    IF EXISTS (SELECT FROM performance_noted WHERE group_id IS NULL) THEN
        INSERT INTO figure_groups (agent, settings_hash, benchmark_id, benchmark_revision, model, agent_revision)
        SELECT DISTINCT ON (1, 2, 3, 4) n.agent, coalesce(n.settings_hash, ''), scope.benchmark_id, scope.revision,
               n.usage ->> 'model', n.agent_revision
        FROM performance_noted AS n
        CROSS JOIN LATERAL (
            VALUES (n.benchmark_id, coalesce(n.benchmark_revision, 0)), ('', 0)
        ) AS scope (benchmark_id, revision)
        WHERE n.group_id IS NULL
        ORDER BY 1, 2, 3, 4
        ON CONFLICT DO NOTHING;
        PERFORM find_figure_groups();
    END IF;

    INSERT INTO figures AS f
    SELECT n.group_id, period, start, sum(weight),
           coalesce(sum(weight) FILTER (WHERE is_attempt), 0),
           coalesce(sum(weight) FILTER (WHERE is_attempt AND solved), 0),
           coalesce(sum(weight) FILTER (WHERE is_attempt AND computed_score IS NOT NULL), 0),
           coalesce(sum(weight * computed_score) FILTER (WHERE is_attempt), 0),
           coalesce(sum(weight * computed_score ^ 2) FILTER (WHERE is_attempt), 0),
           coalesce(sum(weight) FILTER (WHERE is_attempt AND execution_time_ms IS NOT NULL), 0),
           coalesce(sum(weight * execution_time_ms::double precision) FILTER (WHERE is_attempt), 0),
           sum(weight * (usage ->> 'input_tokens')::double precision) FILTER (WHERE is_attempt),
           sum(weight * (usage ->> 'output_tokens')::double precision) FILTER (WHERE is_attempt),
           sum(weight * (usage ->> 'cached_tokens')::double precision) FILTER (WHERE is_attempt),
           sum(weight * (usage ->> 'reasoning_tokens')::double precision) FILTER (WHERE is_attempt),
           coalesce(sum(weight) FILTER (WHERE is_attempt AND usage ->> 'cost' IS NOT NULL), 0),
           coalesce(sum(weight) FILTER (WHERE is_attempt AND solved AND usage ->> 'cost' IS NOT NULL), 0),
           coalesce(sum(weight * (usage ->> 'cost')::double precision) FILTER (WHERE is_attempt), 0)
    FROM performance_noted AS n
    CROSS JOIN LATERAL (SELECT (n.ended_at AT TIME ZONE 'UTC')::date AS day) AS ended
    CROSS JOIN LATERAL (VALUES
        ('DAY'::performance_period, ended.day), ('MONTH', date_trunc('month', ended.day::timestamp)::date),
        ('ALL', '-infinity')
    ) AS part (period, start)
    WHERE n.group_id IS NOT NULL
    GROUP BY n.group_id, period, start ORDER BY period, start, n.group_id
    ON CONFLICT (period, start, group_id) DO UPDATE SET
        executions = f.executions + excluded.executions,
        attempts = f.attempts + excluded.attempts,
        solved = f.solved + excluded.solved,
        scored = f.scored + excluded.scored,
        score_sum = f.score_sum + excluded.score_sum,
        score_squares = f.score_squares + excluded.score_squares,
        timed = f.timed + excluded.timed,
        time_sum_ms = f.time_sum_ms + excluded.time_sum_ms,
        input_tokens = coalesce(f.input_tokens + excluded.input_tokens, f.input_tokens, excluded.input_tokens),
        output_tokens = coalesce(f.output_tokens + excluded.output_tokens, f.output_tokens, excluded.output_tokens),
        cached_tokens = coalesce(f.cached_tokens + excluded.cached_tokens, f.cached_tokens, excluded.cached_tokens),
        reasoning_tokens = coalesce(
            f.reasoning_tokens + excluded.reasoning_tokens, f.reasoning_tokens, excluded.reasoning_tokens
        ),
        priced = f.priced + excluded.priced,
        priced_solved = f.priced_solved + excluded.priced_solved,
        cost = f.cost + excluded.cost;

    INSERT INTO figure_counts AS c
    SELECT part.group_id, part.period, part.start, what, bucket, sum(weight), coalesce(sum(weight * value), 0)
    FROM performance_noted AS n
    CROSS JOIN LATERAL (VALUES
        (n.group_id, 'DAY'::performance_period, (n.ended_at AT TIME ZONE 'UTC')::date),
        (n.group_id, 'ALL', '-infinity'), (n.group_of_all_id, 'ALL', '-infinity')
    ) AS part (group_id, period, start)
    CROSS JOIN LATERAL (VALUES
        ('SCORE', floor(computed_score * 100 + 1e-9)::smallint, computed_score),
        ('TIME', ceil(ln(greatest(execution_time_ms, 1)::double precision) / ln(1.02::double precision))::smallint,
         execution_time_ms::double precision),
        (CASE status WHEN 'FAILED' THEN failure_kind::text WHEN 'TIMED_OUT' THEN 'TIMEOUT' ELSE status::text END, 0, 0)
    ) AS counted (what, bucket, value)
    WHERE n.group_id IS NOT NULL AND value IS NOT NULL AND is_attempt = (what IN ('SCORE', 'TIME'))
    GROUP BY part.group_id, part.period, part.start, what, bucket
    ORDER BY part.group_id, part.period, part.start, what, bucket
    ON CONFLICT (group_id, period, start, what, bucket) DO UPDATE SET
        executions = c.executions + excluded.executions, total = c.total + excluded.total;

    IF EXISTS (SELECT FROM performance_noted WHERE group_id IS NOT NULL AND weight < 0) THEN
        DELETE FROM figures AS f
        USING performance_noted AS n
        CROSS JOIN LATERAL (SELECT (n.ended_at AT TIME ZONE 'UTC')::date AS day) AS ended
        CROSS JOIN LATERAL (VALUES
            ('DAY'::performance_period, ended.day), ('MONTH', date_trunc('month', ended.day::timestamp)::date),
            ('ALL', '-infinity')
        ) AS part (period, start)
        WHERE n.group_id IS NOT NULL AND n.weight < 0 AND f.executions = 0
          AND (f.period, f.start, f.group_id) = (part.period, part.start, n.group_id);
        DELETE FROM figure_counts AS c USING performance_noted AS n
        WHERE n.group_id IS NOT NULL AND n.weight < 0 AND c.executions = 0 AND c.group_id IN (n.group_id, n.group_of_all_id);
    END IF;
END
$$;

CREATE FUNCTION public.add_up_noted_performance() RETURNS void
    LANGUAGE plpgsql
    AS $$
BEGIN
    INSERT INTO performance AS p
    SELECT benchmark_id, period, start, agent, sum(weight),
           coalesce(sum(weight) FILTER (WHERE status = 'SUCCEEDED'), 0),
           coalesce(sum(weight) FILTER (WHERE status = 'FAILED'), 0),
           coalesce(sum(weight) FILTER (WHERE status = 'TIMED_OUT'), 0),
           coalesce(sum(weight) FILTER (WHERE status = 'STOPPED'), 0),
           coalesce(sum(weight) FILTER (WHERE status = 'LOST'), 0),
           count(score), coalesce(sum(score), 0), max(score),
           (array_agg(score ORDER BY ended_at DESC) FILTER (WHERE score IS NOT NULL))[1],
           max(ended_at) FILTER (WHERE score IS NOT NULL),
           count(computed_score), coalesce(sum(computed_score), 0), max(computed_score),
           (array_agg(computed_score ORDER BY ended_at DESC) FILTER (WHERE computed_score IS NOT NULL))[1],
           max(ended_at) FILTER (WHERE computed_score IS NOT NULL),
           count(execution_time_ms), coalesce(sum(execution_time_ms::double precision), 0),
           coalesce(sum(weight) FILTER (WHERE is_attempt), 0),
           coalesce(sum(weight) FILTER (WHERE is_attempt AND solved), 0),
           count(computed_score) FILTER (WHERE is_attempt),
           coalesce(sum(computed_score) FILTER (WHERE is_attempt), 0)
    FROM performance_spread
    GROUP BY benchmark_id, period, start, agent ORDER BY benchmark_id, period, start, agent
    ON CONFLICT (benchmark_id, period, start, agent) DO UPDATE SET
        executions = p.executions + excluded.executions,
        succeeded = p.succeeded + excluded.succeeded,
        failed = p.failed + excluded.failed,
        timed_out = p.timed_out + excluded.timed_out,
        stopped = p.stopped + excluded.stopped,
        lost = p.lost + excluded.lost,
        scored = p.scored + excluded.scored,
        score_sum = p.score_sum + excluded.score_sum,
        score_best = greatest(p.score_best, excluded.score_best),
        score_latest = CASE WHEN excluded.score_latest_at >= coalesce(p.score_latest_at, '-infinity')
                            THEN excluded.score_latest ELSE p.score_latest END,
        score_latest_at = greatest(p.score_latest_at, excluded.score_latest_at),
        computed = p.computed + excluded.computed,
        computed_sum = p.computed_sum + excluded.computed_sum,
        computed_best = greatest(p.computed_best, excluded.computed_best),
        computed_latest = CASE WHEN excluded.computed_latest_at >= coalesce(p.computed_latest_at, '-infinity')
                               THEN excluded.computed_latest ELSE p.computed_latest END,
        computed_latest_at = greatest(p.computed_latest_at, excluded.computed_latest_at),
        timed = p.timed + excluded.timed,
        time_sum_ms = p.time_sum_ms + excluded.time_sum_ms,
        attempts = p.attempts + excluded.attempts,
        solved = p.solved + excluded.solved,
        attempts_computed = p.attempts_computed + excluded.attempts_computed,
        attempts_computed_sum = p.attempts_computed_sum + excluded.attempts_computed_sum;
    INSERT INTO performance_excluded AS x
    SELECT agent, benchmark_id, period, start, reason, sum(weight)
    FROM performance_spread WHERE NOT is_attempt
    GROUP BY agent, benchmark_id, period, start, reason ORDER BY agent, benchmark_id, period, start, reason
    ON CONFLICT (agent, benchmark_id, period, start, reason) DO UPDATE SET executions = x.executions + excluded.executions;
    IF EXISTS (SELECT FROM performance_noted WHERE group_id IS NOT NULL AND weight < 0) THEN
        DELETE FROM performance WHERE executions = 0 AND agent IN (
            SELECT agent FROM performance_noted WHERE group_id IS NOT NULL AND weight < 0
        );
        DELETE FROM performance_excluded WHERE executions = 0 AND agent IN (
            SELECT agent FROM performance_noted WHERE group_id IS NOT NULL AND weight < 0
        );
    END IF;
    INSERT INTO performance_times AS t
    SELECT agent, benchmark_id, period, start,
           ceil(ln(greatest(execution_time_ms, 1)::double precision) / ln(1.02::double precision)) AS bucket, count(*)
    FROM performance_spread WHERE execution_time_ms IS NOT NULL
    GROUP BY agent, benchmark_id, period, start, bucket ORDER BY agent, benchmark_id, period, start, bucket
    ON CONFLICT (agent, benchmark_id, period, start, bucket) DO UPDATE SET executions = t.executions + excluded.executions;
END
$$;

CREATE PROCEDURE public.begin_days()
    LANGUAGE plpgsql
    AS $$
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

CREATE FUNCTION public.day_of_id(id uuid) RETURNS integer
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN ((('x'::text || substr((id)::text, 10, 4)))::bit(16))::integer;

COMMENT ON FUNCTION public.day_of_id(id uuid) IS 'Counted from 1970-01-01; means nothing where the id has no day';

CREATE PROCEDURE public.drop_days(IN before timestamp with time zone, INOUT first date)
    LANGUAGE plpgsql
    AS $$
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

COMMENT ON PROCEDURE public.drop_days(IN before timestamp with time zone, INOUT first date) IS 'Drops the tables of the next days that are due; after an error it goes on where it was';

CREATE FUNCTION public.due_days(before timestamp with time zone) RETURNS TABLE(first_day date, last_day date, first_id uuid, after_id uuid, executions bigint, bytes bigint)
    LANGUAGE sql STABLE
    AS $$
    SELECT d.first_day, d.last_day, d.first_id, d.after_id,
           (SELECT count(*) FROM executions WHERE id >= d.first_id AND id < d.after_id),
           (SELECT sum(pg_total_relation_size(table_of_days(name, d.first_day)::regclass)) FROM unnest(tables_by_day()) AS name)
    FROM execution_days AS d
    WHERE d.dropped_at IS NULL AND d.last_day < (before AT TIME ZONE 'UTC')::date AND have_all_ended(d, before)
    ORDER BY d.first_day
$$;

COMMENT ON FUNCTION public.due_days(before timestamp with time zone) IS 'Days all of whose executions have ended before, and what is in their tables';

CREATE FUNCTION public.end_batch() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(8243110937284436533);
    -- Of many that end in one transaction the others find it ended, without a look at all of them.
    PERFORM FROM batches WHERE id = NEW.batch_id AND ended_at IS NULL;
    IF FOUND AND NOT EXISTS (SELECT FROM executions WHERE batch_id = NEW.batch_id AND NOT is_terminal(status)) THEN
        UPDATE batches SET ended_at = (SELECT max(ended_at) FROM executions WHERE batch_id = NEW.batch_id)
        WHERE id = NEW.batch_id;
    END IF;
    RETURN NULL;
END
$$;

CREATE FUNCTION public.find_figure_groups() RETURNS void
    LANGUAGE plpgsql
    AS $$
BEGIN
    UPDATE performance_noted AS n
    SET group_id = (
        SELECT id FROM figure_groups AS g
        WHERE g.agent = n.agent AND g.settings_hash = coalesce(n.settings_hash, '') AND g.benchmark_id = n.benchmark_id
          AND g.benchmark_revision = coalesce(n.benchmark_revision, 0)
    ), group_of_all_id = (
        SELECT id FROM figure_groups AS g
        WHERE g.agent = n.agent AND g.settings_hash = coalesce(n.settings_hash, '') AND g.benchmark_id = ''
          AND g.benchmark_revision = 0
    )
    WHERE n.group_id IS NULL;
END
$$;

CREATE TABLE public.execution_days (
    first_day date NOT NULL,
    last_day date NOT NULL,
    first_id uuid NOT NULL,
    after_id uuid NOT NULL,
    dropped_at timestamp with time zone,
    executions bigint,
    bytes bigint,
    cleaned_up_to uuid,
    CONSTRAINT dropped_is_counted CHECK ((((dropped_at IS NULL) = (executions IS NULL)) AND ((dropped_at IS NULL) = (bytes IS NULL)))),
    CONSTRAINT execution_days_check CHECK ((last_day >= first_day))
);

COMMENT ON TABLE public.execution_days IS 'UTC days with tables of their own for what executions that are requested then store';

COMMENT ON COLUMN public.execution_days.first_id IS 'Ids of these days: from first_id to after_id, exclusive';

COMMENT ON COLUMN public.execution_days.dropped_at IS 'When retention dropped the tables; executions and bytes say what was in them';

COMMENT ON COLUMN public.execution_days.cleaned_up_to IS 'How far positions and words of executions of dropped days have been deleted; null when all are';

CREATE FUNCTION public.have_all_ended(days public.execution_days, before timestamp with time zone) RETURNS boolean
    LANGUAGE plpgsql STABLE
    AS $$
BEGIN
    RETURN NOT EXISTS (
        SELECT FROM executions WHERE NOT is_terminal(status) AND id >= days.first_id AND id < days.after_id
    ) AND coalesce((
        SELECT max(at) < before FROM execution_events_of_status
        WHERE is_terminal(status) AND day_of_id(execution_id) = days.first_day - '1970-01-01'
    ), true);
END
$$;

CREATE FUNCTION public.id_of_day(first_id uuid, number integer) RETURNS uuid
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN (((substr((first_id)::text, 1, 9) || lpad(to_hex(number), 4, '0'::text)) || '-0000-0000-000000000000'::text))::uuid;

COMMENT ON FUNCTION public.id_of_day(first_id uuid, number integer) IS 'The first id of a day, which is counted from 1970-01-01';

CREATE FUNCTION public.is_attempt(status public.execution_status, failure_kind public.failure_kind, startup_time_ms bigint) RETURNS boolean
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN CASE status WHEN 'SUCCEEDED'::public.execution_status THEN true WHEN 'FAILED'::public.execution_status THEN (failure_kind = ANY (ARRAY['BENCHMARK'::public.failure_kind, 'AGENT'::public.failure_kind])) WHEN 'TIMED_OUT'::public.execution_status THEN (startup_time_ms IS NOT NULL) WHEN 'STOPPED'::public.execution_status THEN false WHEN 'LOST'::public.execution_status THEN false ELSE NULL::boolean END;

COMMENT ON FUNCTION public.is_attempt(status public.execution_status, failure_kind public.failure_kind, startup_time_ms bigint) IS 'Whether an ended execution says something about its agent; null before the end. Figures count nothing else';

CREATE FUNCTION public.is_terminal(status public.execution_status) RETURNS boolean
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN (status <> ALL (ARRAY['QUEUED'::public.execution_status, 'RUNNING'::public.execution_status, 'STOPPING'::public.execution_status]));

CREATE PROCEDURE public.lock_for_days(IN name text)
    LANGUAGE plpgsql
    AS $$
BEGIN
    SET LOCAL lock_timeout = '500ms';
    -- One process at a time.
    PERFORM pg_advisory_xact_lock(8243110937284436541);
    LOCK TABLE executions IN SHARE ROW EXCLUSIVE MODE;
    EXECUTE format('LOCK TABLE ONLY %I IN ACCESS EXCLUSIVE MODE', name);
END
$$;

CREATE PROCEDURE public.make_days(IN first_day date, IN last_day date)
    LANGUAGE plpgsql
    AS $$
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

COMMENT ON PROCEDURE public.make_days(IN first_day date, IN last_day date) IS 'Makes what is missing; after an error it goes on where it was';

CREATE PROCEDURE public.make_table_of_days(IN name text, IN first uuid, IN after uuid)
    LANGUAGE plpgsql
    AS $$
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

CREATE FUNCTION public.new_execution_id() RETURNS uuid
    LANGUAGE plpgsql
    AS $$
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

CREATE FUNCTION public.next_log_position() RETURNS bigint
    LANGUAGE plpgsql
    AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(8243110937284436533);
    RETURN nextval('log_position');
END
$$;

COMMENT ON FUNCTION public.next_log_position() IS 'To be called in triggers just before the commit only: nobody else commits an event until this transaction ends';

CREATE FUNCTION public.note_deliveries(what public.webhook_event, subject uuid, at timestamp with time zone) RETURNS void
    LANGUAGE plpgsql
    AS $$
BEGIN
    INSERT INTO webhook_deliveries (webhook_id, event, subject_id, occurred_at)
    SELECT id, what, subject, at FROM webhooks WHERE disabled_at IS NULL AND what = ANY(events) FOR KEY SHARE;
    IF FOUND THEN
        PERFORM pg_notify('reev_gql_webhooks', '');
    END IF;
END
$$;

CREATE FUNCTION public.note_deliveries_of_end() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    IF TG_TABLE_NAME = 'batches' THEN
        PERFORM note_deliveries('BATCH_ENDED', NEW.id, NEW.ended_at);
    ELSIF TG_OP = 'UPDATE' THEN
        PERFORM note_deliveries('EXECUTION_ENDED', NEW.id, NEW.ended_at);
    ELSIF EXISTS (SELECT FROM webhooks WHERE disabled_at IS NULL AND 'EXECUTION_ENDED' = ANY(events)) THEN
        -- Files of executions that ended long ago are no news.
        PERFORM note_deliveries('EXECUTION_ENDED', id, ended_at)
        FROM inserted WHERE is_terminal(status) AND ended_at > clock_timestamp() - interval '1 hour';
    END IF;
    RETURN NULL;
END
$$;

CREATE TABLE public.executions (
    id uuid DEFAULT public.new_execution_id() NOT NULL,
    benchmark_id text NOT NULL,
    benchmark_revision integer,
    agent text NOT NULL,
    origin public.execution_origin DEFAULT 'REQUESTED'::public.execution_origin NOT NULL,
    status public.execution_status DEFAULT 'QUEUED'::public.execution_status NOT NULL,
    event_seq integer DEFAULT 0 NOT NULL,
    queued_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    started_at timestamp with time zone,
    ended_at timestamp with time zone,
    last_activity_at timestamp with time zone,
    stop_requested_at timestamp with time zone,
    timeout_ms integer,
    execution_time_ms bigint,
    failure_kind public.failure_kind,
    failure_message text,
    exit_code integer,
    exit_signal text,
    success boolean,
    score double precision,
    scoring jsonb,
    assertions jsonb,
    worker_id uuid,
    process_id integer,
    process_started_at double precision,
    idempotency_key text,
    rerun_of uuid,
    session_file_hash text,
    batch_id uuid,
    runner public.runner_kind,
    session_id text,
    computed_score double precision GENERATED ALWAYS AS (((scoring ->> 'score'::text))::double precision) STORED,
    priority integer DEFAULT 0 NOT NULL,
    steps_total integer,
    steps_done integer,
    startup_time_ms bigint,
    stop_reason text,
    leaked_processes jsonb,
    queue_number bigint,
    solved boolean GENERATED ALWAYS AS (
CASE
    WHEN ((scoring ->> 'score'::text) IS NOT NULL) THEN ((((scoring ->> 'score'::text))::double precision = (1)::double precision) AND COALESCE((NOT (assertions @> '[{"outcome": "FAILED"}]'::jsonb)), true))
    ELSE NULL::boolean
END) STORED,
    is_attempt boolean GENERATED ALWAYS AS (public.is_attempt(status, failure_kind, startup_time_ms)) STORED,
    agent_revision integer,
    usage jsonb,
    trial integer DEFAULT 1 NOT NULL,
    tags text[] DEFAULT '{}'::text[] NOT NULL,
    cost double precision GENERATED ALWAYS AS (
CASE
    WHEN public.is_terminal(status) THEN ((usage ->> 'cost'::text))::double precision
    ELSE NULL::double precision
END) STORED,
    tokens bigint GENERATED ALWAYS AS (
CASE
    WHEN (public.is_terminal(status) AND ((usage ? 'input_tokens'::text) OR (usage ? 'output_tokens'::text))) THEN (COALESCE(((usage ->> 'input_tokens'::text))::bigint, (0)::bigint) + COALESCE(((usage ->> 'output_tokens'::text))::bigint, (0)::bigint))
    ELSE NULL::bigint
END) STORED,
    settings_hash text,
    launcher text,
    handle jsonb,
    CONSTRAINT bad_end_is_explained CHECK ((((failure_kind IS NULL) = (failure_message IS NULL)) AND
CASE status
    WHEN 'FAILED'::public.execution_status THEN (failure_kind IS NOT NULL)
    WHEN 'TIMED_OUT'::public.execution_status THEN (failure_kind IS NOT NULL)
    WHEN 'LOST'::public.execution_status THEN (failure_kind IS NOT NULL)
    WHEN 'STOPPED'::public.execution_status THEN ((failure_kind IS NULL) OR (failure_kind = 'LOST'::public.failure_kind))
    ELSE (failure_kind IS NULL)
END)),
    CONSTRAINT ended_exactly_when_terminal CHECK ((public.is_terminal(status) = (ended_at IS NOT NULL))),
    CONSTRAINT executions_execution_time_ms_check CHECK ((execution_time_ms >= 0)),
    CONSTRAINT executions_score_check CHECK (((score >= (0)::double precision) AND (score <= (100)::double precision))),
    CONSTRAINT executions_startup_time_ms_check CHECK ((startup_time_ms >= 0)),
    CONSTRAINT executions_steps_done_check CHECK ((steps_done >= 0)),
    CONSTRAINT executions_steps_total_check CHECK ((steps_total > 0)),
    CONSTRAINT executions_timeout_ms_check CHECK ((timeout_ms > 0)),
    CONSTRAINT executions_trial_check CHECK ((trial > 0)),
    CONSTRAINT requested_has_a_time_limit CHECK (((origin <> 'REQUESTED'::public.execution_origin) OR (timeout_ms IS NOT NULL))),
    CONSTRAINT running_has_started CHECK (((status <> 'RUNNING'::public.execution_status) OR (started_at IS NOT NULL))),
    CONSTRAINT times_in_order CHECK (((started_at >= queued_at) AND (ended_at >= COALESCE(started_at, queued_at)))),
    CONSTRAINT waiting_has_a_number CHECK (((status <> 'QUEUED'::public.execution_status) OR (queue_number IS NOT NULL)))
);

COMMENT ON COLUMN public.executions.event_seq IS 'seq of the newest event; taken under the row lock, so events have no holes';

COMMENT ON COLUMN public.executions.execution_time_ms IS 'Measured on a monotonic clock by the worker; null when unknown';

COMMENT ON COLUMN public.executions.worker_id IS 'Whose it is, or was when it ended: nobody else may write about it';

COMMENT ON COLUMN public.executions.process_started_at IS 'Start time of the runner process by its host''s own clock since boot: a pid means nothing without it';

COMMENT ON COLUMN public.executions.session_id IS 'The session id of the files where it is not the execution''s own id';

COMMENT ON COLUMN public.executions.computed_score IS 'The score computed here, beside the one that the session file reports';

COMMENT ON COLUMN public.executions.priority IS 'The higher is taken first; equal ones in the order of their requests';

COMMENT ON COLUMN public.executions.steps_done IS 'Null when nobody can say: the runner tells only when a whole flow is over';

COMMENT ON COLUMN public.executions.startup_time_ms IS 'From the start of the runner process until the runner began; null until then. The time limit counts from there';

COMMENT ON COLUMN public.executions.stop_reason IS 'Why this program told it to stop by itself; null when a client asked';

COMMENT ON COLUMN public.executions.leaked_processes IS 'Processes of its runner that could not be ended: [{pid, name}]';

COMMENT ON COLUMN public.executions.queue_number IS 'The order of requests: of two with the same priority the lower is taken first; null if the execution had left the queue before this column existed';

COMMENT ON COLUMN public.executions.solved IS 'The score computed here is 1 and no assertion FAILED; null where no score could be computed';

COMMENT ON COLUMN public.executions.agent_revision IS 'The revision of the agent''s configuration that its runner was started with; null without one';

COMMENT ON COLUMN public.executions.usage IS 'What its model used, by the session file, else by the transcript so far; null when no model was asked';

COMMENT ON COLUMN public.executions.trial IS 'Its number among the repeats of its benchmark and agent in its batch';

COMMENT ON COLUMN public.executions.tags IS 'Each key or key=value; they may be changed after the end too';

COMMENT ON COLUMN public.executions.tokens IS 'Input and output tokens together; null before the end, and when no model was asked';

COMMENT ON COLUMN public.executions.settings_hash IS 'Of the settings that its model was asked with; null without a model, and where nothing is known of it';

COMMENT ON COLUMN public.executions.launcher IS 'What its runner was started with; null before that, and for executions of before this column';

COMMENT ON COLUMN public.executions.handle IS 'How an engine finds its runner, stored before the engine is asked; null for a process beside its worker';

CREATE FUNCTION public.note_for_performance(ended public.executions, weight integer, is_of_figures_only boolean) RETURNS void
    LANGUAGE plpgsql
    AS $_$
BEGIN
    INSERT INTO performance_noted (benchmark_id, agent, status, ended_at, score, computed_score, execution_time_ms,
                                   failure_kind, solved, is_attempt, settings_hash, benchmark_revision, agent_revision,
                                   usage, weight, is_of_figures_only)
    VALUES (ended.benchmark_id, ended.agent, ended.status, ended.ended_at, ended.score, ended.computed_score,
            ended.execution_time_ms, ended.failure_kind, ended.solved, ended.is_attempt, ended.settings_hash,
            ended.benchmark_revision, ended.agent_revision, ended.usage - 'final_text', $2, $3);
END
$_$;

CREATE FUNCTION public.note_performance() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
DECLARE
    is_told_more boolean;
BEGIN
    IF TG_OP = 'UPDATE' THEN
        is_told_more := is_terminal(OLD.status) AND OLD.session_file_hash IS NOT DISTINCT FROM NEW.session_file_hash;
        PERFORM note_for_performance(NEW, 1, is_told_more);
        IF is_terminal(OLD.status) THEN
            -- For performance it counts and nothing more: it had no result.
            PERFORM note_for_performance(OLD, -1, is_told_more);
        END IF;
        RETURN NULL;
    END IF;
    INSERT INTO performance_noted (benchmark_id, agent, status, ended_at, score, computed_score, execution_time_ms,
                                   failure_kind, solved, is_attempt, settings_hash, benchmark_revision, agent_revision,
                                   usage)
    SELECT benchmark_id, agent, status, ended_at, score, computed_score, execution_time_ms, failure_kind, solved,
           is_attempt, settings_hash, benchmark_revision, agent_revision, usage - 'final_text'
    FROM inserted WHERE is_terminal(status);
    RETURN NULL;
END
$$;

CREATE FUNCTION public.note_words() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    IF TG_OP = 'UPDATE' THEN
        INSERT INTO execution_words_due VALUES (NEW.id) ON CONFLICT DO NOTHING;
    ELSE
        INSERT INTO execution_words_due
        SELECT id FROM inserted WHERE is_terminal(status) AND failure_message IS NOT NULL ON CONFLICT DO NOTHING;
    END IF;
    RETURN NULL;
END
$$;

CREATE FUNCTION public.notify_queue() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    PERFORM pg_notify('reev_gql_queue', concat_ws(' ', TG_ARGV[0], pg_current_xact_id()));
    RETURN NULL;
END
$$;

CREATE FUNCTION public.notify_requests() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
DECLARE
    waiting CONSTANT bigint := (SELECT count(*) FROM inserted WHERE status = 'QUEUED');
BEGIN
    IF waiting > 0 THEN
        PERFORM pg_notify('reev_gql_queue', concat_ws(' ', '+', pg_current_xact_id(), waiting));
    END IF;
    RETURN NULL;
END
$$;

CREATE FUNCTION public.notify_stop() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    PERFORM pg_notify('reev_gql_stop', NEW.id::text);
    RETURN NULL;
END
$$;

CREATE FUNCTION public.place_benchmark_change() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    UPDATE benchmark_changes SET position = next_log_position() WHERE seq = NEW.seq;
    PERFORM pg_notify('reev_gql_benchmarks', '');
    RETURN NULL;
END
$$;

CREATE FUNCTION public.place_events() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    INSERT INTO event_positions (position, execution_id, first_seq, last_seq)
    VALUES (next_log_position(), NEW.id, CASE TG_OP WHEN 'UPDATE' THEN OLD.event_seq + 1 ELSE 1 END, NEW.event_seq);
    PERFORM pg_notify('reev_gql', '');
    RETURN NULL;
END
$$;

CREATE FUNCTION public.refuse_change_of_ended_execution() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
DECLARE
    generated CONSTANT text[] := '{computed_score,solved,is_attempt,cost,tokens}';
    may_differ CONSTANT text[] := generated || '{started_at,queued_at}';
    told CONSTANT text[] := generated || '{usage}';
    labels CONSTANT text[] := generated || '{tags}';
BEGIN
    IF OLD.origin = 'OBSERVED' AND NEW.origin = 'OBSERVED' AND NEW.id = OLD.id AND is_terminal(NEW.status) AND (
        (OLD.session_file_hash IS NULL AND NEW.session_file_hash IS NOT NULL)
        OR (OLD.started_at IS NULL AND to_jsonb(NEW) - may_differ = to_jsonb(OLD) - may_differ)
    ) THEN
        RETURN NEW;
    END IF;
    IF OLD.usage IS NULL AND to_jsonb(NEW) - told = to_jsonb(OLD) - told THEN
        RETURN NEW;
    END IF;
    IF OLD.tags <> NEW.tags AND to_jsonb(NEW) - labels = to_jsonb(OLD) - labels THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'execution % has ended as % and never changes again', OLD.id, OLD.status
        USING ERRCODE = 'object_not_in_prerequisite_state', CONSTRAINT = 'ended_execution_never_changes';
END
$$;

CREATE FUNCTION public.refuse_other_end_after_stop() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    RAISE EXCEPTION 'execution % was told to stop and cannot become %', NEW.id, NEW.status
        USING ERRCODE = 'check_violation', CONSTRAINT = 'accepted_stop_ends_stopped';
END
$$;

CREATE TABLE public.agent_revisions (
    agent text NOT NULL,
    number integer NOT NULL,
    created_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    api_url text,
    model text,
    settings jsonb NOT NULL,
    settings_hash text,
    CONSTRAINT agent_revisions_agent_check CHECK ((agent ~ '^[A-Za-z0-9][A-Za-z0-9_.-]{0,127}$'::text)),
    CONSTRAINT agent_revisions_number_check CHECK ((number > 0))
);

COMMENT ON TABLE public.agent_revisions IS 'How an agent reached and asked its model, one row per change; never changed, and kept when the configuration is deleted';

COMMENT ON COLUMN public.agent_revisions.settings_hash IS 'Of the settings with prompt and tools of the program that saved them; null where it is not known';

CREATE FUNCTION public.settings_hash(usage jsonb, execution_agent text, agent_revision integer) RETURNS text
    LANGUAGE sql STABLE
    RETURN COALESCE(CASE WHEN (length((usage ->> 'settings_hash'::text)) > 128) THEN encode(sha256(convert_to((usage ->> 'settings_hash'::text), 'UTF8'::name)), 'hex'::text) ELSE NULLIF((usage ->> 'settings_hash'::text), ''::text) END, (SELECT r.settings_hash FROM public.agent_revisions r WHERE ((r.agent = settings_hash.execution_agent) AND (r.number = settings_hash.agent_revision))), (SELECT encode(sha256(convert_to((jsonb_build_array(COALESCE((settings_hash.usage ->> 'model'::text), known.model), known.settings))::text, 'UTF8'::name)), 'hex'::text) AS encode FROM ((SELECT 1 AS "?column?") one LEFT JOIN public.agent_revisions known ON (((known.agent = settings_hash.execution_agent) AND (known.number = settings_hash.agent_revision)))) WHERE (COALESCE((settings_hash.usage ->> 'model'::text), known.model) IS NOT NULL)));

COMMENT ON FUNCTION public.settings_hash(usage jsonb, execution_agent text, agent_revision integer) IS 'What the runner says it is, else that of the revision it was started with, else one of the model and its settings as far as they are known';

CREATE FUNCTION public.table_of_days(name text, first_day date) RETURNS text
    LANGUAGE sql IMMUTABLE
    RETURN (name || to_char((first_day)::timestamp with time zone, '_YYYY_MM_DD'::text));

CREATE FUNCTION public.tables_by_day() RETURNS text[]
    LANGUAGE sql IMMUTABLE
    RETURN ARRAY['execution_events'::text, 'execution_messages'::text, 'execution_output'::text, 'execution_results'::text, 'execution_steps'::text, 'execution_tool_calls'::text, 'execution_tool_logs'::text, 'execution_tool_log_text'::text];

CREATE FUNCTION public.tell_settings() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    NEW.settings_hash := settings_hash(NEW.usage, NEW.agent, NEW.agent_revision);
    RETURN NEW;
END
$$;

CREATE FUNCTION public.words_of(execution public.executions) RETURNS tsvector
    LANGUAGE plpgsql STABLE
    AS $$
DECLARE
    not_said CONSTANT text[] := '{timestamp,kind,gen_ai.conversation.id,gen_ai.system_instructions,gen_ai.tool.definitions}';
    failure CONSTANT tsvector := to_tsvector('simple', left(coalesce(execution.failure_message, ''), 20000));
    most_bytes integer := 512 * 1024;
BEGIN
    WHILE most_bytes > 1024 LOOP
        BEGIN
            RETURN failure || coalesce((
                SELECT jsonb_to_tsvector('simple', jsonb_agg(
                    CASE jsonb_typeof(data) WHEN 'object' THEN data - not_said ELSE data END ORDER BY ordinal
                ), '["string"]')
                FROM execution_messages WHERE execution_id = execution.id AND end_offset <= most_bytes
            ), '');
        EXCEPTION WHEN program_limit_exceeded THEN
            -- More different words than a tsvector holds.
            most_bytes := most_bytes / 4;
        END;
    END LOOP;
    RETURN failure;
END
$$;

COMMENT ON FUNCTION public.words_of(execution public.executions) IS 'Of the failure message and of the first 512 kB of the transcript, without the system text and the definitions of tools';

CREATE TABLE public.agent_configs (
    agent text NOT NULL,
    encrypted_api_key bytea,
    created_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    updated_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    revision integer NOT NULL,
    CONSTRAINT agent_configs_agent_check CHECK ((agent ~ '^[A-Za-z0-9][A-Za-z0-9_.-]{0,127}$'::text))
);

COMMENT ON COLUMN public.agent_configs.encrypted_api_key IS 'Encrypted with the server''s secret key, which is not in the database';

CREATE TABLE public.api_tokens (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    name text NOT NULL,
    sha256 bytea NOT NULL,
    scope public.token_scope NOT NULL,
    created_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    last_used_at timestamp with time zone,
    revoked_at timestamp with time zone,
    CONSTRAINT api_tokens_sha256_check CHECK ((octet_length(sha256) = 32)),
    CONSTRAINT token_name_is_safe CHECK ((name ~ '^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$'::text))
);

COMMENT ON TABLE public.api_tokens IS 'Who may use the API; revoked ones stay, to be told apart from unknown ones';

COMMENT ON COLUMN public.api_tokens.sha256 IS 'Of 256 random bits, which nobody can guess: a slow hash would protect nothing more';

COMMENT ON COLUMN public.api_tokens.last_used_at IS 'To within some seconds: a server remembers a token for a moment';

CREATE TABLE public.batches (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    requested_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    size integer NOT NULL,
    request jsonb NOT NULL,
    idempotency_key text,
    name text,
    note text,
    tags text[] DEFAULT '{}'::text[] NOT NULL,
    rerun_of uuid,
    ended_at timestamp with time zone,
    CONSTRAINT batches_size_check CHECK ((size > 0))
);

COMMENT ON TABLE public.batches IS 'Executions that were requested together; their progress is that of their executions';

COMMENT ON COLUMN public.batches.request IS 'What was asked for: a repeated idempotency key must ask for the same';

COMMENT ON COLUMN public.batches.rerun_of IS 'The batch that it repeats executions of';

COMMENT ON COLUMN public.batches.ended_at IS 'When the last of its executions ended; null until then';

CREATE TABLE public.benchmark_changes (
    seq bigint NOT NULL,
    "position" bigint,
    at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    benchmark_id text NOT NULL,
    revision integer NOT NULL,
    outcome text NOT NULL,
    CONSTRAINT benchmark_changes_outcome_check CHECK ((outcome = ANY (ARRAY['CREATED'::text, 'UPDATED'::text, 'ARCHIVED'::text])))
);

COMMENT ON TABLE public.benchmark_changes IS 'What syncs and upserts did, for subscribers, in the order of position';

COMMENT ON COLUMN public.benchmark_changes."position" IS 'As in event_positions; null until just before the commit';

ALTER TABLE public.benchmark_changes ALTER COLUMN seq ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.benchmark_changes_seq_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.benchmark_revisions (
    benchmark_id text NOT NULL,
    revision integer NOT NULL,
    content_hash text NOT NULL,
    description text NOT NULL,
    prompt text NOT NULL,
    tags text[] NOT NULL,
    source text NOT NULL,
    definition jsonb NOT NULL,
    remarks jsonb NOT NULL,
    created_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    step_count integer GENERATED ALWAYS AS (
CASE
    WHEN (jsonb_typeof((definition -> 'flow'::text)) = 'array'::text) THEN GREATEST(jsonb_array_length((definition -> 'flow'::text)), 1)
    ELSE 1
END) STORED NOT NULL,
    CONSTRAINT benchmark_revisions_content_hash_check CHECK ((content_hash ~ '^[0-9a-f]{64}$'::text)),
    CONSTRAINT benchmark_revisions_revision_check CHECK ((revision > 0))
);

COMMENT ON COLUMN public.benchmark_revisions.step_count IS 'The steps of its flow; 1 for a benchmark that is no flow';

CREATE TABLE public.benchmarks (
    id text NOT NULL,
    current_revision integer NOT NULL,
    source_path text,
    created_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    archived_at timestamp with time zone,
    archived_on_request boolean DEFAULT false NOT NULL,
    archive_reason text GENERATED ALWAYS AS (
CASE
    WHEN (archived_at IS NULL) THEN NULL::text
    WHEN archived_on_request THEN 'REQUESTED'::text
    ELSE 'FILE_MISSING'::text
END) STORED,
    directory text,
    CONSTRAINT benchmark_id_is_safe CHECK ((id ~ '^[A-Za-z0-9][A-Za-z0-9_.-]{0,127}$'::text))
);

COMMENT ON COLUMN public.benchmarks.source_path IS 'File name inside the benchmarks directory; null for a definition that came over the API, which a sync never archives';

COMMENT ON COLUMN public.benchmarks.archived_on_request IS 'No sync restores it; means nothing while archived_at is null';

COMMENT ON COLUMN public.benchmarks.directory IS 'The name of the benchmarks directory that brought the file; null without a file, and before a sync has seen it';

CREATE TABLE public.event_positions (
    "position" bigint NOT NULL,
    execution_id uuid NOT NULL,
    first_seq integer NOT NULL,
    last_seq integer NOT NULL
);

COMMENT ON TABLE public.event_positions IS 'Where the events of an execution from first_seq to last_seq stand among all events; executions.event_seq moves it';

CREATE TABLE public.execution_events (
    execution_id uuid NOT NULL,
    seq integer NOT NULL,
    at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    kind public.event_kind NOT NULL,
    status public.execution_status,
    data jsonb DEFAULT '{}'::jsonb NOT NULL,
    CONSTRAINT execution_events_seq_check CHECK ((seq > 0)),
    CONSTRAINT status_exactly_when_changed CHECK (((kind = 'STATUS_CHANGED'::public.event_kind) = (status IS NOT NULL)))
)
PARTITION BY RANGE (execution_id);

CREATE TABLE public.execution_events_undated (
    execution_id uuid CONSTRAINT execution_events_execution_id_not_null NOT NULL,
    seq integer CONSTRAINT execution_events_seq_not_null NOT NULL,
    at timestamp with time zone DEFAULT clock_timestamp() CONSTRAINT execution_events_at_not_null NOT NULL,
    kind public.event_kind CONSTRAINT execution_events_kind_not_null NOT NULL,
    status public.execution_status,
    data jsonb DEFAULT '{}'::jsonb CONSTRAINT execution_events_data_not_null NOT NULL,
    CONSTRAINT execution_events_seq_check CHECK ((seq > 0)),
    CONSTRAINT status_exactly_when_changed CHECK (((kind = 'STATUS_CHANGED'::public.event_kind) = (status IS NOT NULL)))
);

COMMENT ON TABLE public.execution_events_undated IS 'What is in no table of a day, as all tables of that name';

CREATE TABLE public.execution_messages (
    execution_id uuid NOT NULL,
    ordinal integer NOT NULL,
    at timestamp with time zone,
    kind public.message_kind NOT NULL,
    data jsonb NOT NULL,
    end_offset bigint NOT NULL,
    CONSTRAINT execution_messages_end_offset_check CHECK ((end_offset > 0)),
    CONSTRAINT execution_messages_ordinal_check CHECK ((ordinal > 0))
)
PARTITION BY RANGE (execution_id);

COMMENT ON TABLE public.execution_messages IS 'The lines of transcripts, secrets excluded: what was said between an agent and its model';

COMMENT ON COLUMN public.execution_messages.ordinal IS 'The number of the line in the file, from 1; blank lines are left out';

COMMENT ON COLUMN public.execution_messages.data IS 'The line as it stands; a text where the line is not JSON';

COMMENT ON COLUMN public.execution_messages.end_offset IS 'Bytes of the file up to the end of the line';

CREATE TABLE public.execution_messages_undated (
    execution_id uuid CONSTRAINT execution_messages_execution_id_not_null NOT NULL,
    ordinal integer CONSTRAINT execution_messages_ordinal_not_null NOT NULL,
    at timestamp with time zone,
    kind public.message_kind CONSTRAINT execution_messages_kind_not_null NOT NULL,
    data jsonb CONSTRAINT execution_messages_data_not_null NOT NULL,
    end_offset bigint CONSTRAINT execution_messages_end_offset_not_null NOT NULL,
    CONSTRAINT execution_messages_end_offset_check CHECK ((end_offset > 0)),
    CONSTRAINT execution_messages_ordinal_check CHECK ((ordinal > 0))
);

COMMENT ON TABLE public.execution_messages_undated IS 'The lines of transcripts, secrets excluded: what was said between an agent and its model';

COMMENT ON COLUMN public.execution_messages_undated.ordinal IS 'The number of the line in the file, from 1; blank lines are left out';

COMMENT ON COLUMN public.execution_messages_undated.data IS 'The line as it stands; a text where the line is not JSON';

COMMENT ON COLUMN public.execution_messages_undated.end_offset IS 'Bytes of the file up to the end of the line';

CREATE TABLE public.execution_output (
    execution_id uuid NOT NULL,
    start_offset bigint NOT NULL,
    content bytea NOT NULL,
    CONSTRAINT execution_output_start_offset_check CHECK ((start_offset >= 0))
)
PARTITION BY RANGE (execution_id);

COMMENT ON TABLE public.execution_output IS 'What a runner printed, in pieces that follow each other without a gap; capped by the worker';

CREATE TABLE public.execution_output_undated (
    execution_id uuid CONSTRAINT execution_output_execution_id_not_null NOT NULL,
    start_offset bigint CONSTRAINT execution_output_start_offset_not_null NOT NULL,
    content bytea CONSTRAINT execution_output_content_not_null NOT NULL,
    CONSTRAINT execution_output_start_offset_check CHECK ((start_offset >= 0))
);

COMMENT ON TABLE public.execution_output_undated IS 'What a runner printed, in pieces that follow each other without a gap; capped by the worker';

CREATE SEQUENCE public.execution_queue_numbers
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;

ALTER SEQUENCE public.execution_queue_numbers OWNED BY public.executions.queue_number;

CREATE TABLE public.execution_results (
    execution_id uuid NOT NULL,
    content_hash text NOT NULL,
    prompt text,
    session jsonb NOT NULL,
    stored_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL
)
PARTITION BY RANGE (execution_id);

COMMENT ON TABLE public.execution_results IS 'The session file of an execution as it was read, steps excluded, or the rows that an imported one was made of; at most one each';

CREATE TABLE public.execution_results_undated (
    execution_id uuid CONSTRAINT execution_results_execution_id_not_null NOT NULL,
    content_hash text CONSTRAINT execution_results_content_hash_not_null NOT NULL,
    prompt text,
    session jsonb CONSTRAINT execution_results_session_not_null NOT NULL,
    stored_at timestamp with time zone DEFAULT clock_timestamp() CONSTRAINT execution_results_stored_at_not_null NOT NULL
);

COMMENT ON TABLE public.execution_results_undated IS 'The session file of an execution as it was read, steps excluded, or the rows that an imported one was made of; at most one each';

CREATE TABLE public.execution_steps (
    execution_id uuid NOT NULL,
    ordinal integer NOT NULL,
    thought text,
    action jsonb,
    observation jsonb,
    info jsonb,
    CONSTRAINT execution_steps_ordinal_check CHECK ((ordinal > 0))
)
PARTITION BY RANGE (execution_id);

CREATE TABLE public.execution_steps_undated (
    execution_id uuid CONSTRAINT execution_steps_execution_id_not_null NOT NULL,
    ordinal integer CONSTRAINT execution_steps_ordinal_not_null NOT NULL,
    thought text,
    action jsonb,
    observation jsonb,
    info jsonb,
    CONSTRAINT execution_steps_ordinal_check CHECK ((ordinal > 0))
);

CREATE TABLE public.execution_tool_calls (
    execution_id uuid NOT NULL,
    ordinal integer NOT NULL,
    name text NOT NULL,
    raw_name text NOT NULL,
    status public.tool_call_status NOT NULL,
    started_at timestamp with time zone,
    ended_at timestamp with time zone,
    duration_ms bigint,
    params jsonb,
    result jsonb,
    error_message text,
    CONSTRAINT execution_tool_calls_duration_ms_check CHECK ((duration_ms >= 0)),
    CONSTRAINT execution_tool_calls_ordinal_check CHECK ((ordinal > 0))
)
PARTITION BY RANGE (execution_id);

CREATE TABLE public.execution_tool_calls_undated (
    execution_id uuid CONSTRAINT execution_tool_calls_execution_id_not_null NOT NULL,
    ordinal integer CONSTRAINT execution_tool_calls_ordinal_not_null NOT NULL,
    name text CONSTRAINT execution_tool_calls_name_not_null NOT NULL,
    raw_name text CONSTRAINT execution_tool_calls_raw_name_not_null NOT NULL,
    status public.tool_call_status CONSTRAINT execution_tool_calls_status_not_null NOT NULL,
    started_at timestamp with time zone,
    ended_at timestamp with time zone,
    duration_ms bigint,
    params jsonb,
    result jsonb,
    error_message text,
    CONSTRAINT execution_tool_calls_duration_ms_check CHECK ((duration_ms >= 0)),
    CONSTRAINT execution_tool_calls_ordinal_check CHECK ((ordinal > 0))
);

CREATE TABLE public.execution_tool_log_text (
    execution_id uuid NOT NULL,
    start_offset bigint NOT NULL,
    content bytea NOT NULL,
    CONSTRAINT execution_tool_log_text_start_offset_check CHECK ((start_offset >= 0))
)
PARTITION BY RANGE (execution_id);

COMMENT ON TABLE public.execution_tool_log_text IS 'The lines of tool logs as they stand, secrets excluded, in pieces that follow each other without a gap';

CREATE TABLE public.execution_tool_log_text_undated (
    execution_id uuid CONSTRAINT execution_tool_log_text_execution_id_not_null NOT NULL,
    start_offset bigint CONSTRAINT execution_tool_log_text_start_offset_not_null NOT NULL,
    content bytea CONSTRAINT execution_tool_log_text_content_not_null NOT NULL,
    CONSTRAINT execution_tool_log_text_start_offset_check CHECK ((start_offset >= 0))
);

COMMENT ON TABLE public.execution_tool_log_text_undated IS 'The lines of tool logs as they stand, secrets excluded, in pieces that follow each other without a gap';

CREATE TABLE public.execution_tool_logs (
    execution_id uuid NOT NULL,
    file text NOT NULL,
    bytes bigint NOT NULL,
    content_hash text NOT NULL,
    is_finished boolean NOT NULL,
    first_at timestamp with time zone,
    last_at timestamp with time zone,
    prompt text,
    prompt_is_truncated boolean NOT NULL,
    prompts jsonb NOT NULL,
    remarks jsonb NOT NULL,
    CONSTRAINT execution_tool_logs_bytes_check CHECK ((bytes >= 0)),
    CONSTRAINT execution_tool_logs_content_hash_check CHECK ((content_hash ~ '^[0-9a-f]{64}$'::text))
)
PARTITION BY RANGE (execution_id);

COMMENT ON TABLE public.execution_tool_logs IS 'The tool log of an execution as far as it was read; its calls are in execution_tool_calls';

COMMENT ON COLUMN public.execution_tool_logs.bytes IS 'Bytes of the file that were read; content_hash is of these';

COMMENT ON COLUMN public.execution_tool_logs.is_finished IS 'Whether its last line was taken, also without an end of line';

COMMENT ON COLUMN public.execution_tool_logs.first_at IS 'The earliest time that a line tells of; last_at the latest';

COMMENT ON COLUMN public.execution_tool_logs.prompt IS 'The prompt of the execution where no session file tells one';

COMMENT ON COLUMN public.execution_tool_logs.remarks IS 'What of the file was not used, or not as it stands: [{kind, line, message}], at most some thousand';

CREATE TABLE public.execution_tool_logs_undated (
    execution_id uuid CONSTRAINT execution_tool_logs_execution_id_not_null NOT NULL,
    file text CONSTRAINT execution_tool_logs_file_not_null NOT NULL,
    bytes bigint CONSTRAINT execution_tool_logs_bytes_not_null NOT NULL,
    content_hash text CONSTRAINT execution_tool_logs_content_hash_not_null NOT NULL,
    is_finished boolean CONSTRAINT execution_tool_logs_is_finished_not_null NOT NULL,
    first_at timestamp with time zone,
    last_at timestamp with time zone,
    prompt text,
    prompt_is_truncated boolean CONSTRAINT execution_tool_logs_prompt_is_truncated_not_null NOT NULL,
    prompts jsonb CONSTRAINT execution_tool_logs_prompts_not_null NOT NULL,
    remarks jsonb CONSTRAINT execution_tool_logs_remarks_not_null NOT NULL,
    CONSTRAINT execution_tool_logs_bytes_check CHECK ((bytes >= 0)),
    CONSTRAINT execution_tool_logs_content_hash_check CHECK ((content_hash ~ '^[0-9a-f]{64}$'::text))
);

COMMENT ON TABLE public.execution_tool_logs_undated IS 'The tool log of an execution as far as it was read; its calls are in execution_tool_calls';

COMMENT ON COLUMN public.execution_tool_logs_undated.bytes IS 'Bytes of the file that were read; content_hash is of these';

COMMENT ON COLUMN public.execution_tool_logs_undated.is_finished IS 'Whether its last line was taken, also without an end of line';

COMMENT ON COLUMN public.execution_tool_logs_undated.first_at IS 'The earliest time that a line tells of; last_at the latest';

COMMENT ON COLUMN public.execution_tool_logs_undated.prompt IS 'The prompt of the execution where no session file tells one';

COMMENT ON COLUMN public.execution_tool_logs_undated.remarks IS 'What of the file was not used, or not as it stands: [{kind, line, message}], at most some thousand';

CREATE TABLE public.execution_words (
    execution_id uuid NOT NULL,
    words tsvector NOT NULL
);

COMMENT ON TABLE public.execution_words IS 'The words of an ended execution: of its failure message and of its conversation';

CREATE TABLE public.execution_words_due (
    execution_id uuid NOT NULL
);

COMMENT ON TABLE public.execution_words_due IS 'Ended executions whose words are not known yet, or have changed';

CREATE TABLE public.figure_counts (
    group_id integer NOT NULL,
    period public.performance_period NOT NULL,
    start date NOT NULL,
    what text NOT NULL,
    bucket smallint NOT NULL,
    executions bigint NOT NULL,
    total double precision NOT NULL
)
WITH (fillfactor='70');

COMMENT ON TABLE public.figure_counts IS 'Attempts by SCORE (computed, in hundredths) and TIME (as performance_times), and what is no attempt by the reason; of days and all time, for all benchmarks together of all time only';

COMMENT ON COLUMN public.figure_counts.total IS 'The sum of the values in the bucket: their mean stands for each of them';

CREATE TABLE public.figure_groups (
    id integer NOT NULL,
    agent text NOT NULL,
    settings_hash text NOT NULL,
    benchmark_id text NOT NULL,
    benchmark_revision integer NOT NULL,
    model text,
    agent_revision integer
);

COMMENT ON TABLE public.figure_groups IS 'Whose attempts at which benchmark revision are summed up together; settings are never mixed';

COMMENT ON COLUMN public.figure_groups.settings_hash IS 'Empty without one';

COMMENT ON COLUMN public.figure_groups.benchmark_id IS 'Empty for all benchmarks together';

COMMENT ON COLUMN public.figure_groups.benchmark_revision IS '0 where it is not known, and for all benchmarks together';

COMMENT ON COLUMN public.figure_groups.model IS 'That of its first execution, as agent_revision';

ALTER TABLE public.figure_groups ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.figure_groups_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.figures (
    group_id integer NOT NULL,
    period public.performance_period NOT NULL,
    start date NOT NULL,
    executions bigint NOT NULL,
    attempts bigint NOT NULL,
    solved bigint NOT NULL,
    scored bigint NOT NULL,
    score_sum double precision NOT NULL,
    score_squares double precision NOT NULL,
    timed bigint NOT NULL,
    time_sum_ms double precision NOT NULL,
    input_tokens double precision,
    output_tokens double precision,
    cached_tokens double precision,
    reasoning_tokens double precision,
    priced bigint NOT NULL,
    priced_solved bigint NOT NULL,
    cost double precision NOT NULL
)
WITH (fillfactor='70');

COMMENT ON TABLE public.figures IS 'Sums over the attempts of a group that ended in a UTC period; of one benchmark revision each, because a mean over benchmarks is made of their means';

COMMENT ON COLUMN public.figures.executions IS 'All that ended, attempts or not; every other column is of attempts';

CREATE TABLE public.ingest_conflicts (
    id bigint NOT NULL,
    execution_id uuid NOT NULL,
    content_hash text NOT NULL,
    file text NOT NULL,
    reason text NOT NULL,
    seen_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT ingest_conflicts_content_hash_check CHECK ((content_hash ~ '^[0-9a-f]{64}$'::text))
);

COMMENT ON TABLE public.ingest_conflicts IS 'Session files of executions that had ended otherwise: an ended execution never changes';

ALTER TABLE public.ingest_conflicts ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.ingest_conflicts_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.ingest_failures (
    id bigint NOT NULL,
    host text NOT NULL,
    directory text NOT NULL,
    file text NOT NULL,
    content_hash text,
    byte_offset bigint,
    reason text NOT NULL,
    seen_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    line integer,
    CONSTRAINT ingest_failures_byte_offset_check CHECK ((byte_offset >= 0)),
    CONSTRAINT ingest_failures_content_hash_check CHECK ((content_hash ~ '^[0-9a-f]{64}$'::text)),
    CONSTRAINT ingest_failures_line_check CHECK ((line > 0))
);

COMMENT ON TABLE public.ingest_failures IS 'Files and lines of tool logs that cannot be used, the newest of them; what becomes good or goes is taken out';

ALTER TABLE public.ingest_failures ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.ingest_failures_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE SEQUENCE public.log_position
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;

CREATE TABLE public.log_timelines (
    number integer NOT NULL,
    id text NOT NULL,
    place text NOT NULL,
    began_after bigint NOT NULL,
    xid xid8 DEFAULT pg_current_xact_id() NOT NULL,
    began_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL
);

COMMENT ON TABLE public.log_timelines IS 'The histories of the log: another one begins where a backup is restored or a standby takes over';

COMMENT ON COLUMN public.log_timelines.place IS 'Which cluster, history of the cluster, database and table this was';

COMMENT ON COLUMN public.log_timelines.began_after IS 'The highest position that it has in common with the one before';

COMMENT ON COLUMN public.log_timelines.xid IS 'Lies ahead in another cluster with a lower counter, whose name may not be told to us';

ALTER TABLE public.log_timelines ALTER COLUMN number ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.log_timelines_number_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.performance (
    benchmark_id text NOT NULL,
    period public.performance_period NOT NULL,
    start date NOT NULL,
    agent text NOT NULL,
    executions bigint NOT NULL,
    succeeded bigint NOT NULL,
    failed bigint NOT NULL,
    timed_out bigint NOT NULL,
    stopped bigint NOT NULL,
    lost bigint NOT NULL,
    scored bigint NOT NULL,
    score_sum double precision NOT NULL,
    score_best double precision,
    score_latest double precision,
    score_latest_at timestamp with time zone,
    computed bigint NOT NULL,
    computed_sum double precision NOT NULL,
    computed_best double precision,
    computed_latest double precision,
    computed_latest_at timestamp with time zone,
    timed bigint NOT NULL,
    time_sum_ms double precision NOT NULL,
    attempts bigint DEFAULT 0 NOT NULL,
    solved bigint DEFAULT 0 NOT NULL,
    attempts_computed bigint DEFAULT 0 NOT NULL,
    attempts_computed_sum double precision DEFAULT 0 NOT NULL
)
WITH (fillfactor='70');

COMMENT ON TABLE public.performance IS 'Ended executions per agent, benchmark and UTC period of their end; executions minus scored (computed, timed) is what is missing';

COMMENT ON COLUMN public.performance.benchmark_id IS 'Empty in the rows that hold all benchmarks of an agent together';

COMMENT ON COLUMN public.performance.start IS 'First day of the period; -infinity for all time';

COMMENT ON COLUMN public.performance.time_sum_ms IS 'Not an integer: no time that a file may claim can overflow it';

COMMENT ON COLUMN public.performance.attempts IS 'Executions that say something about the agent; solved are some of these';

CREATE TABLE public.performance_excluded (
    agent text NOT NULL,
    benchmark_id text NOT NULL,
    period public.performance_period NOT NULL,
    start date NOT NULL,
    reason text NOT NULL,
    executions bigint NOT NULL
);

COMMENT ON TABLE public.performance_excluded IS 'Ended executions that are no attempts, by why: STOPPED, LOST, or the kind of failure';

CREATE TABLE public.performance_noted (
    benchmark_id text NOT NULL,
    agent text NOT NULL,
    status public.execution_status NOT NULL,
    ended_at timestamp with time zone NOT NULL,
    score double precision,
    computed_score double precision,
    execution_time_ms bigint,
    weight integer DEFAULT 1 NOT NULL,
    failure_kind public.failure_kind,
    solved boolean,
    is_attempt boolean,
    settings_hash text,
    benchmark_revision integer,
    agent_revision integer,
    usage jsonb,
    group_id integer,
    group_of_all_id integer,
    is_of_figures_only boolean DEFAULT false NOT NULL
)
WITH (autovacuum_vacuum_scale_factor='0', autovacuum_vacuum_threshold='2000', vacuum_truncate=off);

COMMENT ON TABLE public.performance_noted IS 'Ended executions that are in no sum yet: add_up_figures moves them there, and readers call it';

COMMENT ON COLUMN public.performance_noted.group_id IS 'Null but within add_up_figures: those that it adds up have one';

COMMENT ON COLUMN public.performance_noted.is_of_figures_only IS 'What its model used became known after the end, which performance does not tell of';

CREATE VIEW public.performance_spread AS
 SELECT scope.benchmark_id,
    part.period,
    part.start,
    noted.agent,
    noted.status,
    noted.ended_at,
    noted.score,
    noted.computed_score,
    noted.execution_time_ms,
    noted.weight,
    noted.solved,
    noted.is_attempt,
        CASE noted.status
            WHEN 'FAILED'::public.execution_status THEN (noted.failure_kind)::text
            WHEN 'TIMED_OUT'::public.execution_status THEN 'TIMEOUT'::text
            ELSE (noted.status)::text
        END AS reason
   FROM (((public.performance_noted noted
     CROSS JOIN LATERAL ( SELECT ((noted.ended_at AT TIME ZONE 'UTC'::text))::date AS day) ended)
     CROSS JOIN LATERAL ( VALUES ('DAY'::public.performance_period,ended.day), ('MONTH'::public.performance_period,(date_trunc('month'::text, (ended.day)::timestamp without time zone))::date), ('ALL'::public.performance_period,'-infinity'::date)) part(period, start))
     CROSS JOIN LATERAL ( VALUES (noted.benchmark_id), (''::text)) scope(benchmark_id))
  WHERE ((noted.group_id IS NOT NULL) AND (NOT noted.is_of_figures_only));

COMMENT ON VIEW public.performance_spread IS 'Each execution that is added up, once per row of performance that it belongs to';

CREATE TABLE public.performance_times (
    agent text NOT NULL,
    benchmark_id text NOT NULL,
    period public.performance_period NOT NULL,
    start date NOT NULL,
    bucket smallint NOT NULL,
    executions bigint NOT NULL
);

COMMENT ON COLUMN public.performance_times.bucket IS 'ceil(ln(execution_time_ms) / ln(1.02)), 0 for a millisecond or less: a percentile read from it is at most 2 % too high';

CREATE TABLE public.pruned_executions (
    execution_id uuid NOT NULL,
    pruned_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    events integer NOT NULL,
    steps integer NOT NULL,
    tool_calls integer NOT NULL,
    results integer NOT NULL,
    output_bytes bigint NOT NULL,
    tool_log_bytes bigint DEFAULT 0 NOT NULL,
    messages bigint DEFAULT 0 NOT NULL
);

COMMENT ON TABLE public.pruned_executions IS 'Executions whose bulk was deleted for its age: the row and its changes of status stay, and this says what is gone';

CREATE VIEW public.pruned AS
 SELECT pruned_executions.execution_id,
    pruned_executions.pruned_at,
    pruned_executions.events,
    pruned_executions.steps,
    pruned_executions.tool_calls,
    pruned_executions.results,
    pruned_executions.output_bytes,
    pruned_executions.tool_log_bytes,
    pruned_executions.messages
   FROM public.pruned_executions
UNION ALL
 SELECT e.id AS execution_id,
    d.dropped_at AS pruned_at,
    (e.event_seq - ( SELECT (count(*))::integer AS count
           FROM public.execution_events v
          WHERE ((v.execution_id = e.id) AND (v.status IS NOT NULL)))) AS events,
    NULL::integer AS steps,
    NULL::integer AS tool_calls,
    NULL::integer AS results,
    NULL::bigint AS output_bytes,
    NULL::bigint AS tool_log_bytes,
    NULL::bigint AS messages
   FROM (public.execution_days d
     JOIN public.executions e ON (((e.id >= d.first_id) AND (e.id < d.after_id))))
  WHERE (d.dropped_at IS NOT NULL);

CREATE TABLE public.reev_imports (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    path text NOT NULL,
    dry_run boolean NOT NULL,
    state text DEFAULT 'RUNNING'::text NOT NULL,
    started_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    heartbeat_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    ended_at timestamp with time zone,
    problem text,
    report jsonb,
    CONSTRAINT reev_imports_check CHECK (((state = 'RUNNING'::text) = (ended_at IS NULL))),
    CONSTRAINT reev_imports_check1 CHECK (((state = 'FAILED'::text) = (problem IS NOT NULL))),
    CONSTRAINT reev_imports_state_check CHECK ((state = ANY (ARRAY['RUNNING'::text, 'COMPLETED'::text, 'FAILED'::text])))
);

COMMENT ON TABLE public.reev_imports IS 'The last imports of reev databases that were asked for over the API';

COMMENT ON COLUMN public.reev_imports.heartbeat_at IS 'Written by the server that carries it out: when it is old, that server is gone';

COMMENT ON COLUMN public.reev_imports.report IS 'What was done so far, as runner_bridge.moving_in.report has it';

CREATE TABLE public.retention_progress (
    is_the_only_row boolean DEFAULT true NOT NULL,
    ended_at timestamp with time zone NOT NULL,
    execution_id uuid NOT NULL,
    first_id uuid,
    after_id uuid,
    CONSTRAINT retention_progress_is_the_only_row_check CHECK (is_the_only_row)
);

COMMENT ON TABLE public.retention_progress IS 'Every end up to this one has been pruned, in the order of (at, execution_id)';

COMMENT ON COLUMN public.retention_progress.first_id IS 'The ids of all days: from first_id to after_id, exclusive; of this database alone, null before the first day is made';

CREATE TABLE public.webhook_deliveries (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    webhook_id uuid NOT NULL,
    event public.webhook_event NOT NULL,
    subject_id uuid NOT NULL,
    occurred_at timestamp with time zone NOT NULL,
    attempts integer DEFAULT 0 NOT NULL,
    due_at timestamp with time zone DEFAULT clock_timestamp(),
    ended_at timestamp with time zone,
    CONSTRAINT due_until_the_end CHECK (((due_at IS NULL) = (ended_at IS NOT NULL)))
);

COMMENT ON TABLE public.webhook_deliveries IS 'What a webhook is told; delivered ones and those given up are deleted after a while';

COMMENT ON COLUMN public.webhook_deliveries.subject_id IS 'The execution or batch that ended';

COMMENT ON COLUMN public.webhook_deliveries.attempts IS 'That have failed';

COMMENT ON COLUMN public.webhook_deliveries.due_at IS 'When the next attempt may begin; while one is under way, when another process may take it for lost';

COMMENT ON COLUMN public.webhook_deliveries.ended_at IS 'When it was accepted or given up';

CREATE TABLE public.webhooks (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    url text NOT NULL,
    events public.webhook_event[] NOT NULL,
    encrypted_secret bytea NOT NULL,
    created_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    delivered_at timestamp with time zone,
    failing_since timestamp with time zone,
    last_error text,
    disabled_at timestamp with time zone,
    CONSTRAINT disabled_is_explained CHECK (((disabled_at IS NULL) OR (last_error IS NOT NULL))),
    CONSTRAINT webhooks_events_check CHECK ((cardinality(events) > 0))
);

COMMENT ON TABLE public.webhooks IS 'Addresses that are told of ends';

COMMENT ON COLUMN public.webhooks.encrypted_secret IS 'What deliveries are signed with, encrypted with the server''s secret key, which is not in the database';

COMMENT ON COLUMN public.webhooks.delivered_at IS 'The last delivery that was accepted';

COMMENT ON COLUMN public.webhooks.failing_since IS 'The first failure since the last delivery that was accepted';

COMMENT ON COLUMN public.webhooks.last_error IS 'Of the last attempt; null when that was accepted';

COMMENT ON COLUMN public.webhooks.disabled_at IS 'When it was given up; nothing is sent there until it is enabled again';

CREATE TABLE public.workers (
    id uuid NOT NULL,
    host text NOT NULL,
    machine_id text NOT NULL,
    boot_id text NOT NULL,
    sessions_dir text NOT NULL,
    process_id integer NOT NULL,
    process_started_at double precision NOT NULL,
    capacity integer NOT NULL,
    version text NOT NULL,
    started_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    heartbeat_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    left_at timestamp with time zone,
    CONSTRAINT workers_capacity_check CHECK ((capacity >= 0))
);

COMMENT ON TABLE public.workers IS 'The worker processes there were; those whose heartbeat is fresh are at work, those that nothing refers to are deleted some time after they left';

COMMENT ON COLUMN public.workers.host IS 'The name of its machine, for people';

COMMENT ON COLUMN public.workers.boot_id IS 'Within which its pids mean something: one boot of one machine, one pid namespace';

COMMENT ON COLUMN public.workers.sessions_dir IS 'Where its runners write; resolved';

COMMENT ON COLUMN public.workers.process_started_at IS 'Start time of its process by its host''s own clock since boot';

COMMENT ON COLUMN public.workers.capacity IS 'How many executions it runs at once at most';

COMMENT ON COLUMN public.workers.left_at IS 'When it left, or was given up; null again should it come back';

ALTER TABLE ONLY public.execution_events ATTACH PARTITION public.execution_events_undated DEFAULT;

ALTER TABLE ONLY public.execution_messages ATTACH PARTITION public.execution_messages_undated DEFAULT;

ALTER TABLE ONLY public.execution_output ATTACH PARTITION public.execution_output_undated DEFAULT;

ALTER TABLE ONLY public.execution_results ATTACH PARTITION public.execution_results_undated DEFAULT;

ALTER TABLE ONLY public.execution_steps ATTACH PARTITION public.execution_steps_undated DEFAULT;

ALTER TABLE ONLY public.execution_tool_calls ATTACH PARTITION public.execution_tool_calls_undated DEFAULT;

ALTER TABLE ONLY public.execution_tool_log_text ATTACH PARTITION public.execution_tool_log_text_undated DEFAULT;

ALTER TABLE ONLY public.execution_tool_logs ATTACH PARTITION public.execution_tool_logs_undated DEFAULT;

ALTER TABLE ONLY public.executions ALTER COLUMN queue_number SET DEFAULT nextval('public.execution_queue_numbers'::regclass);

ALTER TABLE ONLY public.agent_configs
    ADD CONSTRAINT agent_configs_pkey PRIMARY KEY (agent);

ALTER TABLE ONLY public.agent_revisions
    ADD CONSTRAINT agent_revisions_pkey PRIMARY KEY (agent, number);

ALTER TABLE ONLY public.api_tokens
    ADD CONSTRAINT api_tokens_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.api_tokens
    ADD CONSTRAINT api_tokens_sha256_key UNIQUE (sha256);

ALTER TABLE ONLY public.batches
    ADD CONSTRAINT batch_idempotency_key_is_used_once UNIQUE (idempotency_key);

ALTER TABLE ONLY public.batches
    ADD CONSTRAINT batches_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.benchmark_changes
    ADD CONSTRAINT benchmark_changes_pkey PRIMARY KEY (seq);

ALTER TABLE ONLY public.benchmark_revisions
    ADD CONSTRAINT benchmark_revisions_pkey PRIMARY KEY (benchmark_id, revision);

ALTER TABLE ONLY public.benchmarks
    ADD CONSTRAINT benchmarks_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.ingest_conflicts
    ADD CONSTRAINT conflict_is_recorded_once UNIQUE (execution_id, content_hash);

ALTER TABLE ONLY public.event_positions
    ADD CONSTRAINT event_positions_pkey PRIMARY KEY ("position", execution_id, last_seq);

ALTER TABLE ONLY public.execution_days
    ADD CONSTRAINT execution_days_first_id_key UNIQUE (first_id);

ALTER TABLE ONLY public.execution_days
    ADD CONSTRAINT execution_days_pkey PRIMARY KEY (first_day);

ALTER TABLE ONLY public.execution_events_undated
    ADD CONSTRAINT execution_events_undated_pkey PRIMARY KEY (execution_id, seq);

ALTER TABLE ONLY public.execution_messages
    ADD CONSTRAINT execution_messages_pkey PRIMARY KEY (execution_id, ordinal);

ALTER TABLE ONLY public.execution_messages_undated
    ADD CONSTRAINT execution_messages_undated_pkey PRIMARY KEY (execution_id, ordinal);

ALTER TABLE ONLY public.execution_output
    ADD CONSTRAINT execution_output_pkey PRIMARY KEY (execution_id, start_offset);

ALTER TABLE ONLY public.execution_output_undated
    ADD CONSTRAINT execution_output_undated_pkey PRIMARY KEY (execution_id, start_offset);

ALTER TABLE ONLY public.execution_results
    ADD CONSTRAINT execution_results_pkey PRIMARY KEY (execution_id);

ALTER TABLE ONLY public.execution_results_undated
    ADD CONSTRAINT execution_results_undated_pkey PRIMARY KEY (execution_id);

ALTER TABLE ONLY public.execution_steps
    ADD CONSTRAINT execution_steps_pkey PRIMARY KEY (execution_id, ordinal);

ALTER TABLE ONLY public.execution_steps_undated
    ADD CONSTRAINT execution_steps_undated_pkey PRIMARY KEY (execution_id, ordinal);

ALTER TABLE ONLY public.execution_tool_calls
    ADD CONSTRAINT execution_tool_calls_pkey PRIMARY KEY (execution_id, ordinal);

ALTER TABLE ONLY public.execution_tool_calls_undated
    ADD CONSTRAINT execution_tool_calls_undated_pkey PRIMARY KEY (execution_id, ordinal);

ALTER TABLE ONLY public.execution_tool_log_text
    ADD CONSTRAINT execution_tool_log_text_pkey PRIMARY KEY (execution_id, start_offset);

ALTER TABLE ONLY public.execution_tool_log_text_undated
    ADD CONSTRAINT execution_tool_log_text_undated_pkey PRIMARY KEY (execution_id, start_offset);

ALTER TABLE ONLY public.execution_tool_logs
    ADD CONSTRAINT execution_tool_logs_pkey PRIMARY KEY (execution_id);

ALTER TABLE ONLY public.execution_tool_logs_undated
    ADD CONSTRAINT execution_tool_logs_undated_pkey PRIMARY KEY (execution_id);

ALTER TABLE ONLY public.execution_words_due
    ADD CONSTRAINT execution_words_due_pkey PRIMARY KEY (execution_id);

ALTER TABLE ONLY public.execution_words
    ADD CONSTRAINT execution_words_pkey PRIMARY KEY (execution_id);

ALTER TABLE ONLY public.executions
    ADD CONSTRAINT executions_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.figure_counts
    ADD CONSTRAINT figure_counts_pkey PRIMARY KEY (group_id, period, start, what, bucket);

ALTER TABLE ONLY public.figure_groups
    ADD CONSTRAINT figure_groups_agent_settings_hash_benchmark_id_benchmark_re_key UNIQUE (agent, settings_hash, benchmark_id, benchmark_revision);

ALTER TABLE ONLY public.figure_groups
    ADD CONSTRAINT figure_groups_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.figures
    ADD CONSTRAINT figures_pkey PRIMARY KEY (period, start, group_id);

ALTER TABLE ONLY public.executions
    ADD CONSTRAINT idempotency_key_is_used_once UNIQUE (idempotency_key);

ALTER TABLE ONLY public.ingest_conflicts
    ADD CONSTRAINT ingest_conflicts_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.ingest_failures
    ADD CONSTRAINT ingest_failures_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.log_timelines
    ADD CONSTRAINT log_timelines_id_key UNIQUE (id);

ALTER TABLE ONLY public.log_timelines
    ADD CONSTRAINT log_timelines_pkey PRIMARY KEY (number);

ALTER TABLE ONLY public.performance_excluded
    ADD CONSTRAINT performance_excluded_pkey PRIMARY KEY (agent, benchmark_id, period, start, reason);

ALTER TABLE ONLY public.performance
    ADD CONSTRAINT performance_pkey PRIMARY KEY (benchmark_id, period, start, agent);

ALTER TABLE ONLY public.performance_times
    ADD CONSTRAINT performance_times_pkey PRIMARY KEY (agent, benchmark_id, period, start, bucket) INCLUDE (executions);

ALTER TABLE ONLY public.pruned_executions
    ADD CONSTRAINT pruned_executions_pkey PRIMARY KEY (execution_id);

ALTER TABLE ONLY public.reev_imports
    ADD CONSTRAINT reev_imports_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.retention_progress
    ADD CONSTRAINT retention_progress_pkey PRIMARY KEY (is_the_only_row);

ALTER TABLE ONLY public.executions
    ADD CONSTRAINT session_is_imported_once UNIQUE (session_id);

ALTER TABLE ONLY public.webhook_deliveries
    ADD CONSTRAINT webhook_deliveries_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.webhooks
    ADD CONSTRAINT webhooks_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.workers
    ADD CONSTRAINT workers_pkey PRIMARY KEY (id);

CREATE UNIQUE INDEX api_token_name_is_used_once ON public.api_tokens USING btree (name) WHERE (revoked_at IS NULL);

CREATE INDEX batches_newest ON public.batches USING btree (requested_at DESC, id DESC);

CREATE INDEX batches_rerun_of ON public.batches USING btree (rerun_of, requested_at DESC, id DESC) WHERE (rerun_of IS NOT NULL);

CREATE INDEX batches_running ON public.batches USING btree (requested_at DESC, id DESC) WHERE (ended_at IS NULL);

CREATE INDEX batches_tagged ON public.batches USING gin (tags);

CREATE UNIQUE INDEX benchmark_changes_in_order ON public.benchmark_changes USING btree ("position", seq);

CREATE INDEX event_positions_of_execution ON public.event_positions USING btree (execution_id, last_seq);

CREATE INDEX execution_ends ON public.execution_events_undated USING btree (at, execution_id) WHERE public.is_terminal(status);

CREATE INDEX execution_words_found ON public.execution_words USING gin (words);

CREATE INDEX executions_by_computed_score ON public.executions USING btree (COALESCE(computed_score, ('-1'::integer)::double precision) DESC, queued_at DESC, id DESC);

CREATE INDEX executions_by_computed_score_up ON public.executions USING btree (COALESCE(computed_score, 'Infinity'::double precision), queued_at, id);

CREATE INDEX executions_by_cost ON public.executions USING btree (COALESCE(cost, ('-1'::integer)::double precision) DESC, queued_at DESC, id DESC);

CREATE INDEX executions_by_cost_up ON public.executions USING btree (COALESCE(cost, 'Infinity'::double precision), queued_at, id);

CREATE INDEX executions_by_score ON public.executions USING btree (COALESCE(score, ('-1'::integer)::double precision) DESC, queued_at DESC, id DESC);

CREATE INDEX executions_by_score_up ON public.executions USING btree (COALESCE(score, 'Infinity'::double precision), queued_at, id);

CREATE INDEX executions_by_time ON public.executions USING btree (COALESCE(execution_time_ms, ('-1'::integer)::bigint) DESC, queued_at DESC, id DESC);

CREATE INDEX executions_by_time_up ON public.executions USING btree (COALESCE(execution_time_ms, '9223372036854775807'::bigint), queued_at, id);

CREATE INDEX executions_by_tokens ON public.executions USING btree (COALESCE(tokens, ('-1'::integer)::bigint) DESC, queued_at DESC, id DESC);

CREATE INDEX executions_by_tokens_up ON public.executions USING btree (COALESCE(tokens, '9223372036854775807'::bigint), queued_at, id);

CREATE INDEX executions_live ON public.executions USING btree (status, queued_at) WHERE (NOT public.is_terminal(status));

CREATE INDEX executions_live_of_batch ON public.executions USING btree (batch_id) WHERE ((batch_id IS NOT NULL) AND (NOT public.is_terminal(status)));

CREATE INDEX executions_newest ON public.executions USING btree (queued_at DESC, id DESC);

CREATE INDEX executions_of_agent ON public.executions USING btree (agent, queued_at DESC, id DESC);

CREATE INDEX executions_of_attempt ON public.executions USING btree (is_attempt, queued_at DESC, id DESC);

CREATE INDEX executions_of_batch ON public.executions USING btree (batch_id, queued_at DESC, id DESC) WHERE (batch_id IS NOT NULL);

CREATE INDEX executions_of_benchmark ON public.executions USING btree (benchmark_id, queued_at DESC, id DESC);

CREATE INDEX executions_of_benchmark_and_agent ON public.executions USING btree (benchmark_id, agent, queued_at DESC, id DESC);

CREATE INDEX executions_of_failure ON public.executions USING btree (failure_kind, queued_at DESC, id DESC) WHERE (failure_kind IS NOT NULL);

CREATE INDEX executions_of_origin ON public.executions USING btree (origin, queued_at DESC, id DESC);

CREATE INDEX executions_of_settings ON public.executions USING btree (settings_hash, queued_at DESC, id DESC) WHERE (settings_hash IS NOT NULL);

CREATE INDEX executions_of_solved ON public.executions USING btree (solved, queued_at DESC, id DESC);

CREATE INDEX executions_of_status ON public.executions USING btree (status, queued_at DESC, id DESC);

CREATE INDEX executions_of_worker ON public.executions USING btree (worker_id) WHERE (worker_id IS NOT NULL);

CREATE INDEX executions_rerun_of ON public.executions USING btree (rerun_of, queued_at DESC, id DESC) WHERE (rerun_of IS NOT NULL);

CREATE INDEX executions_tagged ON public.executions USING gin (tags) WHERE (tags <> '{}'::text[]);

CREATE INDEX executions_waiting ON public.executions USING btree (priority DESC, queue_number) WHERE (status = 'QUEUED'::public.execution_status);

CREATE UNIQUE INDEX failure_is_recorded_once ON public.ingest_failures USING btree (md5(((((host || chr(10)) || directory) || chr(10)) || file)), COALESCE(line, 0));

CREATE UNIQUE INDEX one_import_at_a_time ON public.reev_imports USING btree ((true)) WHERE (state = 'RUNNING'::text);

CREATE UNIQUE INDEX one_terminal_event ON public.execution_events_undated USING btree (execution_id) WHERE (public.is_terminal(status) AND (NOT (data ? 'superseded'::text)));

CREATE INDEX performance_of_pairs ON public.performance USING btree (period, start) WHERE (benchmark_id <> ''::text);

CREATE INDEX webhook_deliveries_due ON public.webhook_deliveries USING btree (webhook_id, due_at) WHERE (due_at IS NOT NULL);

CREATE INDEX webhook_deliveries_ended ON public.webhook_deliveries USING btree (ended_at) WHERE (ended_at IS NOT NULL);

CREATE INDEX workers_present ON public.workers USING btree (heartbeat_at) WHERE (left_at IS NULL);

ALTER INDEX public.execution_messages_pkey ATTACH PARTITION public.execution_messages_undated_pkey;

ALTER INDEX public.execution_output_pkey ATTACH PARTITION public.execution_output_undated_pkey;

ALTER INDEX public.execution_results_pkey ATTACH PARTITION public.execution_results_undated_pkey;

ALTER INDEX public.execution_steps_pkey ATTACH PARTITION public.execution_steps_undated_pkey;

ALTER INDEX public.execution_tool_calls_pkey ATTACH PARTITION public.execution_tool_calls_undated_pkey;

ALTER INDEX public.execution_tool_log_text_pkey ATTACH PARTITION public.execution_tool_log_text_undated_pkey;

ALTER INDEX public.execution_tool_logs_pkey ATTACH PARTITION public.execution_tool_logs_undated_pkey;

CREATE TRIGGER accepted_stop_ends_stopped BEFORE UPDATE ON public.executions FOR EACH ROW WHEN (((new.stop_requested_at IS NOT NULL) AND (new.status <> ALL (ARRAY['STOPPING'::public.execution_status, 'STOPPED'::public.execution_status])) AND (NOT public.is_terminal(old.status)))) EXECUTE FUNCTION public.refuse_other_end_after_stop();

CREATE CONSTRAINT TRIGGER batch_end_before_commit AFTER UPDATE OF status ON public.executions DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (((new.batch_id IS NOT NULL) AND public.is_terminal(new.status) AND (NOT public.is_terminal(old.status)))) EXECUTE FUNCTION public.end_batch();

CREATE CONSTRAINT TRIGGER benchmark_change_before_commit AFTER INSERT ON public.benchmark_changes DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN ((new."position" IS NULL)) EXECUTE FUNCTION public.place_benchmark_change();

CREATE TRIGGER deliveries_of_batch AFTER UPDATE OF ended_at ON public.batches FOR EACH ROW WHEN (((old.ended_at IS NULL) AND (new.ended_at IS NOT NULL))) EXECUTE FUNCTION public.note_deliveries_of_end();

CREATE TRIGGER deliveries_of_end AFTER UPDATE OF status ON public.executions FOR EACH ROW WHEN ((public.is_terminal(new.status) AND (NOT public.is_terminal(old.status)))) EXECUTE FUNCTION public.note_deliveries_of_end();

CREATE TRIGGER deliveries_of_ended AFTER INSERT ON public.executions REFERENCING NEW TABLE AS inserted FOR EACH STATEMENT EXECUTE FUNCTION public.note_deliveries_of_end();

CREATE TRIGGER ended_execution_never_changes BEFORE UPDATE ON public.executions FOR EACH ROW WHEN (public.is_terminal(old.status)) EXECUTE FUNCTION public.refuse_change_of_ended_execution();

CREATE CONSTRAINT TRIGGER events_before_commit AFTER UPDATE OF event_seq ON public.executions DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN ((new.event_seq > old.event_seq)) EXECUTE FUNCTION public.place_events();

CREATE TRIGGER figures_after_the_end AFTER UPDATE OF usage ON public.executions FOR EACH ROW WHEN ((public.is_terminal(old.status) AND (NOT (old.session_file_hash IS DISTINCT FROM new.session_file_hash)) AND (old.usage IS DISTINCT FROM new.usage))) EXECUTE FUNCTION public.note_performance();

CREATE CONSTRAINT TRIGGER first_events_before_commit AFTER INSERT ON public.executions DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN ((new.event_seq > 0)) EXECUTE FUNCTION public.place_events();

CREATE TRIGGER performance_at_the_end AFTER UPDATE ON public.executions FOR EACH ROW WHEN ((public.is_terminal(new.status) AND ((NOT public.is_terminal(old.status)) OR (old.session_file_hash IS DISTINCT FROM new.session_file_hash)))) EXECUTE FUNCTION public.note_performance();

CREATE TRIGGER performance_of_ended AFTER INSERT ON public.executions REFERENCING NEW TABLE AS inserted FOR EACH STATEMENT EXECUTE FUNCTION public.note_performance();

CREATE TRIGGER queue_has_more AFTER INSERT ON public.executions REFERENCING NEW TABLE AS inserted FOR EACH STATEMENT EXECUTE FUNCTION public.notify_requests();

CREATE TRIGGER settings_are_told BEFORE INSERT OR UPDATE OF usage, agent_revision ON public.executions FOR EACH ROW WHEN (((new.usage IS NOT NULL) OR (new.agent_revision IS NOT NULL))) EXECUTE FUNCTION public.tell_settings();

CREATE TRIGGER slot_is_free AFTER UPDATE OF status ON public.executions FOR EACH ROW WHEN ((public.is_terminal(new.status) AND (old.status = ANY (ARRAY['RUNNING'::public.execution_status, 'STOPPING'::public.execution_status])))) EXECUTE FUNCTION public.notify_queue('-');

CREATE TRIGGER stop_is_requested AFTER UPDATE OF status ON public.executions FOR EACH ROW WHEN (((new.status = 'STOPPING'::public.execution_status) AND (old.status <> 'STOPPING'::public.execution_status))) EXECUTE FUNCTION public.notify_stop();

CREATE TRIGGER words_of_end AFTER UPDATE OF status ON public.executions FOR EACH ROW WHEN ((public.is_terminal(new.status) AND ((old.failure_message IS DISTINCT FROM new.failure_message) OR ((NOT public.is_terminal(old.status)) AND (new.usage IS NOT NULL))))) EXECUTE FUNCTION public.note_words();

CREATE TRIGGER words_of_ended AFTER INSERT ON public.executions REFERENCING NEW TABLE AS inserted FOR EACH STATEMENT EXECUTE FUNCTION public.note_words();

ALTER TABLE ONLY public.agent_configs
    ADD CONSTRAINT agent_configs_agent_revision_fkey FOREIGN KEY (agent, revision) REFERENCES public.agent_revisions(agent, number);

ALTER TABLE ONLY public.batches
    ADD CONSTRAINT batches_rerun_of_fkey FOREIGN KEY (rerun_of) REFERENCES public.batches(id);

ALTER TABLE ONLY public.benchmark_revisions
    ADD CONSTRAINT benchmark_revisions_benchmark_id_fkey FOREIGN KEY (benchmark_id) REFERENCES public.benchmarks(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.benchmarks
    ADD CONSTRAINT current_revision_exists FOREIGN KEY (id, current_revision) REFERENCES public.benchmark_revisions(benchmark_id, revision) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE public.execution_events
    ADD CONSTRAINT execution_events_execution_id_fkey FOREIGN KEY (execution_id) REFERENCES public.executions(id) ON DELETE CASCADE;

ALTER TABLE public.execution_messages
    ADD CONSTRAINT execution_messages_execution_id_fkey FOREIGN KEY (execution_id) REFERENCES public.executions(id) ON DELETE CASCADE;

ALTER TABLE public.execution_output
    ADD CONSTRAINT execution_output_execution_id_fkey FOREIGN KEY (execution_id) REFERENCES public.executions(id) ON DELETE CASCADE;

ALTER TABLE public.execution_results
    ADD CONSTRAINT execution_results_execution_id_fkey FOREIGN KEY (execution_id) REFERENCES public.executions(id) ON DELETE CASCADE;

ALTER TABLE public.execution_steps
    ADD CONSTRAINT execution_steps_execution_id_fkey FOREIGN KEY (execution_id) REFERENCES public.executions(id) ON DELETE CASCADE;

ALTER TABLE public.execution_tool_calls
    ADD CONSTRAINT execution_tool_calls_execution_id_fkey FOREIGN KEY (execution_id) REFERENCES public.executions(id) ON DELETE CASCADE;

ALTER TABLE public.execution_tool_log_text
    ADD CONSTRAINT execution_tool_log_text_execution_id_fkey FOREIGN KEY (execution_id) REFERENCES public.executions(id) ON DELETE CASCADE;

ALTER TABLE public.execution_tool_logs
    ADD CONSTRAINT execution_tool_logs_execution_id_fkey FOREIGN KEY (execution_id) REFERENCES public.executions(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.execution_words
    ADD CONSTRAINT execution_words_execution_id_fkey FOREIGN KEY (execution_id) REFERENCES public.executions(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.executions
    ADD CONSTRAINT executions_agent_agent_revision_fkey FOREIGN KEY (agent, agent_revision) REFERENCES public.agent_revisions(agent, number);

ALTER TABLE ONLY public.executions
    ADD CONSTRAINT executions_batch_id_fkey FOREIGN KEY (batch_id) REFERENCES public.batches(id);

ALTER TABLE ONLY public.ingest_conflicts
    ADD CONSTRAINT ingest_conflicts_execution_id_fkey FOREIGN KEY (execution_id) REFERENCES public.executions(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.pruned_executions
    ADD CONSTRAINT pruned_executions_execution_id_fkey FOREIGN KEY (execution_id) REFERENCES public.executions(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.executions
    ADD CONSTRAINT revision_exists FOREIGN KEY (benchmark_id, benchmark_revision) REFERENCES public.benchmark_revisions(benchmark_id, revision);

ALTER TABLE ONLY public.webhook_deliveries
    ADD CONSTRAINT webhook_deliveries_webhook_id_fkey FOREIGN KEY (webhook_id) REFERENCES public.webhooks(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.executions
    ADD CONSTRAINT worker_is_known FOREIGN KEY (worker_id) REFERENCES public.workers(id);
