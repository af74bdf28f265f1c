"""`reev-gql doctor` finds what is wrong, says what to do, and works whatever is down."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import socket
import sys
import uuid
from pathlib import Path
from typing import Any

import pytest

from gql_server.doctor import Finding, Level, examine, machine
from gql_server.settings.settings import Settings
from runner_bridge.agents import configurations
from runner_bridge.processes import members
from runner_bridge.webhooks import managing
from store.model import ExecutionStatus
from store.postgres.database import Database
from store.webhooks.webhooks import WebhookEvent
from tests.helpers.command_line import Finished, Server, cli
from tests.helpers.external import FULL_DISK, few_rights, locked
from tests.helpers.places import REPOSITORY
from tests.helpers.stored_rows import in_state, queued

BENCHMARKS = REPOSITORY / "benchmarks"


def settings(tmp_path: Path, url: str | None = None, **changes: Any) -> Settings:
    given: dict[str, Any] = {
        "benchmarks_dir": BENCHMARKS,
        "sessions_dir": tmp_path / "sessions",
        "output_dir": tmp_path / "runs",
        "data_dir": tmp_path / "data",
        "port": 0,
        "runner_command": f"{sys.executable} {{path}} {{id}}",
    }
    if url is not None:
        given["DATABASE_URL"] = url
    return Settings.model_validate({**given, **changes})


async def found(values: Settings, about: str | None = None) -> list[Finding]:
    return [finding async for finding in examine(values) if about in (None, finding.about)]


def told(finished: Finished) -> list[Any]:
    return [json.loads(line) for line in finished.out.splitlines()]


async def test_a_healthy_installation_has_no_problem_and_every_line_is_an_object(
    server: Server, database_url: str, tmp_path: Path
) -> None:
    given = {"DATABASE_URL": database_url, "REEV_GQL_PORT": str(server.port)}
    done = await cli("doctor", "--json", cwd=tmp_path, **given)
    assert done.code == 0, done.out
    lines = told(done)
    # Other tests' runners and connections are on the same machine.
    assert {line["level"] for line in lines if line["about"] not in ("processes", "connections")} == {"ok"}, (
        lines
    )
    about = {line["about"]: line["message"] for line in lines}
    assert about["runner"] == "our local runner starts"
    assert about["port"].startswith("a server of ours answers")
    assert about["workers"].startswith("1 at work")
    assert about["queue"] == "empty"


async def test_with_the_database_down_it_says_so_without_the_password_and_still_checks_the_rest(
    tmp_path: Path,
) -> None:
    done = await cli(
        "doctor", "--json", cwd=tmp_path, DATABASE_URL="postgresql://u:canary-word@127.0.0.1:9/d"
    )
    assert done.code == 1
    assert "canary-word" not in done.out + done.err
    by_level = {line["about"]: line["level"] for line in told(done)}
    assert by_level["database"] == "problem"
    assert by_level["runner"] == by_level["benchmarks"] == "ok"


async def test_settings_that_cannot_be_used_are_one_problem(tmp_path: Path) -> None:
    done = await cli("doctor", cwd=tmp_path, REEV_GQL_POOL_SIZE="many")
    assert done.code == 1
    assert "REEV_GQL_POOL_SIZE" in done.out and "→" in done.out


async def test_a_misspelt_setting_is_told_by_doctor_and_server(tmp_path: Path) -> None:
    names = {"REEV_GQL_BENCHMARK_DIR": "x", "REEV_GQL_FROBNICATE": "1"}
    no_misspelling = {
        "reev_gql_pool_size": "4",
        "REEV_GQL_URL": "http://127.0.0.1:1",
        "REEV_GQL_AGENT_KEY": "k",
    }
    unreachable = "postgresql://u@127.0.0.1:9/d"
    done = await cli("doctor", "--json", cwd=tmp_path, DATABASE_URL=unreachable, **names, **no_misspelling)
    [_, *warnings] = [line for line in told(done) if line["about"] == "settings"]
    assert [(line["level"], line["message"], line["advice"]) for line in warnings] == [
        ("warning", f"{name} is no setting, and has no effect", f"{advice}, or unset it")
        for name, advice in zip(
            names, ("Set REEV_GQL_BENCHMARKS_DIR", "docs/settings.md lists the settings"), strict=True
        )
    ]
    for command in (("serve", "--port", "0"), ("worker",)):
        done = await cli(*command, cwd=tmp_path, DATABASE_URL=unreachable, **names)
        assert "variable=REEV_GQL_BENCHMARK_DIR meant=REEV_GQL_BENCHMARKS_DIR" in done.err, done.err
        assert done.err.count("unknown_setting") == len(names)


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("no-such-program-anywhere {path} {id}", "was not found"),
        ("{here}/plain {{path}} {{id}}", "is not executable"),
    ],
)
def test_a_runner_that_cannot_be_started_is_a_problem(tmp_path: Path, command: str, words: str) -> None:
    (tmp_path / "plain").write_text("no program")
    if "{here}" in command:
        command = command.format(here=tmp_path)
    [finding] = machine.runner(settings(tmp_path, runner_command=command))
    assert finding.level is Level.PROBLEM and words in finding.message and finding.advice


def test_a_directory_that_is_a_file_or_nearly_full_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "sessions").write_text("")
    sessions, output, _ = machine.directories(settings(tmp_path))
    assert sessions.level is Level.PROBLEM and "not a directory" in sessions.message
    assert output.level is Level.OK
    usage = type(shutil.disk_usage(tmp_path))
    for free, level in ((machine.NO_SPACE - 1, Level.PROBLEM), (machine.LITTLE_SPACE - 1, Level.WARNING)):
        monkeypatch.setattr(shutil, "disk_usage", lambda _, free=free: usage(free, 0, free))
        assert list(machine.directories(settings(tmp_path)))[1].level is level


def test_a_benchmark_that_cannot_be_loaded_is_named_with_its_place(tmp_path: Path) -> None:
    (tmp_path / "bad.yml").write_text("id: x\nid: y\n")
    bad, summary = machine.benchmarks(settings(tmp_path, benchmarks_dir=tmp_path))
    assert bad.level is Level.WARNING and "bad.yml" in bad.message
    assert summary.message.startswith("0 of 1 files")


def test_who_has_no_benchmarks_yet_is_told_how_to_get_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    [beginner] = machine.benchmarks(Settings())
    [mistaken] = machine.benchmarks(Settings.model_validate({"benchmarks_dir": tmp_path / "none"}))
    assert (beginner.level, mistaken.level) == (Level.WARNING, Level.PROBLEM)
    assert "reev-gql init" in str(beginner.advice) and "reev-gql init" in str(mistaken.advice)


def test_a_port_that_somebody_else_uses_is_a_problem(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        other.close()
    [free] = machine.port(settings(tmp_path, port=port))
    assert free.level is Level.OK
    with socket.socket() as other:
        other.bind(("127.0.0.1", port))
        [taken] = machine.port(settings(tmp_path, port=port))
    assert taken.level is Level.PROBLEM and taken.advice


async def test_an_outdated_schema_is_a_problem(empty_database_url: str, tmp_path: Path) -> None:
    [finding] = await found(settings(tmp_path, empty_database_url), "schema")
    assert finding.level is Level.PROBLEM and "reev-gql migrate" in str(finding.advice)


async def test_a_role_that_cannot_migrate_is_told_what_to_grant(
    empty_database_url: str, tmp_path: Path
) -> None:
    async with few_rights(empty_database_url) as (url, role):
        [finding] = await found(settings(tmp_path, url), "database")
    assert finding.level is Level.PROBLEM and f"GRANT CREATE ON SCHEMA public TO {role}" in finding.message


async def test_what_waits_without_a_worker_and_what_is_stuck_is_told(
    db: Database, database_url: str, tmp_path: Path
) -> None:
    await queued(db)
    stuck = await in_state(db, ExecutionStatus.RUNNING)
    await db.execute("UPDATE workers SET heartbeat_at = heartbeat_at - interval '1 minute'")
    findings = await found(settings(tmp_path, database_url))
    problems = {finding.message: finding.advice for finding in findings if finding.level is Level.PROBLEM}
    assert all(problems.values())
    assert any("no worker is at work" in message for message in problems)
    assert any(str(stuck) in message and "has not ended" in message for message in problems)


async def test_a_process_that_outlived_its_execution_is_told_with_its_pid(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    marker = str(uuid.uuid4())
    child = await asyncio.create_subprocess_exec(
        *(sys.executable, "-S", "-c", "import time; time.sleep(600)"),
        env={**os.environ, members.MARKER: marker},
    )
    try:
        # Other tests' runners are on the same machine.
        monkeypatch.setattr("gql_server.doctor.database.SHOWN_PROCESSES", 10_000)
        findings = [one for one in await found(settings(tmp_path, database_url)) if marker in one.message]
    finally:
        child.send_signal(signal.SIGKILL)
        await child.wait()
    [finding] = findings
    assert finding.level is Level.WARNING and f"{child.pid} (execution {marker})" in finding.message


async def test_a_standby_and_a_read_only_database_are_problems(
    database_url: str, db: Database, tmp_path: Path
) -> None:
    """As everything is that serve would refuse: they look with the same eyes."""
    name = await db.fetchval("SELECT current_database()")
    await db.execute(f'ALTER DATABASE "{name}" SET default_transaction_read_only = on')
    [finding] = await found(settings(tmp_path, database_url), "database")
    assert finding.level is Level.PROBLEM and "read-only" in finding.message and finding.advice


async def test_writes_are_tried_and_a_full_disk_is_a_problem(
    database_url: str, db: Database, tmp_path: Path
) -> None:
    [finding] = await found(settings(tmp_path, database_url), "writes")
    assert finding.level is Level.OK
    await db.execute(FULL_DISK)
    [finding] = await found(settings(tmp_path, database_url), "database")
    assert finding.level is Level.PROBLEM and "disk of the database is full" in finding.message


async def test_who_has_locked_a_table_is_a_problem_and_nothing_waits_for_him(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gql_server.doctor.database.LOCKED_S", 0.0)
    async with locked(database_url, "executions, alembic_version") as pid:
        findings = await found(settings(tmp_path, database_url), "locks")
    [finding] = findings
    assert finding.level is Level.PROBLEM and f"process {pid}" in finding.message
    assert f"pg_terminate_backend({pid})" in str(finding.advice)


async def test_an_api_key_that_cannot_be_decrypted_is_a_problem(
    database_url: str, db: Database, tmp_path: Path
) -> None:
    values = settings(tmp_path, database_url, secret_key="k" * 32, agents=("glm", "gpt"))
    for agent, api_key in (("glm", "canary-word"), ("gpt", None)):
        await configurations.save(
            db,
            values.runner,
            configurations.ConfigurationChange(agent, "http://127.0.0.1:1/v1", api_key=api_key),
        )
    [finding] = await found(values, "agent keys")
    assert finding.level is Level.OK
    for other in (settings(tmp_path, database_url, secret_key="l" * 32), settings(tmp_path, database_url)):
        [finding] = await found(other, "agent keys")
        assert finding.level is Level.PROBLEM and "REEV_GQL_SECRET_KEY" in finding.message
        assert "glm" in str(finding.advice) and "canary-word" not in str(finding)
    assert not (tmp_path / "data").exists(), "looking makes no key"


async def test_webhooks_that_fail_were_given_up_or_cannot_be_signed_for_are_told(
    tmp_path: Path, database_url: str, db: Database
) -> None:
    values = settings(tmp_path, database_url, secret_key="k" * 32)
    [none] = await found(values, "webhooks")
    assert (none.level, none.message) == (Level.OK, "none")
    for path in ("fails", "gone"):
        await managing.add(
            db, values.runner.secret_key, f"http://127.0.0.1:1/{path}", [WebhookEvent.BATCH_ENDED]
        )
    [fine] = await found(values, "webhooks")
    assert fine.level is Level.OK
    await db.execute(
        "UPDATE webhooks SET failing_since = now(), last_error = 'answered 500',"
        " disabled_at = CASE WHEN url LIKE '%gone' THEN now() END"
    )
    fails, gone = await found(values, "webhooks")
    assert {fails.level, gone.level} == {Level.WARNING}
    assert "/fails has 0 messages to come" in fails.message and "webhooks test" in str(fails.advice)
    assert "/gone was given up" in gone.message and "webhooks enable" in str(gone.advice)
    other = await found(settings(tmp_path, database_url, secret_key="l" * 32), "webhooks")
    unusable = [finding for finding in other if finding.level is Level.PROBLEM]
    assert len(unusable) == 2 and all("REEV_GQL_SECRET_KEY" in finding.message for finding in unusable)
