"""One script of all modules of the dashboard, and one style sheet: a browser loads two files, not a hundred.

Made from the files as they are when they are asked for: a changed line needs only a reload, and nobody builds
anything. A module becomes a function that is called when the first other module imports it. That takes the forms
of `import` and `export` that our modules have; another form, or a circle of imports, is a BundleError.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable
from pathlib import Path

HEAD = """\
const $loaded = new Map();
function $need(name) {
  let found = $loaded.get(name);
  if (!found) {
    found = {};
    $modules[name](found);
    $loaded.set(name, found);
  }
  return found;
}
"""

OUTSIDE = "vendor/"

_TARGET = r'"(?P<target>\.{1,2}/[^"\n]+)"'
_IMPORT = re.compile(rf"^import (?:(?P<names>\{{[^}}]*\}}|\* as \w+|\w+) from )?{_TARGET};", re.MULTILINE)
_LATER = re.compile(rf"\bimport\({_TARGET}\)")
_LIST = re.compile(rf"^export \{{(?P<names>[^}}]*)\}}(?: from {_TARGET})?;", re.MULTILINE)
_DECLARED = re.compile(r"^export (?P<what>(?:async )?function|class|const) (?P<name>\w+)", re.MULTILINE)
_OTHER = re.compile(r"^(?:import|export)\b.*", re.MULTILINE)


class BundleError(Exception):
    """A module that cannot be part of the script, and why."""


def script(root: Path, entries: Iterable[str]) -> str:
    """The script: executes the modules `entries`, and has all that they import now or later.

    Names are relative to `root`, for which the script's own address is one level deep. What others have written
    stays outside: the browser imports it.
    """
    return _Script(root).text(entries)


def outside(text: str) -> list[str]:
    """The modules that a script imports, relative to its root."""
    return re.findall(r'^import \* as \$\w+ from "\.\./([^"]+)";$', text, re.MULTILINE)


def styles(files: Iterable[Path]) -> str:
    """The style sheet of all these, in their order."""
    return "\n".join(file.read_text(encoding="utf-8") for file in files)


class _Script:
    def __init__(self, root: Path) -> None:
        self._root = root
        self._functions: dict[str, str] = {}
        self._outside: dict[str, str] = {}
        self._later: dict[str, None] = {}

    def text(self, entries: Iterable[str]) -> str:
        entries = list(entries)
        waiting = list(entries)
        while waiting:
            self._add(waiting.pop(), ())
            waiting += [name for name in self._later if name not in self._functions]
        outside = [f'import * as {name} from "../{target}";' for target, name in self._outside.items()]
        functions = [f'"{name}"($exports) {{{body}\n}},' for name, body in self._functions.items()]
        calls = [f'$need("{name}");' for name in entries]
        return "\n".join([*outside, HEAD, "const $modules = {", *functions, "};", *calls, ""])

    def _add(self, name: str, importers: tuple[str, ...]) -> None:
        if name in importers:
            raise BundleError(f"{' imports '.join((*importers, name))}: a circle")
        if name in self._functions:
            return
        exported: list[str] = []

        def needed(target: str) -> str:
            full = self._resolved(name, target)
            if full.startswith(OUTSIDE):
                return self._outside.setdefault(full, f"$outside{len(self._outside)}")
            self._add(full, (*importers, name))
            return f'$need("{full}")'

        text = (self._root / name).read_text(encoding="utf-8")
        text = _IMPORT.sub(lambda match: _imported(match, needed), text)
        text = _LIST.sub(lambda match: _listed(match, needed, exported), text)
        text = _DECLARED.sub(lambda match: _declared(match, exported), text)
        text = _LATER.sub(lambda match: self._called_later(name, match["target"]), text)
        if other := _OTHER.search(text):
            raise BundleError(f"{name}: {other[0]!r} has a form that is not understood here")
        self._functions[name] = f"\n{text.rstrip()}\nObject.assign($exports, {{ {', '.join(exported)} }});"

    def _called_later(self, importer: str, target: str) -> str:
        name = self._resolved(importer, target)
        self._later[name] = None
        return f'Promise.resolve("{name}").then($need)'

    @staticmethod
    def _resolved(importer: str, target: str) -> str:
        return os.path.normpath(os.path.join(os.path.dirname(importer), target)).replace(os.sep, "/")


def _imported(match: re.Match[str], needed: Callable[[str], str]) -> str:
    names, found = match["names"], needed(match["target"])
    if names is None:
        return f"{found};"
    if names.startswith("{"):
        return f"const {names.replace(' as ', ': ')} = {found};"
    if names.startswith("* as "):
        return f"const {names.removeprefix('* as ')} = {found};"
    return f"const {{ default: {names} }} = {found};"


def _listed(match: re.Match[str], needed: Callable[[str], str], exported: list[str]) -> str:
    names = [name.strip() for name in match["names"].split(",") if name.strip()]
    if unknown := [name for name in names if not name.isidentifier()]:
        raise BundleError(f"`export {{ {unknown[0]} }}` has a form that is not understood here")
    exported += names
    return f"const {{ {', '.join(names)} }} = {needed(match['target'])};" if match["target"] else ""


def _declared(match: re.Match[str], exported: list[str]) -> str:
    exported.append(match["name"])
    return f"{match['what']} {match['name']}"
