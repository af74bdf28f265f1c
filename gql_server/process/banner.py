"""The block that the server prints when it is ready: the addresses, that of the page first, and what it uses."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from ipaddress import ip_address

from gql_server.settings.settings import Settings
from runner_bridge.formats.agents.agent_settings import WITHOUT_MODEL
from runner_bridge.version import VERSION
from store.postgres.driver_errors import describe_url

SHOWN_AGENTS = 8


def show_banner(
    settings: Settings, port: int, benchmarks: str, agents: Sequence[str], seconds: float
) -> None:
    """Prints the block on standard output."""
    base = f"http://{_name_for(settings.host)}:{port}"
    rows = [("page", f"{base}/"), ("API", f"{base}/graphql")]
    if settings.graphiql:
        rows.append(("GraphiQL", f"{base}/graphiql"))
    rows.append(("health", f"{base}/healthz   ready: {base}/readyz"))
    rows.append(("database", _database(settings)))
    rows.append(("benchmarks", benchmarks))
    rows.append(("agents", _agents(agents)))
    worker = (
        f"{settings.max_concurrent_executions} executions at once"
        if settings.worker
        else "none in this process"
    )
    rows.append(("worker", worker))
    if not settings.is_loopback:
        rows.append(("exposed", f"{settings.host}, token required, as {', '.join(settings.allowed_hosts)}"))
    title = f"reev-gql {VERSION} · ready in {seconds:.2f} s · Ctrl-C ends it"
    # Without a terminal nothing is cut or wrapped: scripts read the addresses.
    if sys.stdout.isatty():
        _draw(rows, title)
    else:
        print(*(f"{name}: {value}" for name, value in rows), title, sep="\n", flush=True)


def _draw(rows: Sequence[tuple[str, str]], title: str) -> None:
    # Only a terminal needs rich, whose import takes as long as that of the driver.
    from rich.console import Console
    from rich.panel import Panel
    from rich.table import Table
    from rich.text import Text

    table = Table.grid(padding=(0, 2))
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in rows:
        table.add_row(Text(name, style="dim"), Text(value))
    Console(highlight=False).print(Panel(table, subtitle=title, subtitle_align="left", expand=False))


def _agents(names: Sequence[str]) -> str:
    if any(name != WITHOUT_MODEL for name in names):
        shown = ", ".join(names[:SHOWN_AGENTS])
        return f"{shown} and {len(names) - SHOWN_AGENTS} more" if len(names) > SHOWN_AGENTS else shown
    return (
        f"only {WITHOUT_MODEL}, the reference answer; add a model: "
        "reev-gql agents add NAME --url URL --model MODEL"
    )


def _name_for(host: str) -> str:
    """The name by which this machine reaches the server."""
    if host != "localhost" and ip_address(host).is_unspecified:
        return "127.0.0.1"
    return f"[{host}]" if ":" in host else host


def _database(settings: Settings) -> str:
    if settings.database_url is None:
        return f"embedded, in {settings.data_dir}"
    return describe_url(settings.database_url.get_secret_value())
