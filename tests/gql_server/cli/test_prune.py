"""`reev-gql prune`: says what would go, deletes it only when told to, and needs no server."""

from __future__ import annotations

import asyncio
import json
import re
from pathlib import Path

import pytest

from gql_server.cli.errors import CliError
from gql_server.cli.prune import parse_age
from store.executions import retention
from store.postgres.database import Database
from tests.helpers.command_line import cli
from tests.runner_bridge.worker.test_retention import MONTH
from tests.store.executions.test_retention import age, left, lived


async def test_it_says_what_would_go_and_deletes_it_only_with_yes(
    db: Database, database_url: str, tmp_path: Path
) -> None:
    old, young = await lived(db), await lived(db)
    await age(db, old)
    delivered = """
    WITH hook AS (
        INSERT INTO webhooks (url, events, encrypted_secret) VALUES ('http://x/', '{BATCH_ENDED}', '') RETURNING id
    )
    INSERT INTO webhook_deliveries (webhook_id, event, subject_id, occurred_at, due_at, ended_at)
    SELECT id, 'BATCH_ENDED', id, now(), NULL, now() - days * interval '1 day'
    FROM hook, unnest('{1,40}'::int[]) AS days
    """
    await db.execute(delivered)
    asked = ("prune", "--older-than", "30d")
    settings = {"DATABASE_URL": database_url}
    dry = await cli(*asked, cwd=tmp_path, **settings)
    assert dry.code == 0, dry.err
    assert dry.out.startswith("Would delete the bulk of 1 executions that ended before ")
    for told in (
        r"3\s+events",
        r"2\s+steps",
        r"4\s+tool calls",
        r"1\s+results",
        r"7 bytes\s+output",
        r"1\s+deliveries of webhooks",
        "add --yes",
    ):
        assert re.search(told, dry.out), told
    assert (await left(db, old))["execution_steps"] == 2
    done = await cli(*asked, "--yes", "--files", "--json", cwd=tmp_path, **settings)
    assert done.code == 0, done.err
    told = json.loads(done.out)
    assert (told["deleted"], told["executions"], told["toolCalls"], told["files"]) == (True, 1, 4, 0)
    assert told["webhookDeliveries"] == 1
    assert await db.fetchval("SELECT count(*) FROM webhook_deliveries") == 1
    assert set(await retention.pruned_of(db, [old, young])) == {old}
    again = await cli(*asked, "--yes", cwd=tmp_path, **settings, REEV_GQL_RETENTION_DAYS="1")
    assert again.out.startswith("Nothing to delete")


async def test_without_an_age_it_refuses_and_takes_that_of_the_setting(
    db: Database, database_url: str, tmp_path: Path
) -> None:
    await age(db, await lived(db))
    before, set_to = await asyncio.gather(
        cli("prune", cwd=tmp_path, DATABASE_URL=database_url),
        cli("prune", "--json", cwd=tmp_path, DATABASE_URL=database_url, REEV_GQL_RETENTION_DAYS="30"),
    )
    assert before.code == 2
    assert "give --older-than, or set REEV_GQL_RETENTION_DAYS" in before.err
    assert json.loads(set_to.out)["executions"] == 1


@pytest.mark.parametrize(
    "text", ["", "90", "d", "-1d", "1.5d", "0d", "90 months", "59m", "9999999999d", "40000d"]
)
def test_an_age_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(CliError, match="--older-than"):
        parse_age(text)


@pytest.mark.parametrize("text", ["30d", " 30 D ", "720h"])
def test_an_age_is_a_number_and_a_unit(text: str) -> None:
    assert parse_age(text) == MONTH
