"""Vendored files are exactly those of their manifest, with their licences, and of a reasonable size."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from gql_server import vendoring
from gql_server.vendoring import MANIFEST, PACKAGES, VENDOR, VendoringError

LICENCES = {"MIT": "Permission is hereby granted, free of charge", "Apache-2.0": "Apache License"}
"""Those we can ship, and what the text of each says."""

MAX_TOTAL_BYTES = 6_000_000
"""More than half of it is Mermaid."""


def test_what_is_on_disk_is_what_the_manifest_says() -> None:
    vendoring.check()


def test_every_package_comes_with_its_licence_and_without_source_maps() -> None:
    manifest = json.loads(MANIFEST.read_text(encoding="utf-8"))
    assert {entry["name"] for entry in manifest["packages"]} == {package.name for package in PACKAGES}
    for entry in manifest["packages"]:
        text = (VENDOR / entry["name"] / "LICENSE").read_text(encoding="utf-8")
        assert LICENCES[entry["licence"]] in text
    files = [path for path in VENDOR.rglob("*") if path.is_file()]
    assert not [path for path in files if path.suffix == ".map"]
    assert not [path for path in files if b"sourceMappingURL" in path.read_bytes()]
    assert sum(path.stat().st_size for path in files) < MAX_TOTAL_BYTES


@pytest.mark.parametrize("change", ["edit", "remove", "add", "version"])
def test_any_difference_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: str) -> None:
    copy = tmp_path / "vendor"
    shutil.copytree(VENDOR, copy)
    monkeypatch.setattr(vendoring, "VENDOR", copy)
    monkeypatch.setattr(vendoring, "MANIFEST", copy / "manifest.json")
    victim = copy / "react" / "react.js"
    match change:
        case "edit":
            victim.write_bytes(victim.read_bytes() + b" ")
        case "remove":
            victim.unlink()
        case "add":
            (copy / "react" / "more.js").write_bytes(b"")
        case _:
            text = (copy / "manifest.json").read_text(encoding="utf-8")
            (copy / "manifest.json").write_text(text.replace("18.3.1", "18.3.0"), encoding="utf-8")
    with pytest.raises(VendoringError):
        vendoring.check()
