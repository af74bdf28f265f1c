"""Where the program is installed for tests."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Installation:
    """Where the image's directories are; other users can read them, and there is a space in the path."""

    root: Path

    @property
    def wheel(self) -> Path:
        (wheel,) = (self.root / "wheels").glob("*.whl")
        return wheel

    @property
    def environment(self) -> Path:
        return self.root / "opt" / "reev-gql"

    @property
    def bin(self) -> Path:
        return self.environment / "bin"

    @property
    def variables(self) -> dict[str, str]:
        """For processes: what one compiles is there for the next, whoever its user is."""
        return {"PYTHONPYCACHEPREFIX": str(self.root / "pycache")}

    @property
    def packages(self) -> Path:
        (packages,) = self.environment.glob("lib/python*/site-packages")
        return packages
