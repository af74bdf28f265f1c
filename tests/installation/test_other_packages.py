"""PyPI has a package named `schema` as well: neither of the two harms the other, whichever comes first or goes."""

from __future__ import annotations

import hashlib
import os
import subprocess
from pathlib import Path

import pytest

from tests.helpers.places import REPOSITORY
from tests.installation.installation import Installation
from tests.installation.steps import run

pytestmark = pytest.mark.timeout(300)

OTHER = """\
schema==0.7.8 --hash=sha256:00bd977fadc7d9521bf289850cd8a8aa5f4948f575476b8daaa5c1b57af2dce1
"""


def packages_of(python: Path) -> Path:
    return next(python.parents[1].glob("lib/python*/site-packages"))


@pytest.fixture
def python(installation: Installation, tmp_path: Path) -> Path:
    """A Python with neither of the two packages; it finds what ours depends on in the installation."""
    run([str(installation.bin / "python"), "-m", "venv", "--without-pip", str(tmp_path / "both")], tmp_path)
    python = tmp_path / "both" / "bin" / "python"
    packages_of(python).joinpath("dependencies.pth").write_text(f"{installation.packages}\n")
    return python


def pip(python: Path, command: str, *arguments: str) -> None:
    run(["uv", "pip", command, "--python", str(python), *arguments], python.parent)


def install_other(python: Path) -> None:
    requirement = python.parent / "other.txt"
    requirement.write_text(OTHER)
    pip(python, "install", "--no-deps", "--require-hashes", "--requirement", str(requirement))


def install_ours(python: Path, installation: Installation) -> None:
    pip(python, "install", "--no-deps", str(installation.wheel))


def print_contract(
    python: Path, installation: Installation, **variables: str
) -> subprocess.CompletedProcess[str]:
    """Prints the GraphQL contract, which all of our `schema` makes."""
    return subprocess.run(
        [python.parent / "reev-gql", "schema"],
        cwd=python.parent,
        env=os.environ | installation.variables | variables,
        capture_output=True,
        text=True,
    )


def others_schema(python: Path) -> Path:
    return packages_of(python) / "schema" / "__init__.py"


def test_each_works_after_the_other_was_installed_and_removed(
    python: Path, installation: Installation
) -> None:
    contract = (REPOSITORY / "schema" / "schema.graphql").read_text(encoding="utf-8")
    validates = "import schema; print(schema.Schema(int).validate(42))"

    install_other(python)
    theirs = hashlib.sha256(others_schema(python).read_bytes()).digest()
    install_ours(python, installation)
    assert print_contract(python, installation).stdout == contract
    assert run([str(python), "-c", validates], python.parent) == "42\n"

    pip(python, "uninstall", "reev-gql")
    assert hashlib.sha256(others_schema(python).read_bytes()).digest() == theirs
    install_ours(python, installation)
    pip(python, "uninstall", "schema")
    install_other(python)
    assert print_contract(python, installation).stdout == contract
    assert run([str(python), "-c", validates], python.parent) == "42\n"

    # What is imported before anything of ours: there is no way to have both in one process.
    (python.parent / "sitecustomize.py").write_text("import schema\n")
    refused = print_contract(python, installation, PYTHONPATH=str(python.parent))
    assert (refused.returncode, refused.stdout, refused.stderr.count("\n")) == (1, "", 1)
    assert f"the package `schema` that Python finds is not ours but {others_schema(python)}" in refused.stderr
    assert "pipx install" in refused.stderr
