"""The container files name what exists: no engine is needed to see that they fit the program."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from gql_server.cli.commands import app
from gql_server.settings.loading import load_settings, variable_of
from gql_server.settings.settings import Settings
from tests.helpers.places import REPOSITORY

COMPOSE: dict[str, Any] = yaml.safe_load((REPOSITORY / "docker-compose.yml").read_text(encoding="utf-8"))
DOCKERFILE = (REPOSITORY / "Dockerfile").read_text(encoding="utf-8")
GIVEN = {"POSTGRES_PASSWORD": "secret", "REEV_GQL_TOKEN": "canary-token-0123456789"}


def filled(value: str) -> str:
    """Compose's ${NAME:-default} and ${NAME:?message}."""

    def replace(match: re.Match[str]) -> str:
        return GIVEN.get(match["name"], match["rest"] if match["kind"] == "-" else "")

    return re.sub(r"\$\{(?P<name>\w+):(?P<kind>[-?])(?P<rest>[^}]*)\}", replace, value)


@pytest.mark.parametrize("service", ["server", "worker"])
def test_a_service_runs_a_command_with_settings_that_are_accepted(
    monkeypatch: pytest.MonkeyPatch, service: str
) -> None:
    definition = COMPOSE["services"][service]
    known = {variable_of(name, field) for name, field in Settings.model_fields.items()}
    for name, value in definition["environment"].items():
        assert name in known
        monkeypatch.setenv(name, filled(str(value)))
    settings = load_settings()
    assert settings.database_url is not None
    assert settings.database_url.get_secret_value() == "postgresql://reev:secret@postgres:5432/reev"
    commands = {
        command.name or command.callback.__name__ for command in app.registered_commands if command.callback
    }
    assert definition["command"][0] in commands
    assert settings.is_loopback == (service == "worker")


def test_images_are_pinned_and_the_program_is_no_root() -> None:
    images = re.findall(r"^FROM (\S+)", DOCKERFILE, re.MULTILINE)
    images.append(COMPOSE["services"]["postgres"]["image"])
    for image in images:
        assert re.search(r":\d+\.\d+", image), image
    assert int(re.findall(r"^USER (\d+)$", DOCKERFILE, re.MULTILINE)[-1]) > 0


def test_the_linter_has_nothing_to_say() -> None:
    hadolint = [str(Path(sys.executable).with_name("hadolint")), "--failure-threshold", "style", "Dockerfile"]
    done = subprocess.run(hadolint, cwd=REPOSITORY, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "")


def test_process_1_reaps_what_runners_leave() -> None:
    assert 'ENTRYPOINT ["tini", "--", "reev-gql"]' in DOCKERFILE


def test_the_health_of_a_worker_is_asked_for_where_it_tells_it() -> None:
    worker = COMPOSE["services"]["worker"]
    port = worker["environment"]["REEV_GQL_WORKER_METRICS_PORT"]
    assert f"http://127.0.0.1:{port}/metrics" in worker["healthcheck"]["test"][-1]


def test_only_this_machine_reaches_the_published_port() -> None:
    ports = [port for service in COMPOSE["services"].values() for port in service.get("ports", [])]
    assert ports == ["127.0.0.1:3001:3001"]
