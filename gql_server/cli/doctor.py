"""`reev-gql doctor`: prints each finding as it is made; the exit code is 1 when there is a problem."""

from __future__ import annotations

from dataclasses import asdict

from rich.console import Console
from rich.text import Text

from gql_server.cli.views.json_lines import emit
from gql_server.cli.views.live_view import new_console
from gql_server.cli.views.texts import printable
from gql_server.doctor import Finding, Level, examine
from gql_server.settings.loading import SettingsError, load_settings
from gql_server.settings.settings import Settings

SIGNS = {Level.OK: ("✓", "green"), Level.WARNING: ("!", "yellow"), Level.PROBLEM: ("✗", "red")}

INDENT = 22


async def doctor(*, as_json: bool) -> int:
    """Examines everything; nothing is changed."""
    console = new_console()
    counts = dict.fromkeys(Level, 0)

    def report(finding: Finding) -> None:
        counts[finding.level] += 1
        emit(asdict(finding)) if as_json else _print(console, finding)

    try:
        settings: Settings = load_settings()
    except SettingsError as error:
        report(
            Finding(
                Level.PROBLEM, "settings", str(error), "Correct that variable; nothing else was looked at"
            )
        )
    else:
        async for finding in examine(settings):
            report(finding)
    if not as_json:
        summary = ", ".join(_counted(count, level) for level, count in counts.items() if count)
        console.print(Text(f"\n{summary}", style="bold"))
    return 1 if counts[Level.PROBLEM] else 0


def _counted(count: int, level: Level) -> str:
    return f"{count} {level}" if count == 1 or level is Level.OK else f"{count} {level}s"


def _print(console: Console, finding: Finding) -> None:
    sign, style = SIGNS[finding.level]
    line = Text.assemble((f"{sign} {finding.about:<{INDENT - 2}}", style), printable(finding.message))
    console.print(line, soft_wrap=True)
    if finding.advice is not None:
        console.print(Text(f"{'':<{INDENT}}→ {printable(finding.advice)}", style="dim"), soft_wrap=True)
