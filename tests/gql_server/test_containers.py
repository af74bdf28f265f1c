"""The container files name what exists: no engine is needed to see that they fit the program."""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml

from gql_server.cli.commands import app
from gql_server.settings import Settings, load_settings, variable_of
from tests.gql_server.conftest import REPOSITORY

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
    assert "--require-hashes" in DOCKERFILE
    assert re.findall(r"^USER (\S+)", DOCKERFILE, re.MULTILINE)[-1] != "root"


def test_everything_the_package_needs_is_copied() -> None:
    pyproject = (REPOSITORY / "pyproject.toml").read_text(encoding="utf-8")
    packages = re.search(r"^packages = \[(.*)\]", pyproject, re.MULTILINE)
    assert packages is not None
    for name in re.findall(r'"(\w+)"', packages[1]):
        assert f"COPY {name} {name}" in DOCKERFILE


def test_only_this_machine_reaches_the_published_port() -> None:
    ports = [port for service in COMPOSE["services"].values() for port in service.get("ports", [])]
    assert ports == ["127.0.0.1:3001:3001"]
