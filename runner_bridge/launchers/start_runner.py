"""Starts the runner of an execution: writes its definition file, and builds its arguments and its environment.

The runner gets the revision that was recorded with the execution, written to a directory of its own. A file
that is edited while the execution waits does not change it.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import field
from pathlib import Path

from runner_bridge.agents import configurations
from runner_bridge.errors import LaunchError
from runner_bridge.formats.agents.agent_settings import TIME_LIMIT_VARIABLE, TRIAL_VARIABLE
from runner_bridge.formats.file_names import own_directory, tool_log_name
from runner_bridge.launchers import runner_process
from runner_bridge.launchers.command_template import fill, hands_on_id
from runner_bridge.launchers.runner_config import RunnerConfig
from runner_bridge.launchers.runner_process import RunnerProcess
from runner_bridge.processes import own_python
from store.model import Benchmark, Execution
from store.postgres.database import Database
from store.records import record


def output_path(config: RunnerConfig, execution_id: str) -> Path:
    """Where a runner's output is kept."""
    return config.output_dir.absolute() / f"{execution_id}.log"


@record
class Order:
    """A runner that is to be started. `arguments` have placeholders; `environment` holds secrets."""

    execution_id: str
    agent: str
    trial: int
    timeout_ms: int | None
    benchmark_id: str
    source: str
    source_path: str | None
    arguments: Sequence[str]
    environment: Mapping[str, str] = field(repr=False)


def order(
    execution: Execution, benchmark: Benchmark, arguments: Sequence[str], environment: Mapping[str, str]
) -> Order:
    """The order for the runner of an execution."""
    return Order(
        str(execution.id),
        execution.agent,
        execution.trial,
        execution.timeout_ms,
        benchmark.id,
        benchmark.source,
        benchmark.source_path,
        arguments,
        environment,
    )


async def start_runner(config: RunnerConfig, order: Order) -> RunnerProcess:
    """Starts a runner, with the placeholders of its arguments filled in; raises LaunchError."""
    environment = order.environment
    try:
        config.sessions_dir.mkdir(parents=True, exist_ok=True)
        definition = _write_definition(config, order)
        if not hands_on_id(order.arguments):
            environment = {**environment, **_own_directory(config, order.execution_id)}
        if config.is_local_runner:
            environment = {**environment, **_of_execution(order)}
    except OSError as error:
        # An error while writing, as on a full disk, does not name the file.
        where = error.filename or _definition_path(config, order)
        raise LaunchError(f"The runner's files cannot be written: {error.strerror}: {where}") from error
    values = {
        "path": str(definition),
        "file": order.benchmark_id if order.source_path is None else Path(order.source_path).stem,
        "benchmark": order.benchmark_id,
        "agent": order.agent,
        "id": order.execution_id,
    }
    return await runner_process.start(
        fill(order.arguments, values),
        execution_id=order.execution_id,
        environment=environment,
        working_directory=None if config.working_directory is None else config.working_directory.absolute(),
        output=output_path(config, order.execution_id),
        ends_with_us=config.runners_end_with_us,
    )


def _of_execution(order: Order) -> dict[str, str]:
    """What our own runner is told of it."""
    limit = {} if order.timeout_ms is None else {TIME_LIMIT_VARIABLE: str(order.timeout_ms)}
    return {TRIAL_VARIABLE: str(order.trial), **limit}


def remove_definition(config: RunnerConfig, execution_id: str) -> None:
    """Removes the definition file; the database has it."""
    shutil.rmtree(_definition_dir(config, execution_id), ignore_errors=True)


def runner_environment(config: RunnerConfig, of_agent: Mapping[str, str]) -> dict[str, str]:
    """The allowed part of our environment, what is configured for the agent, and where the files go."""
    sessions = config.sessions_dir.absolute()
    return {
        **config.inherited_environment(),
        **(own_python.ENVIRONMENT if config.is_local_runner else {}),
        **of_agent,
        "REEV_SESSION_LOG_PATH": str(sessions),
        "REEV_ENHANCED_OTEL": "1",
        "REEV_ENHANCED_OTEL_FILE": str(sessions / tool_log_name("{session_id}")),
        # Otherwise what a Python runner prints before it is killed is lost in its buffer.
        "PYTHONUNBUFFERED": "1",
    }


def _own_directory(config: RunnerConfig, execution_id: str) -> dict[str, str]:
    """Makes the runner's own directory. Returns the variables that make the runner write there.

    Its tool log stays where the worker follows it.
    """
    sessions = config.sessions_dir.absolute()
    directory = own_directory(sessions, execution_id)
    directory.mkdir(exist_ok=True)
    return {
        "REEV_SESSION_LOG_PATH": str(directory),
        "REEV_ENHANCED_OTEL_FILE": str(sessions / tool_log_name(execution_id)),
    }


async def agent_environment(
    db: Database, config: RunnerConfig, agent: str
) -> tuple[dict[str, str], int | None]:
    """The environment of an agent's runners as it is set now, and the revision of the agent's configuration.

    Raises LaunchError, and the store's errors.
    """
    given = await configurations.environment(db, config, agent)
    return runner_environment(config, given.variables), given.revision


async def secrets_of(db: Database, config: RunnerConfig, agent: str) -> dict[str, str]:
    """That environment alone: its secrets are removed from what the runners write."""
    return (await agent_environment(db, config, agent))[0]


def _definition_dir(config: RunnerConfig, execution_id: str) -> Path:
    return config.output_dir.absolute() / execution_id


def _definition_path(config: RunnerConfig, order: Order) -> Path:
    return _definition_dir(config, order.execution_id) / f"{order.benchmark_id}.yml"


def _write_definition(config: RunnerConfig, order: Order) -> Path:
    definition = _definition_path(config, order)
    definition.parent.mkdir(parents=True, exist_ok=True)
    definition.write_text(order.source, encoding="utf-8", newline="")
    return definition
