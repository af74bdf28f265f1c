"""The commands and their options.

A command imports what it does when it is called, so that `--help` answers at once: graphql-core, Strawberry and
aiohttp take half a second.
"""

import os
from collections.abc import Callable, Coroutine, Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from gql_server.cli.agent_commands import agents_app
from gql_server.cli.errors import CliError, ExitCode, wrong_use
from gql_server.cli.evaluations.commands import batches_app, compare, leaderboard, run
from gql_server.cli.export.command import export
from gql_server.cli.listings.commands import benchmarks_app, list_
from gql_server.cli.options import DEFAULT_SERVER, Execution, Json, ServerOrUrl, finish
from gql_server.cli.webhooks.commands import webhooks_app

app = typer.Typer(
    name="reev-gql",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    # Plain help needs no rich, whose import takes longer than everything else, and fits every terminal.
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(asked: bool) -> None:
    if asked:
        from runner_bridge.version import VERSION

        typer.echo(f"reev-gql {VERSION}")
        raise typer.Exit


@app.callback()
def reev_gql(
    version: Annotated[
        bool,
        typer.Option("--version", help="Print the version and exit.", is_eager=True, callback=_print_version),
    ] = False,
) -> None:
    """Evaluate LLM agents that act on Solana: GraphQL server, worker and client."""


@app.command()
def init(json: Json = False) -> None:
    """Write the benchmarks that come with the program to the benchmarks directory; nothing is overwritten."""

    from gql_server.cli import init as initialising

    raise typer.Exit(initialising.init(as_json=json))


@app.command()
def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on.")] = None,
    port: Annotated[
        int | None, typer.Option(min=0, max=65535, help="Port to listen on; 0 takes a free one.")
    ] = None,
    worker: Annotated[bool | None, typer.Option(help="Run executions in this process.")] = None,
) -> None:
    """Start the server: API, GraphiQL and, unless switched off, the worker."""
    _in_process("serve", ends_by_signal=True, host=host, port=port, worker=worker)


@app.command()
def worker() -> None:
    """Run executions that servers on the same database have queued."""
    _in_process("work", ends_by_signal=True)


@app.command()
def migrate(
    sql: Annotated[bool, typer.Option("--sql", help="Only print the SQL, to apply it by hand.")] = False,
) -> None:
    """Bring the database to the newest schema."""
    if sql:
        from store.postgres.migrate import offline_sql

        typer.echo(offline_sql(), nl=False)
        return
    _in_process("migrate_only")


@app.command()
def doctor(json: Json = False) -> None:
    """Check everything that is needed, and say what to do; exit with 1 when there is a problem."""
    import signal

    from gql_server.cli import doctor as checking

    # Like Ctrl-C: what the command has opened is closed, the embedded database too.
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: signal.raise_signal(signal.SIGINT))
    finish(checking.doctor(as_json=json))


@app.command()
def prune(
    older_than: Annotated[
        str | None,
        typer.Option(
            help="How long ago it ended, as in 90d, 12w or 36h; REEV_GQL_RETENTION_DAYS when not given."
        ),
    ] = None,
    files: Annotated[
        bool,
        typer.Option(
            "--files", help="Output, session files and tool logs in this machine's directories too."
        ),
    ] = False,
    yes: Annotated[
        bool, typer.Option("--yes", help="Delete it; without it only print what would be deleted.")
    ] = False,
    json: Json = False,
) -> None:
    """Delete the bulk of old ended executions: events, output, steps, tool calls, results. Rows stay."""

    from gql_server.cli import prune as pruning

    def part(settings: Any) -> Any:
        if older_than is None and settings.retention_days is None:
            raise wrong_use("give --older-than, or set REEV_GQL_RETENTION_DAYS")
        age = pruning.parse_age(f"{settings.retention_days}d" if older_than is None else older_than)
        return pruning.prune(settings, pruning.PruneOptions(age, files, yes, json))

    _with_settings(part)


@app.command()
def sync(
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only print what would change; nothing is written.")
    ] = False,
    url: ServerOrUrl = DEFAULT_SERVER,
    json: Json = False,
) -> None:
    """Make the database hold what is in the benchmarks directory."""
    from gql_server.cli import client_commands

    finish(client_commands.sync(url, dry_run=dry_run, as_json=json))


@app.command(name="import")
def import_(
    directory: Annotated[
        Path | None,
        typer.Argument(help="Directory on the server's machine; its sessions directory when left out."),
    ] = None,
    url: ServerOrUrl = DEFAULT_SERVER,
    json: Json = False,
) -> None:
    """Import what other runners left in DIRECTORY: session files, tool logs, cli_sessions.json.

    Exit with 0 when all of it is stored, 1 when something could not be used or is in conflict, 2 when there is
    nothing to import.
    """

    from gql_server.cli import import_files

    # A relative path is relative to here, not to where the server runs; the server takes no `..`.
    absolute = None if directory is None else os.path.abspath(directory)
    finish(import_files.import_files(url, absolute, as_json=json))


