"""The guards: each a place in the code that keeps a promise, how it is taken away, and the test that must fail.

`old` is found exactly once in its file. A guard that goes leaves a program that still works on a quiet day:
what notices is a test about a fault. Add one here for every WHERE, lock, limit or check that must never go.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Guard:
    """`old` in `file` becomes `new`; then `test` (as pytest names it) fails."""

    name: str
    file: str
    old: str
    new: str
    test: str


EXECUTIONS = "store/sql/executions.sql"
STATES = "tests/store/test_state_machine.py"
LATE = "tests/adversity/test_late_writers.py"
LEAKS = "tests/runner_bridge/test_leaks.py"
STOPS = "tests/adversity/test_stops.py"
PEERS = "tests/adversity/test_dead_peers.py"

GUARDS = (
    Guard(
        "a claim takes what is QUEUED only",
        EXECUTIONS,
        "last_activity_at = clock_timestamp()\n    WHERE id = $1 AND status = 'QUEUED'",
        "last_activity_at = clock_timestamp()\n    WHERE id = $1 AND NOT is_terminal(status)",
        f"{STATES}::test_claim",
    ),
    Guard(
        "a stop ends at once what is QUEUED only",
        EXECUTIONS,
        "ended_at = greatest(queued_at, clock_timestamp())\n    WHERE id = $1 AND status = 'QUEUED'",
        "ended_at = greatest(queued_at, clock_timestamp())\n    WHERE id = $1 AND NOT is_terminal(status)",
        f"{STATES}::test_stop",
    ),
    Guard(
        "a stop is asked for once",
        EXECUTIONS,
        "WHERE id = $1 AND status = 'RUNNING' AND origin = 'REQUESTED'",
        "WHERE id = $1 AND NOT is_terminal(status) AND origin = 'REQUESTED'",
        f"{STATES}::test_stop",
    ),
    Guard(
        "an end is written while it runs only",
        EXECUTIONS,
        "WHERE id = $1 AND status IN ('RUNNING', 'STOPPING') AND ($15::uuid IS NULL OR worker_id = $15)",
        "WHERE id = $1 AND ($15::uuid IS NULL OR worker_id = $15)",
        f"{STATES}::test_finish",
    ),
    Guard(
        "an accepted stop wins over a late result",
        EXECUTIONS,
        "SET status = CASE WHEN status = 'RUNNING' OR $2 = 'LOST' THEN $2::execution_status ELSE 'STOPPED' END",
        "SET status = $2::execution_status",
        f"{STATES}::test_a_stop_that_was_accepted_wins_over_whatever_the_runner_still_did",
    ),
    Guard(
        "the database lets no ended execution change",
        "store/migrations/sql/0001_first_light.sql",
        "FOR EACH ROW WHEN (is_terminal(OLD.status)) EXECUTE FUNCTION refuse_change_of_ended_execution()",
        "FOR EACH ROW WHEN (false) EXECUTE FUNCTION refuse_change_of_ended_execution()",
        f"{STATES}::test_the_database_refuses_to_change_what_has_ended",
    ),
    Guard(
        "the database takes one terminal event",
        "store/migrations/sql/0001_first_light.sql",
        "CREATE UNIQUE INDEX one_terminal_event",
        "CREATE INDEX one_terminal_event",
        f"{STATES}::test_the_database_refuses_a_second_terminal_event",
    ),
    Guard(
        "seq is taken from the row under its lock",
        EXECUTIONS,
        "SELECT $1, before + ordinality, kind, call FROM given CROSS JOIN moved",
        "SELECT $1, (SELECT max(seq) FROM execution_events WHERE execution_id <> $1) + ordinality, kind, call"
        " FROM given CROSS JOIN moved",
        f"{STATES}::test_a_batch_is_one_event_per_change_and_the_latest_state_of_each_call",
    ),
    Guard(
        "what was appended already is not told twice",
        "store/executions.py",
        "fresh = await _not_stored_yet(connection, execution_id, changes)",
        "fresh = list(changes)",
        "tests/adversity/test_lost_answers.py::test_a_commit_that_was_cut_off_is_repeated_and_doubles_nothing",
    ),
    Guard(
        "a former owner appends nothing",
        EXECUTIONS,
        "($2::uuid IS NULL OR worker_id = $2)\nRETURNING id",
        "($2::uuid IS NULL OR true)\nRETURNING id",
        f"{LATE}::test_whatever_comes_from_a_former_owner_changes_nothing",
    ),
    Guard(
        "a former owner ends nothing",
        EXECUTIONS,
        "($15::uuid IS NULL OR worker_id = $15)",
        "($15::uuid IS NULL OR true)",
        f"{LATE}::test_whatever_comes_from_a_former_owner_changes_nothing",
    ),
    Guard(
        "a former owner records no process",
        EXECUTIONS,
        "($4::uuid IS NULL OR worker_id = $4)\nRETURNING true",
        "($4::uuid IS NULL OR true)\nRETURNING true",
        f"{LATE}::test_whatever_comes_from_a_former_owner_changes_nothing",
    ),
    Guard(
        "a former owner's output is not stored",
        "store/sql/output.sql",
        "EXISTS (SELECT FROM executions WHERE id = $1 AND worker_id = $4)",
        "true",
        f"{LATE}::test_whatever_comes_from_a_former_owner_changes_nothing",
    ),
    Guard(
        "one of many takes over",
        EXECUTIONS,
        "worker_id IS NOT DISTINCT FROM $3::uuid",
        "($3::uuid IS NULL OR true)",
        f"{LATE}::test_of_many_who_take_over_from_one_that_is_gone_one_gets_it",
    ),
    Guard(
        "claims count and take under one lock",
        "store/sql/queue.sql",
        "SELECT pg_advisory_xact_lock(",
        "SELECT abs(",
        "tests/adversity/test_late_writers.py::test_a_claim_waits_for_one_that_is_not_committed_yet",
    ),
    Guard(
        "the stream over all executions stays below the horizon",
        "store/hub.py",
        "settled = [item for item in items if item.event.xid < horizon]",
        "settled = list(items)",
        "tests/store/test_hub_faults.py::test_what_commits_late_is_not_lost",
    ),
    Guard(
        "a cancellation that meets a wake-up is not swallowed",
        "store/doorbell.py",
        "async with asyncio.timeout(PROBE_S):\n                    await self._lost.wait()",
        "await asyncio.wait_for(self._lost.wait(), PROBE_S)",
        "tests/store/test_hub.py::test_a_hub_that_is_closed_the_moment_its_bell_rings_ends_all_the_same",
    ),
    Guard(
        "the bell rings after every reconnection",
        "store/doorbell.py",
        "for on_ring in self._bells.values():\n                on_ring()",
        "pass",
        "tests/store/test_hub_faults.py::test_the_bell_rings_after_every_reconnection",
    ),
    Guard(
        "the listener is asked whether it lives",
        "store/doorbell.py",
        'await connection.fetchval("SELECT 1", timeout=PROBE_TIMEOUT_S)',
        "pass",
        f"{PEERS}::test_a_listener_whose_backend_stands_still_is_replaced",
    ),
    Guard(
        "a silent connection proves that it lives",
        "store/database.py",
        "if used_at is None or time.monotonic() - used_at < PROBE_IDLE_S:",
        "if used_at is None or used_at > 0:",
        f"{PEERS}::test_a_connection_whose_backend_stands_still_is_replaced",
    ),
    Guard(
        "waiting for a connection is bounded",
        "store/database.py",
        "async with asyncio.timeout(ACQUIRE_TIMEOUT_S):",
        "async with asyncio.timeout(None):",
        "tests/store/test_database.py::test_an_exhausted_pool_is_busy_and_recovers",
    ),
    Guard(
        "what lost against others is tried again",
        "store/retrying.py",
        "for attempt in range(RETRIES):",
        "for attempt in range(0):",
        "tests/adversity/test_sqlstates.py::test_what_lost_against_others_is_tried_again_a_few_times",
    ),
    Guard(
        "and not for ever",
        "store/retrying.py",
        "for attempt in range(RETRIES):",
        "for attempt in range(RETRIES + 1):",
        "tests/adversity/test_sqlstates.py::test_what_lost_against_others_is_tried_again_a_few_times",
    ),
    Guard(
        "one key is one execution",
        EXECUTIONS,
        "ON CONFLICT (idempotency_key) DO NOTHING",
        "",
        "tests/store/test_request.py::test_twenty_at_once_with_one_key_are_one_execution",
    ),
    Guard(
        "migrations run one at a time",
        "store/migrate.py",
        "SELECT pg_advisory_xact_lock(:key)",
        "SELECT abs(:key)",
        "tests/store/test_migrate.py::test_eight_at_once_on_an_empty_database_all_succeed",
    ),
    Guard(
        "writers of benchmarks take turns",
        "store/sql/benchmarks.sql",
        "SELECT pg_advisory_xact_lock(",
        "SELECT abs(",
        "tests/store/test_benchmarks.py::test_eight_who_bring_the_same_definition_make_one_revision",
    ),
    Guard(
        "retention deletes of ended executions only",
        "store/sql/retention.sql",
        "SELECT id FROM executions WHERE id = ANY($1::uuid[]) AND is_terminal(status)",
        "SELECT id FROM executions WHERE id = ANY($1::uuid[])",
        "tests/store/test_retention.py::test_even_an_execution_that_is_live_by_its_row_alone_is_not_pruned",
    ),
    Guard(
        "only our own names are answered to",
        "gql_server/access.py",
        "return len(values) == 1 and values[0].lower() in self.hosts",
        "return len(values) == 1",
        "tests/gql_server/test_access.py::test_other_names_of_this_address_are_not_ours",
    ),
    Guard(
        "pages from elsewhere may not",
        "gql_server/access.py",
        'return len(origins) == 1 and origins[0] in {f"http://{host}", f"https://{host}", *self.origins}',
        "return len(origins) == 1",
        "tests/gql_server/test_access.py::test_pages_from_elsewhere_may_not",
    ),
    Guard(
        "nor their forms and images",
        "gql_server/access.py",
        'return request.path != GRAPHQL_PATH or site in ("none", "same-origin")',
        "return bool(site)",
        "tests/gql_server/test_access.py::test_a_form_or_an_image_from_elsewhere_may_not",
    ),
    Guard(
        "a token is compared",
        "gql_server/identity.py",
        "if self._token is not None and hmac.compare_digest(secret.encode(), self._token.encode()):",
        "if self._token is not None:",
        "tests/gql_server/test_access.py::test_with_a_token_nothing_goes_without_it",
    ),
    Guard(
        "a transaction that stands still is ended",
        "store/database.py",
        '"idle_in_transaction_session_timeout": str(round(IDLE_IN_TRANSACTION_S * 1000)),',
        "",
        "tests/adversity/test_frozen_peers.py::"
        "test_a_worker_frozen_while_it_claims_does_not_keep_the_others_from_claiming",
    ),
    Guard(
        "the hub's wait swallows no cancellation",
        "store/hub.py",
        "async with asyncio.timeout(pause):\n                    await self._rung.wait()",
        "await asyncio.wait_for(self._rung.wait(), pause)",
        "tests/store/test_hub.py::test_the_hubs_reader_ends_when_it_is_cancelled_the_moment_its_bell_rings",
    ),
    Guard(
        "a runner is found again with its start time only",
        "runner_bridge/process.py",
        "if pid is None or started is None or processes.start_time(pid) != started:",
        "if pid is None or started is None:",
        "tests/runner_bridge/test_process.py::"
        "test_a_living_runner_is_found_again_by_pid_and_start_time_or_by_its_marker",
    ),
    Guard(
        "a pid that was given to a stranger is not signalled",
        "runner_bridge/processes.py",
        "and start_time(leader) in (None, started):",
        "and leader > 0:",
        "tests/runner_bridge/test_process.py::test_a_process_that_only_has_the_runners_pid_is_never_signalled",
    ),
    Guard(
        "the whole group is signalled",
        "runner_bridge/process.py",
        "os.killpg(group, number)",
        "os.kill(group, number)",
        "tests/runner_bridge/test_process.py::test_nothing_of_the_group_lives_after_the_end",
    ),
    Guard(
        "who left the session is found by the marker",
        "runner_bridge/processes.py",
        "if item.session == session or carries_marker(item.pid, execution_id)",
        "if item.session == session",
        "tests/runner_bridge/test_process.py::test_a_daemon_that_left_the_session_is_found_by_its_marker_and_ended",
    ),
    Guard(
        "who hides session and marker is found by its parent",
        "runner_bridge/processes.py",
        "members = _with_descendants(marked, table)",
        "members = marked",
        f"{LEAKS}::test_a_child_that_shed_session_and_marker_is_ended_though_its_parent_went_first",
    ),
    Guard(
        "who was seen once stays known though its parent is gone",
        "runner_bridge/process.py",
        "self.known |= {pid: processes.start_time(pid) for pid in found if pid not in self.known}",
        "pass",
        f"{LEAKS}::test_a_child_that_shed_session_and_marker_is_ended_though_its_parent_went_first",
    ),
    Guard(
        "a runner that does not die is not waited for",
        "runner_bridge/supervision.py",
        "exit = ProcessExit() if runner.pid in left else await runner.wait()",
        "exit = await runner.wait()",
        f"{LEAKS}::test_a_runner_that_outlives_sigkill_itself_holds_nobody_up_and_has_no_exit",
    ),
    Guard(
        "what was said while the database was away is stored before the end",
        "runner_bridge/supervision.py",
        "await self._tell_rest(tail, output)\n            await self._finish(",
        "await self._finish(",
        f"{STOPS}::test_while_the_database_is_away_a_runner_is_ended_in_time_and_its_end_is_written_afterwards",
    ),
    Guard(
        "what a runner said while nobody watched is read",
        "runner_bridge/supervision.py",
        "await _settle([tail.follow(over), output.follow(over)])",
        "await asyncio.sleep(0)",
        "tests/runner_bridge/test_worker.py"
        "::test_what_a_runner_said_and_did_while_no_worker_watched_is_read_by_the_next_one",
    ),
    Guard(
        "the end of an output outlives a full disk",
        "runner_bridge/output.py",
        "self._unwritten = end",
        "pass",
        "tests/runner_bridge/test_output.py::test_on_a_full_disk_the_last_words_are_shown_all_the_same",
    ),
    Guard(
        "what outlives SIGKILL is told",
        "runner_bridge/supervision.py",
        "return tuple(LeakedProcess(pid, processes.name_of(pid)) for pid in pids)",
        "return ()",
        f"{LEAKS}::test_what_outlives_sigkill_is_told_with_its_name_and_counted",
    ),
    Guard(
        "what is printed beyond the cap is not read while it is printed",
        "runner_bridge/output.py",
        "limit = min(limit, max(0, self._cap - offset))",
        "pass",
        "tests/runner_bridge/test_output.py::test_while_the_runner_lives_nothing_beyond_the_cap_is_read",
    ),
    Guard(
        "a step is told between the calls before and after it",
        "runner_bridge/tool_log_tail.py",
        "self._take(self._reader.feed(line))\n            self._take_steps()",
        "self._take(self._reader.feed(line))\n        self._take_steps()",
        "tests/runner_bridge/test_progress.py::test_our_runner_comes_from_0_to_1_to_2_of_2_steps",
    ),
    Guard(
        "no directory on the way is a link",
        "runner_bridge/formats/files.py",
        "os.open(part, _DIRECTORY_FLAGS | os.O_NOFOLLOW, dir_fd=directory)",
        "os.open(part, _DIRECTORY_FLAGS, dir_fd=directory)",
        "tests/runner_bridge/formats/test_files.py::test_links_are_not_followed",
    ),
    Guard(
        "a link that is put there in between is not followed",
        "runner_bridge/formats/files.py",
        "_FILE_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK",
        "_FILE_FLAGS = os.O_RDONLY | os.O_NONBLOCK",
        "tests/runner_bridge/formats/test_files.py::test_a_link_that_is_put_there_after_the_look_is_not_followed",
    ),
    Guard(
        "the output of a runner is no link",
        "runner_bridge/process.py",
        "os.O_APPEND | os.O_NOFOLLOW",
        "os.O_APPEND",
        "tests/runner_bridge/test_process.py::test_an_output_path_that_is_a_link_is_not_followed",
    ),
    Guard(
        "secrets are blanked in what is shown",
        "runner_bridge/output.py",
        '_SECRET_NAME = re.compile(r"KEY|TOKEN|SECRET|PASSWORD", re.IGNORECASE)',
        '_SECRET_NAME = re.compile(r"(?!)")',
        "tests/runner_bridge/test_output.py::test_secret_values_are_blanked_by_name",
    ),
    Guard(
        "an id cannot leave its directory",
        "runner_bridge/formats/ids.py",
        'ID_PATTERN = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,127}")',
        'ID_PATTERN = re.compile(r"[A-Za-z0-9./][A-Za-z0-9_./-]{0,127}")',
        "tests/runner_bridge/formats/test_ids.py",
    ),
    Guard(
        "a host is one of our names",
        "gql_server/access.py",
        "return len(values) == 1 and values[0].lower() in self.hosts",
        "return len(values) == 1",
        "tests/gql_server/test_access.py::test_other_names_of_this_address_are_not_ours",
    ),
    Guard(
        "an origin is a page of ours or allowed by name",
        "gql_server/access.py",
        'return len(origins) == 1 and origins[0] in {f"http://{host}", f"https://{host}", *self.origins}',
        "return len(origins) == 1",
        "tests/gql_server/test_access.py::test_pages_from_elsewhere_may_not",
    ),
    Guard(
        "a media type is met exactly",
        "gql_server/http/media.py",
        "return media_type == JSON and _is_utf8(parameters)",
        "return JSON in media_type and _is_utf8(parameters)",
        "tests/gql_server/http/test_requests.py::test_other_media_types_are_refused",
    ),
    Guard(
        "a mutation by GET is refused",
        "gql_server/http/view.py",
        "if request.method == hdrs.METH_GET and operation.kind is OperationType.MUTATION:",
        "if False:",
        "tests/gql_server/http/test_requests.py::test_other_methods_are_refused_with_those_that_are_not",
    ),
    Guard(
        "several operations need a name",
        "gql_server/operations/documents.py",
        "    if len(found) == 1:\n        return found[0]",
        "    if found:\n        return found[0]",
        "tests/gql_server/http/test_requests.py::test_what_graphql_refuses_is_400_for_new_clients_and_200_for_old_ones",
    ),
    Guard(
        "documents are measured before they are validated",
        "gql_server/operations/documents.py",
        "            check_sizes(document, self._limits)\n",
        "",
        "tests/gql_server/operations/test_limits.py::test_a_document_beyond_a_limit_is_refused_before_it_is_validated",
    ),
    Guard(
        "each fragment is measured once",
        "gql_server/operations/limits.py",
        "        if name not in self._known:\n",
        "        if True:\n",
        "tests/gql_server/operations/test_limits.py::test_a_document_beyond_a_limit_is_refused_before_it_is_validated",
    ),
    Guard(
        "an operation ends in time",
        "gql_server/operations/engine.py",
        "async with asyncio.timeout(seconds):",
        "async with asyncio.timeout(None):",
        "tests/gql_server/operations/test_timeouts.py::test_mutations_have_a_time_of_their_own",
    ),
    Guard(
        "an operation that is complete is cancelled",
        "gql_server/ws/connection.py",
        "                if task is not None:\n                    task.cancel()",
        "                if task is not None:\n                    pass",
        "tests/gql_server/ws/test_protocol.py::test_complete_ends_the_source_and_nothing_else_of_the_socket",
    ),
    Guard(
        "a socket says who it is in time",
        "gql_server/ws/connection.py",
        "        if self._principal is None:\n            self._start(self.close(",
        "        if False:\n            self._start(self.close(",
        "tests/gql_server/ws/test_protocol.py::test_the_close_codes_of_the_handshake",
    ),
    Guard(
        "a socket that takes nothing is cut off",
        "gql_server/ws/connection.py",
        "async with asyncio.timeout(SEND_TIMEOUT_S):",
        "async with asyncio.timeout(None):",
        "tests/gql_server/ws/test_protocol.py::test_a_reader_that_never_reads_is_cut_off_and_disturbs_nobody",
    ),
    Guard(
        "a flood of messages is refused",
        "gql_server/ws/connection.py",
        "        if self._allowance < 0:\n",
        "        if False:\n",
        "tests/gql_server/ws/test_protocol.py::test_a_flood_of_messages_is_refused",
    ),
    Guard(
        "a socket carries so many operations",
        "gql_server/ws/connection.py",
        "if len(self._operations) >= MAX_OPERATIONS:",
        "if False:",
        "tests/gql_server/ws/test_protocol.py::test_a_socket_carries_so_many_operations_and_refuses_the_next_one",
    ),
    Guard(
        "there is place for so many streams",
        "gql_server/streams.py",
        "if len(self._open) >= self._most or self._by_address[stream.address] >= self._per_client:",
        "if len(self._open) >= self._most:",
        "tests/gql_server/http/test_events.py::test_there_is_place_for_so_many_and_no_more",
    ),
    Guard(
        "a scope goes so far",
        "schema/permissions.py",
        "return principal.scope >= self.scope",
        "return principal.scope >= Scope.READ",
        "tests/gql_server/test_tokens.py::test_each_scope_goes_so_far_and_no_further",
    ),
    Guard(
        "a revoked token is not valid",
        "store/sql/tokens.sql",
        "WHERE sha256 = $1 AND revoked_at IS NULL RETURNING",
        "WHERE sha256 = $1 RETURNING",
        "tests/gql_server/test_tokens.py::test_a_revoked_token_opens_nothing_and_what_it_had_opened_is_closed",
    ),
    Guard(
        "what a revoked token had opened is closed",
        "gql_server/app.py",
        "await streams.end_those_of(await gate.revoked(ids))",
        "await gate.revoked(ids)",
        "tests/gql_server/test_tokens.py::test_a_revoked_token_opens_nothing_and_what_it_had_opened_is_closed",
    ),
    Guard(
        "wrong guesses wait",
        "gql_server/guesses.py",
        "        if wait > 0:\n",
        "        if False:\n",
        "tests/gql_server/test_tokens.py::test_wrong_guesses_wait_longer_each_time_and_disturb_no_other_address",
    ),
    Guard(
        "only named proxies are believed",
        "gql_server/identity.py",
        "while said and self._is_proxy(address):",
        "while said:",
        "tests/gql_server/test_tokens.py::test_only_named_proxies_are_believed_about_addresses",
    ),
    Guard(
        "our faults are masked",
        "gql_server/masking.py",
        'return _like(error, "Internal error", {"code": "INTERNAL", "errorId": error_id})',
        'return _like(error, error.message, {"code": "INTERNAL", "errorId": error_id})',
        "tests/gql_server/test_masking.py::test_our_faults_are_masked_with_an_id_that_is_in_the_log",
    ),
    Guard(
        "nothing else runs where only trusted documents do",
        "gql_server/operations/trusted.py",
        "if self._only and actual not in self._documents:",
        "if False:",
        "tests/gql_server/operations/test_trusted.py::test_in_trusted_only_mode_nothing_else_runs",
    ),
)
