"""What a process that only works opens, and what it leaves alone."""

from __future__ import annotations

from gql_server.process.services import open_services
from gql_server.settings.settings import Settings


async def test_only_a_server_reads_the_log_of_events(database_url: str) -> None:
    """Nor does a worker that sends traces: a hundred of them would each read every event."""
    settings = Settings(otlp_endpoint="http://127.0.0.1:1")
    for serves in (False, True):
        async with open_services(settings, database_url, serves=serves) as services:
            assert services.hub.is_open is serves
