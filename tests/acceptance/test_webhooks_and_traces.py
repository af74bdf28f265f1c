"""Webhooks by the command line, and traces: a real server, which is killed too, and real receivers."""

from __future__ import annotations

import json
import re
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from standardwebhooks.webhooks import WebhookVerificationError

from runner_bridge.webhooks.signing import new_secret, signed_headers
from store.postgres.database import Database
from store.webhooks import webhooks
from tests.acceptance.test_secrets import dump
from tests.helpers.command_line import Finished, cli
from tests.helpers.patience import eventually, until
from tests.helpers.places import REPOSITORY
from tests.helpers.server import Server, running_server
from tests.helpers.webhook_receiver import Receiver, webhook_receiver
from tests.runner_bridge.traces.test_traces import collector, values

BENCHMARK = "001-sol-transfer"
RUN = """
mutation { runBenchmarks(input: {benchmarkIds: ["001-sol-transfer"], agents: ["deterministic"], name: "nightly"}) {
  ... on RunBenchmarksSuccess { batch { id } } ... on Error { message } } }
"""


def settings(tmp_path: Path, database_url: str, **more: str) -> dict[str, str]:
    (tmp_path / "benchmarks").mkdir(exist_ok=True)
    source = (REPOSITORY / "benchmarks" / f"{BENCHMARK}.yml").read_text()
    (tmp_path / "benchmarks" / f"{BENCHMARK}.yml").write_text(source)
    return {"DATABASE_URL": database_url, "REEV_GQL_LOG_LEVEL": "debug", **more}


async def hooks(server: Server, tmp_path: Path, *arguments: str) -> Finished:
    return await cli("webhooks", *arguments, cwd=tmp_path, REEV_GQL_URL=f"{server.url}/graphql")


async def added(server: Server, tmp_path: Path, receiver: Receiver) -> str:
    """The id of a new webhook at the receiver."""
    done = await hooks(server, tmp_path, "add", receiver.url, "--json")
    assert done.code == 0, done.err
    webhook = json.loads(done.out)
    receiver.secret = webhook["secret"]
    return str(webhook["id"])


async def test_a_batch_is_told_and_traced_and_the_secret_is_found_nowhere(
    tmp_path: Path, database_url: str, bin_dir: Path
) -> None:
    said = ""
    with collector() as traces:
        given = settings(
            tmp_path,
            database_url,
            REEV_GQL_OTLP_ENDPOINT=traces.url,
            REEV_GQL_PUBLIC_URL="https://reev.example.org/",
        )
        async with running_server(tmp_path, given) as server, webhook_receiver() as receiver:
            empty = await hooks(server, tmp_path, "list")
            assert "webhooks add URL" in empty.out
            shown = await hooks(server, tmp_path, "add", receiver.url, "--event", "batch.ended")
            assert shown.code == 0 and "batch.ended" in shown.out and "this once" in shown.out
            found = re.search(r"whsec_\S+", shown.out)
            assert found is not None
            receiver.secret = found[0]
            webhook_id = shown.out.split()[0]
            tested = await hooks(server, tmp_path, "test", webhook_id)
            assert tested.code == 0 and "HTTP 204" in tested.out, tested.out + tested.err
            batch_id = (await server.ask(RUN))["runBenchmarks"]["batch"]["id"]
            await receiver.until(lambda: len(receiver.received) == 2)
            message = receiver.received[1].payload
            assert (message["type"], message["data"]["id"]) == ("batch.ended", batch_id)
            assert (message["data"]["name"], message["data"]["solved"]) == ("nightly", 1)
            assert message["data"]["url"] == f"https://reev.example.org/batches/{batch_id}"
            await until(lambda: traces.requests)
            listed = await hooks(server, tmp_path, "list")
            assert re.search(r"batch\.ended +0 +works", listed.out), listed.out
            receiver.status = 500
            failed = await hooks(server, tmp_path, "test", webhook_id)
            assert failed.code == 1 and "SERVER_ERROR" in failed.out
            metrics = await (await server.client.get(f"{server.url}/metrics")).text()
            assert "reev_gql_server_webhook_deliveries_total 1.0" in metrics
            assert "reev_gql_server_traces_sent_total 1.0" in metrics
            enabled = await hooks(server, tmp_path, "enable", webhook_id)
            removed = await hooks(server, tmp_path, "remove", webhook_id)
            assert enabled.code == 0 and removed.code == 0
            gone = await hooks(server, tmp_path, "test", webhook_id)
            assert gone.code != 0 and "webhooks list" in gone.err
            refused = await hooks(server, tmp_path, "add", "http://169.254.169.254/")
            assert refused.code != 0 and "169.254.169.254" in refused.err
            assert await server.stop() == 0
            said = "".join(one.out + one.err for one in (tested, listed, failed, enabled, removed, gone))
        said += server.log.read_text() + dump(bin_dir, database_url)
    assert (
        batch_id in said
        and receiver.secret not in said
        and receiver.secret.removeprefix("whsec_") not in said
    )
    names = [span.name for span in traces.spans]
    assert names[0] == "invoke_agent deterministic"
    about = values(traces.spans[0].attributes)
    assert (about["reev.solved"], about["reev.batch.id"]) == (True, batch_id)
    assert about["reev.execution.url"] == f"https://reev.example.org/executions/{about['reev.execution.id']}"


