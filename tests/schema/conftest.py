"""Executes GraphQL documents against the schema itself, with a real database behind it and no HTTP."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import strawberry
from graphql import ExecutionResult

from runner_bridge.benchmarks.definitions import Definitions
from runner_bridge.launchers.runner_config import RunnerConfig
from schema import build_schema
from schema.contract.context import Context
from store.live.hub import Hub
from store.postgres.database import Database

Ask = Callable[..., Awaitable[dict[str, Any]]]


@pytest.fixture(scope="session")
def schema() -> strawberry.Schema:
    return build_schema()


@pytest.fixture
def runner(tmp_path: Path) -> RunnerConfig:
    (tmp_path / "benchmarks").mkdir()
    return RunnerConfig(
        benchmarks_dir=tmp_path / "benchmarks",
        command="runner {path} --agent={agent} --execution-id={id}",
        agents=("deterministic", "glm-4.6"),
    )


@pytest.fixture
def context(db: Database, hub: Hub, runner: RunnerConfig) -> Context:
    return Context.build(db, hub, runner, Definitions())


@pytest.fixture
def ask(schema: strawberry.Schema, context: Context) -> Ask:
    """Data of a document that must have no errors."""

    async def run(document: str, **variables: object) -> dict[str, Any]:
        result = await schema.execute(document, variable_values=variables, context_value=context)
        assert result.errors is None, result.errors
        assert result.data is not None
        return result.data

    return run


@pytest.fixture
def refuse(schema: strawberry.Schema, context: Context) -> Callable[..., Awaitable[tuple[str, str]]]:
    """Code and message of the one error a document must have."""

    async def run(document: str, **variables: object) -> tuple[str, str]:
        result = await schema.execute(document, variable_values=variables, context_value=context)
        assert result.errors is not None, result.data
        [error] = result.errors
        assert error.extensions is not None
        return error.extensions["code"], error.message

    return run


@pytest.fixture
def watch(schema: strawberry.Schema, context: Context) -> Callable[..., Any]:
    """Opens a subscription: `async with watch(document, ...) as items: async for data in items`."""

    @asynccontextmanager
    async def opened(document: str, **variables: object) -> AsyncGenerator[AsyncGenerator[Any, None], None]:
        stream: Any = await schema.subscribe(document, variable_values=variables, context_value=context)

        async def items() -> AsyncGenerator[Any, None]:
            if isinstance(stream, ExecutionResult) or not hasattr(stream, "__aiter__"):
                yield stream
                return
            async for result in stream:
                yield result.data if result.errors is None else result

        try:
            generator = items()
            yield generator
        finally:
            await generator.aclose()
            if hasattr(stream, "aclose"):
                await stream.aclose()

    return opened
