"""Web assets that are not ours: fetched from npm, checked by hash, kept in the repository.

`make vendor` fetches them again; `--check` only compares the files on disk with the manifest. To take another
version, change it in the manifest and run `make vendor`. Serving never fetches anything.

The manifest lists packages: name, version and licence; `files` (path in the npm package: our file name);
`licence_text_of` (where a package comes without the text: the one beside it that has it); `imports` (a bare
module name: the file it stands for, since the content policy allows no import map); `sha256` of each of our files.
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
from pathlib import Path
from typing import Any

VENDOR = Path(__file__).resolve().parent.parent / "gql_server" / "static" / "vendor"
FETCH_TIMEOUT_S = 120.0
"""For one package of some megabytes."""

Package = dict[str, Any]
"""One package of the manifest."""


class VendoringError(Exception):
    """The files on disk, or the fetched ones, are not those of the manifest."""


def read_manifest(vendor: Path) -> list[Package]:
    packages: list[Package] = json.loads((vendor / "manifest.json").read_text(encoding="utf-8"))["packages"]
    return packages


def fetch(package: Package) -> dict[str, bytes]:
    """The content of each file of the package, by our file names. Sets its licence."""
    npm = shutil.which("npm")
    if npm is None:
        raise VendoringError("npm is needed to fetch packages (not to serve them)")
    with tempfile.TemporaryDirectory() as directory:
        subprocess.run(
            [npm, "pack", "--silent", f"{package['name']}@{package['version']}"],
            cwd=directory,
            check=True,
            capture_output=True,
            timeout=FETCH_TIMEOUT_S,
        )
        [archive] = Path(directory).glob("*.tgz")
        content = archive.read_bytes()
    with tarfile.open(fileobj=io.BytesIO(content)) as tar:
        package["licence"] = json.loads(_member(tar, "package.json"))["license"]
        imports = package.get("imports", {})
        return {name: _prepared(_member(tar, path), imports) for path, name in package["files"].items()}


def _member(tar: tarfile.TarFile, path: str) -> bytes:
    member = tar.extractfile(f"package/{path}")
    if member is None:
        raise VendoringError(f"{path} is no file in the package")
    return member.read()


def _prepared(data: bytes, imports: dict[str, str]) -> bytes:
    """Without its source map, which is not served; bare imports point at our files."""
    data = re.sub(rb"(?m)^//# sourceMappingURL=.*\n?", b"", data)
    for bare, path in imports.items():
        pattern = rb"""\b(from|import)(\s*)(["'])""" + re.escape(bare.encode()) + rb"\3"
        data = re.sub(pattern, rb"\1\2\3" + path.encode() + rb"\3", data)
    return data


def refresh(vendor: Path) -> None:
    """Fetches every package of the manifest, replaces the files on disk and writes licences and hashes."""
    packages = read_manifest(vendor)
    for package in packages:
        files = fetch(package)
        target = vendor / package["name"]
        shutil.rmtree(target, ignore_errors=True)
        target.mkdir(parents=True)
        for name, data in files.items():
            (target / name).write_bytes(data)
        package["sha256"] = {name: hashlib.sha256(data).hexdigest() for name, data in files.items()}
    text = json.dumps({"packages": packages}, indent=2) + "\n"
    (vendor / "manifest.json").write_text(text, encoding="utf-8")


def check(vendor: Path) -> None:
    """Raises VendoringError unless the files on disk are exactly those of the manifest."""
    expected = {
        vendor / package["name"] / name: digest
        for package in read_manifest(vendor)
        for name, digest in package["sha256"].items()
    }
    found = {path for path in vendor.rglob("*") if path.is_file()} - {vendor / "manifest.json"}
    if odd := sorted(str(path.relative_to(vendor)) for path in found ^ set(expected)):
        raise VendoringError(f"files and manifest differ: {', '.join(odd)}")
    for path, digest in expected.items():
        if hashlib.sha256(path.read_bytes()).hexdigest() != digest:
            raise VendoringError(f"{path.relative_to(vendor)} was changed")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--check", action="store_true", help="only compare the files with the manifest")
    try:
        if not parser.parse_args().check:
            refresh(VENDOR)
        check(VENDOR)
    except (VendoringError, subprocess.SubprocessError) as error:
        print(error, file=sys.stderr)
        return 1
    print("vendored files match their manifest")
    return 0


if __name__ == "__main__":
    sys.exit(main())
