"""The command `export` and its options."""

import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from gql_server.cli.options import DEFAULT_SERVER, ServerOrUrl, finish


class Exported(StrEnum):
    executions = "executions"
    tool_calls = "tool-calls"
    messages = "messages"
    events = "events"


class ExportFormat(StrEnum):
    csv = "csv"
    jsonl = "jsonl"
    parquet = "parquet"


def export(
    what: Annotated[Exported, typer.Argument(help="What to export, a row each.")],
    filters: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="NAME=VALUE",
            help="Which executions, by the fields of ExecutionFilter in the API: agents=glm-4.6 solved=false. "
            "Give a list one by one.",
        ),
    ] = None,
    format: Annotated[
        ExportFormat | None, typer.Option(help="By default what the file's name ends with, else csv.")
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="File to write; standard output without it.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace a file that exists.")] = False,
    url: ServerOrUrl = DEFAULT_SERVER,
) -> None:
    """Export executions, their tool calls, messages or events, oldest first; columns are in docs/export.md.

    The file appears under its name only when all of it is there.
    """
    chosen = format or _format_of(output)
    if chosen is ExportFormat.parquet and output is None and sys.stdout.isatty():
        raise typer.BadParameter("Parquet is not for a terminal: name a file", param_hint="--output")
    parameters = [_pair(one) for one in filters or ()]

    import signal

    from gql_server.cli.export import download

    # Like Ctrl-C: nothing is left behind.
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: signal.raise_signal(signal.SIGINT))
    finish(download.export(url, f"{what}.{chosen}", parameters, output, force=force))


def _format_of(output: Path | None) -> ExportFormat:
    if output is None:
        return ExportFormat.csv
    try:
        return ExportFormat(output.suffix.lower().removeprefix("."))
    except ValueError:
        raise typer.BadParameter(
            f"{output.name} does not end with {', '.join(ExportFormat)}: say which it is",
            param_hint="--format",
        ) from None


def _pair(text: str) -> tuple[str, str]:
    name, is_one, value = text.partition("=")
    if not is_one:
        raise typer.BadParameter(f"{text!r} is no NAME=VALUE", param_hint="FILTER")
    return name, value
