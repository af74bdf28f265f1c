"""Settings: refused in one line that names the variable, silent about secrets, and all of them documented."""

from __future__ import annotations

from pathlib import Path

import pytest

from gql_server.settings.loading import SettingsError, load_settings, variable_of
from gql_server.settings.settings import Settings
from gql_server.settings.table import markdown_table
from runner_bridge.launchers.runner_config import KNOWN_AGENTS

CANARY = "canary-token-0123456789"


def test_an_empty_environment_gives_a_local_server() -> None:
    settings = load_settings()
    assert (settings.host, settings.port, settings.is_loopback) == ("127.0.0.1", 3001, True)
    assert settings.database_url is None
    assert settings.runner.is_local_runner
    assert settings.runner.agents == ("deterministic",)


def test_the_agents_are_the_runners_unless_they_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    command = "cargo run -- benchmarks/{file}.yml --execution-id={id}"
    assert load_settings({"runner_command": command}).runner.agents == KNOWN_AGENTS
    monkeypatch.setenv("REEV_GQL_AGENTS", "glm-4.6")
    assert (
        load_settings().runner.agents
        == load_settings({"runner_command": command}).runner.agents
        == ("glm-4.6",)
    )


def test_import_directories_are_resolved_here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REEV_GQL_IMPORT_DIRS", "archive, /srv/reev")
    assert load_settings().runner.import_dirs == (Path.cwd() / "archive", Path("/srv/reev"))


def test_variables_and_options_are_read_and_options_win(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REEV_GQL_PORT", "4001")
    monkeypatch.setenv("REEV_GQL_AGENTS", "deterministic, my-model")
    monkeypatch.setenv("REEV_GQL_RUNNER_COMMAND", "cargo run -- benchmarks/{file}.yml --execution-id={id}")
    settings = load_settings({"port": 4002, "worker": None})
    assert settings.port == 4002
    assert settings.worker is True
    assert settings.agents == ("deterministic", "my-model")
    assert settings.runner.template.required[0] == "cargo"
    assert settings.runner.benchmarks_dir == Path.cwd() / "benchmarks"


def test_a_working_directory_that_is_gone_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    with pytest.raises(SettingsError, match="the working directory is gone"):
        load_settings()


def test_an_empty_variable_is_an_unset_one(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DATABASE_URL", "REEV_GQL_PORT", "REEV_GQL_RUNNER_COMMAND"):
        monkeypatch.setenv(name, "")
    settings = load_settings()
    assert (settings.database_url, settings.port, settings.runner_command) == (None, 3001, None)


@pytest.mark.parametrize(
    ("name", "value", "word"),
    [
        ("REEV_GQL_PORT", "http", "integer"),
        ("REEV_GQL_PORT", "70000", "65535"),
        ("REEV_GQL_PORT", "tcp://10.96.0.7:3001", "enableServiceLinks"),
        ("REEV_GQL_LOG_LEVEL", "loud", "debug"),
        ("REEV_GQL_POOL_SIZE", "3", "4"),
        ("REEV_GQL_EXECUTION_TIMEOUT_S", "-1", "greater than 0"),
        ("REEV_GQL_ALLOWED_HOSTS", "http://x", "host name"),
        ("REEV_GQL_ALLOWED_ORIGINS", "*", "origin"),
        ("REEV_GQL_ALLOWED_ORIGINS", "null", "origin"),
        ("REEV_GQL_ALLOWED_ORIGINS", "https://a.example/path", "origin"),
        ("REEV_GQL_RUNNER_COMMAND", "cargo run --id={id}", "{benchmark}"),
        ("REEV_GQL_RUNNER_COMMAND", "cargo 'run", "quotation"),
        ("REEV_GQL_AGENTS", ",", "1 item"),
        ("REEV_GQL_TOKEN", "short", "16 characters"),
        ("REEV_GQL_SECRET_KEY", "short", "32 characters"),
    ],
)
def test_a_bad_value_is_one_line_that_names_its_variable(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, word: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError) as caught:
        load_settings()
    message = str(caught.value)
    assert name in message and word in message
    assert "\n" not in message


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.2", "example.org"])  # noqa: S104
def test_other_machines_are_let_in_only_with_token_and_names(
    monkeypatch: pytest.MonkeyPatch, host: str
) -> None:
    monkeypatch.setenv("REEV_GQL_HOST", host)
    for given in ({}, {"REEV_GQL_TOKEN": CANARY}, {"REEV_GQL_ALLOWED_HOSTS": "gql.example.org"}):
        with monkeypatch.context() as patched:
            for name, value in given.items():
                patched.setenv(name, value)
            with pytest.raises(SettingsError, match="REEV_GQL_ALLOWED_HOSTS") as caught:
                load_settings()
            assert "\n" not in str(caught.value)
    monkeypatch.setenv("REEV_GQL_TOKEN", CANARY)
    monkeypatch.setenv("REEV_GQL_ALLOWED_HOSTS", "gql.example.org")
    assert load_settings().host == host


def test_the_metrics_of_a_worker_are_let_out_by_the_same_rule(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REEV_GQL_WORKER_METRICS_HOST", "192.168.1.2")
    assert load_settings().worker_metrics_port is None, "nothing listens, so nothing is refused"
    monkeypatch.setenv("REEV_GQL_WORKER_METRICS_PORT", "0")
    with pytest.raises(SettingsError, match=r"REEV_GQL_WORKER_METRICS_HOST=192\.168\.1\.2 can be reached"):
        load_settings()
    monkeypatch.setenv("REEV_GQL_TOKEN", CANARY)
    monkeypatch.setenv("REEV_GQL_ALLOWED_HOSTS", "worker.example.org")
    assert load_settings().worker_metrics_host == "192.168.1.2"


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "::1", "localhost"])
def test_loopback_needs_neither(host: str) -> None:
    assert load_settings({"host": host}).is_loopback


def test_no_secret_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REEV_GQL_TOKEN", CANARY)
    monkeypatch.setenv("REEV_GQL_SECRET_KEY", CANARY + CANARY)
    monkeypatch.setenv("DATABASE_URL", "postgresql://user:canary-password@db/reev")
    settings = load_settings()
    texts = (repr(settings), str(settings), str(settings.model_dump()), settings.model_dump_json())
    for text in (*texts, repr(settings.runner)):
        assert "canary" not in text
    monkeypatch.setenv("REEV_GQL_PORT", "bad")
    with pytest.raises(SettingsError) as caught:
        load_settings()
    assert "canary" not in str(caught.value)


def test_every_setting_is_described_in_the_table() -> None:
    table = markdown_table()
    for name, field in Settings.model_fields.items():
        assert field.description, name
        assert f"| `{variable_of(name, field)}` | " in table
    assert "`DATABASE_URL`" in table
