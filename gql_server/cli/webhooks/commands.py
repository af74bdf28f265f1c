"""The commands of `reev-gql webhooks` and their options. They work through the API of a running server."""

from enum import StrEnum
from typing import Annotated

import typer

from gql_server.cli.options import DEFAULT_SERVER, Json, Server, finish

webhooks_app = typer.Typer(
    no_args_is_help=True, help="Tell other servers when executions and batches end: add, test, list, remove."
)

Id = Annotated[str, typer.Argument(help="The webhook's id, as `webhooks list` shows it.")]


class Event(StrEnum):
    execution = "execution.ended"
    batch = "batch.ended"


@webhooks_app.command()
def add(
    url: Annotated[str, typer.Argument(help="Where signed requests are sent.")],
    events: Annotated[
        list[Event] | None,
        typer.Option("--event", help="What it is told of; can be given twice. Everything without it."),
    ] = None,
    server: Server = DEFAULT_SERVER,
    json: Json = False,
) -> None:
    """Add a webhook and print its secret, this once."""
    from gql_server.cli.webhooks import client

    finish(client.add(server, url, events or [], as_json=json))


@webhooks_app.command()
def test(webhook: Id, server: Server = DEFAULT_SERVER, json: Json = False) -> None:
    """Send a signed test message; exit with 0 only if the receiver accepts it."""
    from gql_server.cli.webhooks import client

    finish(client.test(server, webhook, as_json=json))


@webhooks_app.command(name="list")
def list_(server: Server = DEFAULT_SERVER, json: Json = False) -> None:
    """List webhooks: what each is told of, what waits, and why it fails."""
    from gql_server.cli.webhooks import client

    finish(client.list_(server, as_json=json))


@webhooks_app.command()
def enable(webhook: Id, server: Server = DEFAULT_SERVER, json: Json = False) -> None:
    """Enable a webhook again that was disabled because it failed."""
    from gql_server.cli.webhooks import client

    finish(client.enable(server, webhook, as_json=json))


@webhooks_app.command()
def remove(webhook: Id, server: Server = DEFAULT_SERVER, json: Json = False) -> None:
    """Delete a webhook, with what it has not been told."""
    from gql_server.cli.webhooks import client

    finish(client.remove(server, webhook, as_json=json))