async def test_a_killed_server_forgets_nobody(tmp_path: Path, database_url: str, db: Database) -> None:
    """What ended while the receiver was away and the server was killed is told by the next server."""
    given = settings(tmp_path, database_url)
    async with webhook_receiver(status=503) as receiver:
        async with running_server(tmp_path, given) as server:
            await added(server, tmp_path, receiver)
            await server.ask(RUN)

            async def both_have_failed() -> bool:
                counted = "SELECT count(*) FROM webhook_deliveries WHERE attempts > 0"
                found: int = await db.fetchval(counted)
                return found == 2

            await eventually(both_have_failed)
            await server.stop(signal.SIGKILL)
        seen = {one.id for one in receiver.received}
        receiver.status = 200
        before = len(receiver.received)
        # So that nobody waits for minutes until the next attempt.
        await db.execute("UPDATE webhook_deliveries SET due_at = clock_timestamp() WHERE due_at IS NOT NULL")
        async with running_server(tmp_path, given) as server:
            await receiver.until(lambda: len(receiver.received) == before + 2)

            async def nothing_waits() -> bool:
                [webhook] = await webhooks.every(db)
                return webhook.pending == 0

            await eventually(nothing_waits)
        told = receiver.received[before:]
        assert {one.id for one in told} == seen
        assert {one.payload["type"] for one in told} == {"execution.ended", "batch.ended"}


async def test_an_endpoint_without_the_packages_is_refused_at_the_start(tmp_path: Path) -> None:
    """A directory that comes first on the path has an OpenTelemetry without the exporter."""
    (tmp_path / "opentelemetry").mkdir()
    (tmp_path / "opentelemetry" / "__init__.py").write_text("")
    given = {"REEV_GQL_OTLP_ENDPOINT": "http://127.0.0.1:4318", "PYTHONPATH": str(tmp_path)}
    done = await cli("serve", "--port", "0", cwd=tmp_path, **given)
    assert done.code != 0 and "reev-gql[otel]" in done.err


def documented() -> list[Callable[[str, dict[str, str], bytes], Any]]:
    """The ways to verify a request that docs/webhooks.md shows."""
    text = (REPOSITORY / "docs" / "webhooks.md").read_text(encoding="utf-8")
    found = []
    for code in re.findall(r"^```python\n(.*?)^```", text, re.DOTALL | re.MULTILINE):
        names: dict[str, Any] = {}
        exec(code, names)  # noqa: S102
        found.append(names["verified"])
    return found


@pytest.mark.parametrize("number", [0, 1])
def test_a_documented_way_to_verify_accepts_what_is_ours_alone(number: int) -> None:

    verified, body, now = documented()[number], b'{"type": "webhook.test"}', int(time.time())
    secret = new_secret()
    right = signed_headers(secret, "msg_1", now, body)
    assert verified(secret, right, body) == {"type": "webhook.test"}
    wrong = [
        (right, body + b" "),
        ({**right, "webhook-id": "msg_2"}, body),
        (signed_headers(new_secret(), "msg_1", now, body), body),
        (signed_headers(secret, "msg_1", now - 3600, body), body),
    ]
    for headers, changed in wrong:
        with pytest.raises((ValueError, WebhookVerificationError)):
            verified(secret, headers, changed)