@app.command(name="import-reev")
def import_reev(
    databases: Annotated[
        list[Path],
        typer.Argument(metavar="DATABASE...", help="Databases of reev, usually db/reev_results.db."),
    ],
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only print what would be imported; nothing is written.")
    ] = False,
    json: Json = False,
) -> None:
    """Import the history of reev from its SQLite database; works on the database itself, without a server.

    The file is copied first and never written, also while reev runs. A repeated import adds what is new.
    """

    from gql_server.cli import import_reev as importing

    _with_settings(
        lambda settings: importing.import_reev(settings, databases, dry_run=dry_run, as_json=json),
        interrupted=IMPORT_INTERRUPTED,
    )


app.command()(run)


@app.command()
def watch(
    execution: Execution,
    url: ServerOrUrl = DEFAULT_SERVER,
    json: Json = False,
) -> None:
    """Show what happens to EXECUTION until it ends; exit with 0 only if it SUCCEEDED."""
    from gql_server.cli import client_commands

    finish(client_commands.watch(url, execution, as_json=json))


@app.command()
def stop(
    execution: Execution,
    url: ServerOrUrl = DEFAULT_SERVER,
    json: Json = False,
) -> None:
    """Stop EXECUTION, whatever it is doing."""
    from gql_server.cli import client_commands

    finish(client_commands.stop(url, execution, as_json=json))


app.command(name="list")(list_)


@app.command()
def show(
    execution: Execution,
    url: ServerOrUrl = DEFAULT_SERVER,
    json: Json = False,
) -> None:
    """Show everything that is known about EXECUTION."""
    from gql_server.cli import client_commands

    finish(client_commands.show(url, execution, as_json=json))


@app.command()
def schema(
    write: Annotated[bool, typer.Option("--write", help="Write schema.graphql and schema.sql anew.")] = False,
    check: Annotated[bool, typer.Option("--check", help="Fail when the files differ from the code.")] = False,
) -> None:
    """Print the GraphQL contract, or write or check the files that print the contracts."""
    from gql_server.cli import contracts

    raise typer.Exit(contracts.print_or_keep(write=write, check=check))


app.add_typer(batches_app, name="batches")
app.command()(leaderboard)
app.command()(compare)
app.command()(export)
app.add_typer(benchmarks_app, name="benchmarks")
app.add_typer(agents_app, name="agents")
app.add_typer(webhooks_app, name="webhooks")

tokens_app = typer.Typer(no_args_is_help=True, help="Make, list and revoke tokens of the API.")
app.add_typer(tokens_app, name="token")


class Scopes(StrEnum):
    read = "read"
    run = "run"
    admin = "admin"


@tokens_app.command(name="create")
def token_create(
    name: Annotated[str, typer.Argument(help="What it is for; each valid token has a name of its own.")],
    scope: Annotated[
        Scopes,
        typer.Option(
            help="read: see everything; run: also start and stop executions; admin: also change everything."
        ),
    ] = Scopes.read,
    json: Json = False,
) -> None:
    """Make a token and print it, this once; works on the database itself."""
    from gql_server.cli import tokens

    _with_settings(lambda settings: tokens.create(settings, name, scope.value, as_json=json))


@tokens_app.command(name="list")
def token_list(json: Json = False) -> None:
    """List tokens: names, scopes, when they were made, used and revoked."""
    from gql_server.cli import tokens

    _with_settings(lambda settings: tokens.list_(settings, as_json=json))


@tokens_app.command(name="revoke")
def token_revoke(name: Annotated[str, typer.Argument(help="Name of the token.")]) -> None:
    """Revoke a token: within seconds every server refuses it and closes its websockets and event streams."""
    from gql_server.cli import tokens

    _with_settings(lambda settings: tokens.revoke(settings, name))


def _in_process(name: str, *, ends_by_signal: bool = False, **options: object) -> None:
    """Starts a part of the server in this process."""
    from gql_server.process import startup as server

    _with_settings(getattr(server, name), options, ends_by_signal=ends_by_signal)


INTERRUPTED = "interrupted: the command did not come to its end"
IMPORT_INTERRUPTED = "interrupted: what was imported is stored, and the same command goes on from there"


def _with_settings(
    part: Callable[[Any], Coroutine[Any, Any, None]],
    options: Mapping[str, object] | None = None,
    *,
    ends_by_signal: bool = False,
    interrupted: str = INTERRUPTED,
) -> None:
    """Carries out a part; with `ends_by_signal` a signal is how it ends, not an interruption."""
    from gql_server.process import startup as server
    from gql_server.settings.loading import SettingsError, load_settings
    from gql_server.settings.startup_error import StartupError

    try:
        settings = load_settings(options)
        if server.run(part, settings) and not ends_by_signal:
            raise CliError(interrupted, ExitCode.INTERRUPTED)
    except SettingsError as error:
        raise wrong_use(str(error)) from error
    except StartupError as error:
        raise CliError(str(error)) from error
