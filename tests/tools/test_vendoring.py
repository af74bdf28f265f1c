"""Vendored files are exactly those of their manifest, with their licences, and of a reasonable size."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tools.vendor_web_assets import VENDOR, VendoringError, check, read_manifest

LICENCES = {"MIT": "Permission is hereby granted, free of charge", "Apache-2.0": "Apache License"}
"""Those we can ship, and what the text of each says."""

MAX_TOTAL_BYTES = 6_000_000
"""More than half of it is Mermaid."""


def test_the_files_on_disk_are_those_of_the_manifest() -> None:
    check(VENDOR)


def test_every_package_comes_with_its_licence_and_without_source_maps() -> None:
    for package in read_manifest(VENDOR):
        bearer = package["licence_text_of"] if "licence_text_of" in package else package["name"]
        text = (VENDOR / bearer / "LICENSE").read_text(encoding="utf-8")
        assert LICENCES[package["licence"]] in text
    files = [path for path in VENDOR.rglob("*") if path.is_file()]
    assert not [path for path in files if path.suffix == ".map"]
    assert not [path for path in files if b"sourceMappingURL" in path.read_bytes()]
    assert sum(path.stat().st_size for path in files) < MAX_TOTAL_BYTES


@pytest.mark.parametrize("change", ["edit", "remove", "add"])
def test_any_difference_is_found(tmp_path: Path, change: str) -> None:
    copy = tmp_path / "vendor"
    shutil.copytree(VENDOR, copy)
    victim = copy / "react" / "react.js"
    match change:
        case "edit":
            victim.write_bytes(victim.read_bytes() + b" ")
        case "remove":
            victim.unlink()
        case _:
            (copy / "react" / "more.js").write_bytes(b"")
    with pytest.raises(VendoringError):
        check(copy)
