"""Finds a Chromium for the tests, or brings one: on the PATH, else Playwright's own download, else from apt.

    python -m tests.helpers.find_browser

prints where it is, or why there is none (exit code 1). Nothing is asked for when one is there already.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")

DOWNLOAD_S = 300.0
"""For some hundred megabytes; a network that refuses says so at once."""


def on_path() -> str | None:
    """A Chromium that the system has."""
    return next((found for name in NAMES if (found := shutil.which(name))), None)


def of_playwright() -> str | None:
    """The Chromium that Playwright downloaded, if it did."""
    with sync_playwright() as playwright:
        path = playwright.chromium.executable_path
    return path if Path(path).is_file() else None


def _tried(*command: str) -> bool:
    try:
        subprocess.run(command, check=True, capture_output=True, timeout=DOWNLOAD_S)
    except (OSError, subprocess.SubprocessError):
        return False
    return True


def _downloaded() -> str | None:
    return of_playwright() if _tried(sys.executable, "-m", "playwright", "install", "chromium") else None


def _from_apt() -> str | None:
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        return None
    install = ("apt-get", "install", "-y", "-qq", "--no-install-recommends", "chromium")
    return on_path() if _tried("apt-get", "update", "-qq") and _tried(*install) else None


def find() -> str | None:
    """A Chromium that is there already."""
    return on_path() or of_playwright()


def main() -> int:
    found = find() or _downloaded() or _from_apt()
    if found is None:
        print(
            "no Chromium: none on the PATH, Playwright could not download its own, and apt could not install one. "
            "The browser tests are left out",
            file=sys.stderr,
        )
        return 1
    print(f"browser: {found}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
