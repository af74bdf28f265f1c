"""The steps of the Dockerfile's stage `build`, carried out below a directory instead of the root."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

from tests.helpers.places import REPOSITORY

PLACES = re.compile(r"(?<![\w.])/(?=(?:opt|wheels)\b)")
"""What the steps write outside of their working directory."""

PATH = f"{Path(sys.executable).parent}:{os.environ['PATH']}"


def build_stage() -> list[tuple[str, str]]:
    """Instructions of the stage with what stands after each, lines that go on put together."""
    text = (REPOSITORY / "Dockerfile").read_text(encoding="utf-8").replace("\\\n", "")
    stage = text.split(" AS build\n")[1].split("\nFROM ")[0]
    steps = (line.partition(" ") for line in stage.splitlines() if line and not line.startswith("#"))
    return [(instruction, rest.strip()) for instruction, _, rest in steps]


def public_python() -> Path | None:
    """A Python that every user of this machine can execute: root's own may be below its home directory."""
    ours = Path(sys.executable).resolve()
    names = [ours, *(Path(f"/usr/bin/python3.{minor}") for minor in (11, 12, 13, 14))]
    return next((path for path in names if path.exists() and _is_public(path)), None)


def _is_public(path: Path) -> bool:
    return all(part.stat().st_mode & 0o001 for part in (path, *path.parents))


def carry_out(root: Path, python: Path) -> None:
    """Builds and installs as the image does, `root` being its `/`, with this Python."""
    directory, programs = root, root / "programs"
    programs.mkdir()
    (root / "pycache").mkdir()
    (root / "pycache").chmod(0o777)
    (programs / "python").write_text(f'#!/bin/sh\nexec {shlex.quote(str(python))} "$@"\n')
    (programs / "python").chmod(0o755)
    # The stage installs uv first; here it is there, at the same version, and no test changes what it runs in.
    variables = {"PATH": f"{programs}:{PATH}", "PIP_DRY_RUN": "1"}
    for instruction, rest in build_stage():
        match instruction:
            case "ENV" if rest == "UV_COMPILE_BYTECODE=1":
                pass  # It costs seconds, and only makes the first start of a container quicker.
            case "ARG":
                name, _, value = rest.partition("=")
                variables[name] = value
            case "WORKDIR":
                directory = root / rest.lstrip("/")
                directory.mkdir(parents=True)
            case "COPY":
                *sources, target = rest.split()
                for source in sources:
                    _copy(REPOSITORY / source, directory / target)
            case "RUN":
                run(
                    ["sh", "-ec", PLACES.sub(lambda _: f"{shlex.quote(str(root))}/", rest)],
                    directory,
                    **variables,
                )
            case _:
                raise AssertionError(f"the tests cannot carry out {instruction}")


def _copy(source: Path, target: Path) -> None:
    if source.is_dir():
        shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
    else:
        shutil.copy(source, target)


def run(command: list[str], directory: Path, **variables: str) -> str:
    """What a command prints; it must succeed."""
    environment = os.environ | {"PATH": PATH} | variables
    done = subprocess.run(command, cwd=directory, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout
