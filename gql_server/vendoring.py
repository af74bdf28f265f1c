"""The web assets that are not ours: fetched from npm at pinned versions, checked by hash, kept in the repo.

`make vendor` fetches them anew; `python -m gql_server.vendoring --check` compares what is on disk with
manifest.json (name, version, licence, sha256 of each file). Serving never fetches anything.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import json
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

VENDOR = Path(__file__).parent / "static" / "vendor"
MANIFEST = VENDOR / "manifest.json"
FETCH_TIMEOUT_S = 120.0
"""For one package of some megabytes."""


@dataclass(frozen=True)
class Package:
    """What we take of one npm package: source path in it -> file name of ours.

    `imports` says where a module finds what it imports by a bare name, which only a bundler or an import map
    (an inline script, against the policy) could resolve.
    """

    name: str
    version: str
    files: dict[str, str]
    imports: dict[str, str] = field(default_factory=dict)


PACKAGES = (
    Package("react", "18.3.1", {"umd/react.production.min.js": "react.js", "LICENSE": "LICENSE"}),
    Package("react-dom", "18.3.1", {"umd/react-dom.production.min.js": "react-dom.js", "LICENSE": "LICENSE"}),
    Package(
        "graphiql",
        "4.1.2",
        {"graphiql.min.js": "graphiql.js", "graphiql.min.css": "graphiql.css", "LICENSE": "LICENSE"},
    ),
    Package("mermaid", "11.17.2", {"dist/mermaid.min.js": "mermaid.js", "LICENSE": "LICENSE"}),
    Package("graphql-ws", "6.4.2", {"umd/graphql-ws.min.js": "graphql-ws.js", "LICENSE.md": "LICENSE"}),
    Package(
        "preact",
        "11.2.0",
        {"dist/preact.mjs": "preact.js", "hooks/dist/hooks.mjs": "hooks.js", "LICENSE": "LICENSE"},
        imports={"preact": "./preact.js"},
    ),
    Package("htm", "3.1.1", {"dist/htm.module.js": "htm.js", "LICENSE": "LICENSE"}),
    Package(
        "uplot",
        "1.6.32",
        {"dist/uPlot.esm.js": "uplot.js", "dist/uPlot.min.css": "uplot.css", "LICENSE": "LICENSE"},
    ),
)


class VendoringError(Exception):
    """What is on disk, or what was fetched, is not what the manifest says."""


def fetch(package: Package) -> tuple[dict[str, bytes], str]:
    """The package's files under our names, and its licence."""
    npm = shutil.which("npm")
    if npm is None:
        raise VendoringError("npm is needed to fetch packages (not to serve them)")
    with tempfile.TemporaryDirectory() as directory:
        packed = subprocess.run(  # arguments are constants of this module
            [npm, "pack", "--silent", f"{package.name}@{package.version}"],
            cwd=directory,
            check=True,
            capture_output=True,
            text=True,
            timeout=FETCH_TIMEOUT_S,
        )
        archive = (Path(directory) / packed.stdout.split()[-1]).read_bytes()
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        read = {
            name: _resolve(_read(tar, f"package/{path}"), package.imports)
            for path, name in package.files.items()
        }
        about = json.loads(_read(tar, "package/package.json"))
    return read, str(about["license"])


def _read(tar: tarfile.TarFile, path: str) -> bytes:
    member = tar.extractfile(path)
    if member is None:
        raise VendoringError(f"{path} is no file in the package")
    return _without_source_map(member.read())


def _resolve(data: bytes, imports: Mapping[str, str]) -> bytes:
    for bare, path in imports.items():
        pattern = rb"""\b(from|import)(\s*)(["'])""" + re.escape(bare.encode()) + rb"\3"
        data = re.sub(pattern, rb"\1\2\3" + path.encode() + rb"\3", data)
    return data


def _without_source_map(data: bytes) -> bytes:
    """The map is not served, and a browser with open tools would ask for it."""
    lines = [line for line in data.splitlines(keepends=True) if not line.startswith(b"//# sourceMappingURL=")]
    return b"".join(lines)


def vendor() -> dict[str, object]:
    """Fetches every package, replaces what is on disk and writes the manifest."""
    entries: list[dict[str, object]] = []
    for package in PACKAGES:
        files, licence = fetch(package)
        target = VENDOR / package.name
        shutil.rmtree(target, ignore_errors=True)
        target.mkdir(parents=True)
        for name, data in files.items():
            (target / name).write_bytes(data)
        hashes = {name: hashlib.sha256(data).hexdigest() for name, data in files.items()}
        entries.append(
            {"name": package.name, "version": package.version, "licence": licence, "sha256": hashes}
        )
    manifest: dict[str, object] = {"packages": entries}
    MANIFEST.write_text(json.dumps(manifest, indent=2) + "\n", encoding="utf-8")
    return manifest


def check() -> None:
    """Raises VendoringError unless the files on disk are exactly those of the manifest."""
    manifest = json.loads(MANIFEST.read_text(encoding="utf-8"))
    expected = {
        VENDOR / entry["name"] / name: digest
        for entry in manifest["packages"]
        for name, digest in entry["sha256"].items()
    }
    found = {path for path in VENDOR.rglob("*") if path.is_file() and path != MANIFEST}
    if found != set(expected):
        odd = sorted(str(path.relative_to(VENDOR)) for path in found ^ set(expected))
        raise VendoringError(f"files and manifest differ: {', '.join(odd)}")
    for path, digest in expected.items():
        if hashlib.sha256(path.read_bytes()).hexdigest() != digest:
            raise VendoringError(f"{path.relative_to(VENDOR)} was changed")
    pinned = {(package.name, package.version) for package in PACKAGES}
    if pinned != {(entry["name"], entry["version"]) for entry in manifest["packages"]}:
        raise VendoringError(
            "the manifest has other versions than gql_server/vendoring.py: run `make vendor`"
        )


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m gql_server.vendoring", description=__doc__)
    parser.add_argument("--check", action="store_true", help="only compare the files with the manifest")
    try:
        if not parser.parse_args().check:
            vendor()
        check()
    except (VendoringError, subprocess.SubprocessError) as error:
        print(error, file=sys.stderr)
        return 1
    print("vendored files match their manifest")
    return 0


if __name__ == "__main__":
    sys.exit(main())
