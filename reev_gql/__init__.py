"""The entry point, and the only name that an installation puts at the top level of site-packages.

Our packages lie beside this one in a checkout, and inside it in an installation: PyPI has a package named
`schema` too, and of two packages at one place the one installed last would overwrite the other.
"""

from __future__ import annotations

import sys
from importlib.util import find_spec
from pathlib import Path

PACKAGES = ("gql_server", "schema", "runner_bridge", "store")

_HERE = Path(__file__).parent
HOME = _HERE if (_HERE / "gql_server").is_dir() else _HERE.parent
"""The directory that holds our packages."""


def main() -> None:
    """The `reev-gql` command."""
    sys.path.insert(0, str(HOME))
    for name in PACKAGES:
        if (found := _origin(name)) != str(HOME / name / "__init__.py"):
            sys.exit(
                f"reev-gql: the package `{name}` that Python finds is not ours but {found}: "
                "give reev-gql an environment of its own, with `pipx install` or `uv tool install`"
            )
    from gql_server.cli.main import main as command

    command()


def _origin(name: str) -> str | None:
    """The file of a package, without importing it: another of that name may be imported already."""
    if name in sys.modules:
        return getattr(sys.modules[name], "__file__", None)
    spec = find_spec(name)
    return None if spec is None else spec.origin
