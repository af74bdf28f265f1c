"""The commands of `reev-gql agents` and their options: one for each setting of a model, by its name in the API.

They work through the API of a running server. An API key comes from the environment, standard input or a prompt,
never from the command line, which every user of the machine can read.
"""

import os
import sys
from typing import Annotated, Any

import typer
from typer.core import TyperCommand

from gql_server.cli.errors import wrong_use
from gql_server.cli.options import DEFAULT_SERVER, INT_LIMIT, Json, Server, finish

KEY_VARIABLE = "REEV_GQL_AGENT_KEY"
KEY_ON_COMMAND_LINE = (
    "an API key is not taken from the command line, where every user of this machine can read it: set "
    f"{KEY_VARIABLE}, or give --key-stdin and pipe it, or --key without a value and be asked"
)
NOT_SETTINGS = {"name", "url", "model", "key", "key_stdin", "no_key", "defaults", "server", "json"}
"""Parameters of `add` that are no setting of the model."""

agents_app = typer.Typer(no_args_is_help=True, help="Add, test, list and remove agents with a model.")

Name = Annotated[str, typer.Argument(help="The agent's name, as `run --agent` takes it.")]


class AddCommand(TyperCommand):
    """Refuses a key on the command line without repeating it."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if any(arg.startswith(("--key=", "--api-key", "--apikey", "--token")) for arg in args):
            raise wrong_use(KEY_ON_COMMAND_LINE)
        # Parsing takes them out of the list.
        asks = "--key" in args
        rest = super().parse_args(ctx, args)
        if ctx.args:
            raise wrong_use(KEY_ON_COMMAND_LINE if asks else "give one name, and options after it")
        return rest


@agents_app.command(cls=AddCommand, context_settings={"allow_extra_args": True})
def add(
    context: typer.Context,
    name: Name,
    url: Annotated[
        str | None, typer.Option(help="Address of the model's API, such as http://host/v1.")
    ] = None,
    model: Annotated[str | None, typer.Option(help="The model to ask for.")] = None,
    protocol: Annotated[str | None, typer.Option(help="openai or anthropic.")] = None,
    temperature: Annotated[float | None, typer.Option(help="Sampling temperature.")] = None,
    top_p: Annotated[float | None, typer.Option(help="Nucleus sampling, 0 to 1.")] = None,
    seed: Annotated[
        int | None, typer.Option(min=-INT_LIMIT, max=INT_LIMIT, help="Seed of the sampling.")
    ] = None,
    max_tokens: Annotated[
        int | None, typer.Option(min=0, max=INT_LIMIT, help="Tokens of one answer at most.")
    ] = None,
    max_turns: Annotated[
        int | None, typer.Option(min=0, max=INT_LIMIT, help="Answers in one step at most.")
    ] = None,
    max_tool_calls: Annotated[
        int | None, typer.Option(min=0, max=INT_LIMIT, help="Tool calls in one step at most.")
    ] = None,
    request_timeout_ms: Annotated[
        int | None, typer.Option(min=0, max=INT_LIMIT, help="Time that one request may take.")
    ] = None,
    time_limit_ms: Annotated[
        int | None, typer.Option(min=0, max=INT_LIMIT, help="Time that one step may take.")
    ] = None,
    retries: Annotated[
        int | None, typer.Option(min=0, max=INT_LIMIT, help="How often a failed request is repeated.")
    ] = None,
    tool_set: Annotated[
        str | None, typer.Option(help="How tools take amounts: base-units or decimal.")
    ] = None,
    enum_names: Annotated[
        bool | None, typer.Option(help="Tools take only the names of the benchmark's accounts.")
    ] = None,
    simulate: Annotated[bool | None, typer.Option(help="Offer the tool simulate_transaction.")] = None,
    conversation: Annotated[str | None, typer.Option(help="In a flow: per-step or continued.")] = None,
    on_limit: Annotated[str | None, typer.Option(help="At a limit of a step: execute or fail.")] = None,
    price_in: Annotated[float | None, typer.Option(help="Price of a million input tokens.")] = None,
    price_out: Annotated[float | None, typer.Option(help="Price of a million output tokens.")] = None,
    parameters: Annotated[
        str | None, typer.Option(help="More members of each request: a JSON object, sent as it is.")
    ] = None,
    drop_message_fields: Annotated[
        list[str] | None,
        typer.Option("--drop-message-field", help="A member of the model's messages that is not sent back."),
    ] = None,
    drop_schema_keywords: Annotated[
        list[str] | None,
        typer.Option("--drop-schema-keyword", help="A keyword that is left out of the tools' schemas."),
    ] = None,
    key: Annotated[bool, typer.Option("--key", help="Ask for the API key on the terminal.")] = False,
    key_stdin: Annotated[
        bool, typer.Option("--key-stdin", help="Read the API key from standard input.")
    ] = False,
    no_key: Annotated[bool, typer.Option("--no-key", help="Remove the stored API key.")] = False,
    defaults: Annotated[
        bool, typer.Option("--defaults", help="Give every setting that is not named its default.")
    ] = False,
    server: Server = DEFAULT_SERVER,
    json: Json = False,
) -> None:
    """Save how agent NAME reaches its model; what is left out stays as it is.

    The API key comes from REEV_GQL_AGENT_KEY, --key-stdin or --key; it is stored encrypted and never shown.
    """
    from gql_server.cli import agents

    settings = {each: value for each, value in context.params.items() if each not in NOT_SETTINGS}
    request = agents.change(name, url, model, settings, reset=defaults)
    if no_key:
        request["apiKey"] = ""
    elif api_key := _key(ask=key, from_stdin=key_stdin):
        request["apiKey"] = api_key
    finish(agents.add(server, request, as_json=json))


@agents_app.command()
def test(name: Name, server: Server = DEFAULT_SERVER, json: Json = False) -> None:
    """Send one short request to the model of agent NAME; exit with 0 only if it answers as an agent needs it."""
    from gql_server.cli import agents

    finish(agents.test(server, name, as_json=json))


@agents_app.command(name="list")
def list_(
    text: Annotated[str | None, typer.Option(help="With this text in name, model or address.")] = None,
    with_model: Annotated[
        bool | None, typer.Option("--with-model/--without-model", help="Asks a model, or does not.")
    ] = None,
    with_key: Annotated[
        bool | None, typer.Option("--with-key/--without-key", help="Has an API key stored here, or has not.")
    ] = None,
    server: Server = DEFAULT_SERVER,
    json: Json = False,
) -> None:
    """List the agents that benchmarks can be executed with."""
    from gql_server.cli import agents

    chosen = agents.Chosen(text, with_model, with_key)
    finish(agents.list_(server, chosen, as_json=json))


@agents_app.command()
def show(name: Name, server: Server = DEFAULT_SERVER, json: Json = False) -> None:
    """Show how agent NAME reaches and asks its model."""
    from gql_server.cli import agents

    finish(agents.show(server, name, as_json=json))


@agents_app.command()
def remove(name: Name, server: Server = DEFAULT_SERVER, json: Json = False) -> None:
    """Delete the configuration of agent NAME with its API key; its executions stay."""
    from gql_server.cli import agents

    finish(agents.remove(server, name, as_json=json))


def _key(*, ask: bool, from_stdin: bool) -> str | None:
    if ask and from_stdin:
        raise wrong_use("give --key or --key-stdin, not both")
    if from_stdin:
        if not (read := sys.stdin.read(10_000).strip()):
            raise wrong_use("standard input holds no API key")
        return read
    if ask:
        if not sys.stdin.isatty():
            raise wrong_use(
                f"--key asks on a terminal, and there is none: set {KEY_VARIABLE} or use --key-stdin"
            )
        entered: str = typer.prompt("API key", hide_input=True, err=True)
        return entered.strip()
    return os.environ.get(KEY_VARIABLE) or None
