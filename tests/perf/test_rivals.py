"""The rivals of `make perf` do the same work as our server: no figure is worth anything otherwise."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import Any

import pytest

from gql_server.process.application import create_app
from gql_server.process.services import Services
from gql_server.settings.settings import Settings
from perf.load import seed
from perf.load.contenders import BY_HAND, BY_HAND_JSON, OURS, STOCK, Running, contenders, environment
from perf.load.workloads import workloads
from perf.parts.reading import check_same_data, prepare
from perf.rivals import by_hand, stock
from perf.rivals.ours import LARGEST_LIST
from perf.rivals.serving import listening
from schema.contract import pagination
from store.live.hub import Hub
from store.postgres.database import Database
from tests.helpers.server import free_port

EXECUTIONS = 700


async def test_rivals_answer_the_same_data_and_one_that_does_not_is_found_out(
    db: Database, hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in environment(tmp_path).items():
        if name.startswith("REEV_GQL_"):
            monkeypatch.setenv(name, value)
    monkeypatch.setattr(pagination, "LARGEST_PAGE", LARGEST_LIST)
    ids = await prepare(db.url, EXECUTIONS)
    settings = Settings()
    async with contextlib.AsyncExitStack() as stack:

        async def serve(name: str, make_app: Any) -> Running:
            port = free_port()
            await stack.enter_async_context(listening(make_app(port), port))
            return Running(contenders()[name], port, os.getpid())

        pool = await stack.enter_async_context(await by_hand.open_pool("rows", db.url))
        servers = [
            await serve(OURS, lambda port: create_app(settings, Services(db, hub), port)),
            await serve(BY_HAND, lambda _: by_hand.create_app("rows", pool)),
            await serve(BY_HAND_JSON, lambda _: by_hand.create_app("json", pool)),
            await serve(STOCK, lambda _: stock.create_app(db, hub, settings)),
        ]
        asked = workloads(ids[:2])
        for workload in asked.values():
            await check_same_data(servers, workload)

        monkeypatch.setattr(by_hand, "AGENTS", [*seed.AGENTS[1:]])
        with pytest.raises(RuntimeError, match="does not answer the same data"):
            await check_same_data(servers, asked["grid"])
