"""`benchmarks archive` and `restore`: each benchmark by itself. Every coroutine returns the exit code."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rich.text import Text

from gql_server.cli import graphql_client
from gql_server.cli.client_commands import success
from gql_server.cli.errors import CliError
from gql_server.cli.views.json_lines import emit
from gql_server.cli.views.live_view import new_console
from gql_server.cli.views.texts import printable
from gql_server.documents import cli_documents

Data = dict[str, Any]


WORDS = {
    ("archiveBenchmark", "ARCHIVED"): "is archived",
    ("archiveBenchmark", "UNCHANGED"): "was archived before",
    ("restoreBenchmark", "UPDATED"): "is restored",
    ("restoreBenchmark", "UNCHANGED"): "was not archived",
}


async def archive(url: str, ids: Sequence[str], *, as_json: bool) -> int:
    return await _each(url, cli_documents.ARCHIVE_BENCHMARK, "archiveBenchmark", ids, {}, as_json=as_json)


async def restore(url: str, ids: Sequence[str], *, write_file: bool, as_json: bool) -> int:
    options = {"writeFile": write_file}
    return await _each(
        url, cli_documents.RESTORE_BENCHMARK, "restoreBenchmark", ids, options, as_json=as_json
    )


async def _each(
    url: str, document: str, field: str, ids: Sequence[str], options: Data, *, as_json: bool
) -> int:
    """A refusal of one does not keep the others from it; the exit code is that of the first refusal."""
    code = 0
    for benchmark_id in dict.fromkeys(ids):
        answer = await graphql_client.ask(url, document, {"input": {"benchmarkId": benchmark_id, **options}})
        try:
            result = success(answer, field)
        except CliError as error:
            new_console(stderr=True).print(Text(f"reev-gql: {printable(str(error))}"), soft_wrap=True)
            code = code or int(error.code)
            continue
        file = result.get("writtenFile")
        if as_json:
            emit({"outcome": result["outcome"], "writtenFile": file, **result["benchmark"]})
        else:
            written = f"; its file {file} is written" if file else ""
            line = f"{result['benchmark']['id']} {WORDS[field, result['outcome']]}{written}"
            new_console().print(Text(printable(line)), soft_wrap=True)
    return code
