"""What the wheel holds, and what it needs."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
import zipfile
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

import pytest

from runner_bridge.version import VERSION
from tests.helpers.places import REPOSITORY
from tests.installation.installation import Installation
from tests.installation.steps import run

pytestmark = pytest.mark.timeout(300)

PROJECT = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"]
PACKAGES = ("reev_gql", "gql_server", "schema", "runner_bridge", "store")
PIN = re.compile(r"^([\w.-]+)==(\S+) ", re.MULTILINE)


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def files_of(directory: str) -> Iterator[str]:
    """Everything of a folder in the repository that belongs to an installation."""
    root = "" if directory == "reev_gql" else "reev_gql/"
    for path in (REPOSITORY / directory).rglob("*"):
        if path.is_file() and "__pycache__" not in path.parts:
            yield root + path.relative_to(REPOSITORY).as_posix()


def contents(wheel: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(wheel) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def test_the_wheel_has_every_file_of_ours_below_one_name_and_nothing_else(installation: Installation) -> None:
    found = contents(installation.wheel)
    wanted = {file for directory in (*PACKAGES, "benchmarks") for file in files_of(directory)}
    info = f"reev_gql-{VERSION}.dist-info"
    about = {f"{info}/{name}" for name in ("METADATA", "RECORD", "WHEEL", "entry_points.txt")}
    assert found.keys() == wanted | about | {f"{info}/licenses/LICENSE"}
    assert found[f"{info}/licenses/LICENSE"] == (REPOSITORY / "LICENSE").read_bytes()
    kinds = {Path(name).suffix for name in wanted}
    assert kinds >= {".py", ".sql", ".graphql", ".js", ".css", ".html", ".svg", ".yml", ".json"}


def test_the_source_distribution_makes_the_same_wheel(installation: Installation, tmp_path: Path) -> None:
    run(["uv", "build", "--no-build-isolation", "--out-dir", str(tmp_path)], REPOSITORY)
    (wheel,) = tmp_path.glob("*.whl")
    assert contents(wheel) == contents(installation.wheel)


def test_what_is_installed_fits_together_and_is_what_is_pinned(installation: Installation) -> None:
    run(["uv", "pip", "check", "--python", str(installation.environment)], REPOSITORY)
    pins = dict(PIN.findall((REPOSITORY / "constraints.txt").read_text(encoding="utf-8")))
    found = metadata.distributions(path=[str(installation.packages)])
    versions = {normal(item.name): item.version for item in found}
    assert versions.pop("reev-gql") == VERSION
    assert versions == {name: pins[name] for name in versions}
    assert "pytest" not in versions, "development tools hide what is missing"


OPTIONAL = {"opentelemetry": "otel", "pyarrow": "parquet", "ray": "ray"}
"""What only an extra brings, by what is imported; without it the program says which extra is needed."""


def test_what_is_optional_is_in_an_extra() -> None:
    extras = PROJECT["optional-dependencies"]
    for name, extra in OPTIONAL.items():
        assert any(item.startswith(name) for item in extras[extra]), name


def test_every_import_is_of_a_declared_dependency_and_each_of_those_is_imported() -> None:
    declared = {normal(re.split(r"[\[<>=;]", item)[0]) for item in PROJECT["dependencies"]}
    providers = metadata.packages_distributions()
    imported: dict[str, str] = {}
    for directory in PACKAGES:
        for path in (REPOSITORY / directory).rglob("*.py"):
            for name in imported_names(path) - {*PACKAGES, *OPTIONAL, *sys.stdlib_module_names}:
                assert name in providers, f"{path}: nothing that is installed provides {name}"
                imported |= {normal(provider): f"{path}: {name}" for provider in providers[name]}
    undeclared = {where for provider, where in imported.items() if provider not in declared}
    assert not undeclared
    assert declared == imported.keys()


def imported_names(path: Path) -> set[str]:
    """The top-level names of all absolute imports, wherever in the file they stand."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        match node:
            case ast.Import():
                names |= {alias.name.partition(".")[0] for alias in node.names}
            case ast.ImportFrom(module=str(module), level=0):
                names.add(module.partition(".")[0])
            case ast.Call(
                ast.Attribute(attr="import_module") | ast.Name("find_spec"), [ast.Constant(str(module))]
            ):
                names.add(module.partition(".")[0])
    return names
