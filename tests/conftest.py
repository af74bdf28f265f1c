"""What every test may use: a PostgreSQL server for the whole run, a database of its own per test.

The controller process starts the embedded server once (or takes TEST_DATABASE_URL) and migrates one template;
a test's database is a clone of it, which costs some milliseconds. Tests run in parallel and in any order.
"""

from __future__ import annotations

import asyncio
import inspect
import os
import shutil
import signal
import sys
import tempfile
import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import pytest
import pytest_asyncio
from hypothesis import HealthCheck, settings

from store.embedded import EmbeddedServer
from store.live.hub import Hub
from store.postgres.database import Database
from store.postgres.migrate import migrate
from tests.helpers import prepared
from tests.helpers.fast_tests import is_slow, slow_modules
from tests.helpers.patience import DATABASE_LIMITS, DEADLINE_S, PATIENT
from tests.helpers.places import REAL_DATA

TEMPLATE = f"reev_gql_template_{os.getpid()}"

NO_BROWSER = "there is no Chromium (`python -m tests.helpers.find_browser` looks for one)"
"""Why a test of a page is left out."""

NO_PGBOUNCER = "PgBouncer is not installed (Debian: apt-get install pgbouncer)"
"""Why a test with a pooler is left out."""

NO_KUBECTL = "kubectl is not installed, so no kustomization is built"
"""Why a test of the manifests is left out."""

NO_MOUNT = "no file system can be mounted here, so no disk can be filled or made read-only"
"""Why a test with a file system of its own is left out."""

ENOUGH_BYTES = 4 * 1024**3
"""More than the databases of a whole run take at one time."""

_server: EmbeddedServer | None = None
_data = ""

# Whoever starts the suite in the background or with nohup has these ignored, and so would every process of a test.
for _signal, _handler in ((signal.SIGINT, signal.default_int_handler), (signal.SIGHUP, signal.SIG_DFL)):
    if signal.getsignal(_signal) is signal.SIG_IGN:
        signal.signal(_signal, _handler)

# An example takes as long as a busy machine needs for it: that tells nothing of the code.
settings.register_profile("ours", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("fast", settings.get_profile("ours"), max_examples=20)
settings.load_profile("ours")


def url_of(server_url: str, database: str) -> str:
    """`server_url` with another database name."""
    parts = urlsplit(server_url)
    return urlunsplit(parts._replace(path=f"/{database}"))


async def _execute(url: str, *statements: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        for statement in statements:
            await connection.execute(statement)
    finally:
        await connection.close()


async def _make_template(server_url: str) -> None:
    await _execute(server_url, f'DROP DATABASE IF EXISTS "{TEMPLATE}"', f'CREATE DATABASE "{TEMPLATE}"')
    await migrate(url_of(server_url, TEMPLATE))


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--fast", action="store_true", help="leave out what tests/helpers/fast_tests.py calls slow"
    )
    parser.addoption("--real-model", action="store_true", help="with the tests of `make llm-test`")


def pytest_xdist_auto_num_workers() -> int | None:
    """One more than there are cores: tests also wait, for processes, databases and browsers."""
    if "PYTEST_XDIST_AUTO_NUM_WORKERS" in os.environ:
        return None
    return 1 + (len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    left_out = {item for item in items if config.option.fast and is_slow(item)}
    if not config.option.real_model:
        left_out |= {item for item in items if item.get_closest_marker("real_model")}
    config.hook.pytest_deselected(items=list(left_out))
    items[:] = [item for item in items if item not in left_out]


def _fast_directory() -> Path | None:
    """Where a database is cloned five times as fast as on a disk; None for the usual temporary directory.

    Either has a short path, without which there is no Unix socket.
    """
    memory = Path("/dev/shm")  # noqa: S108
    has_room = (
        memory.is_dir() and os.access(memory, os.W_OK) and shutil.disk_usage(memory).free >= ENOUGH_BYTES
    )
    return memory if has_room else None


def pytest_configure(config: pytest.Config) -> None:
    """Starts the server in the controller only; xdist's workers inherit its environment."""
    global _server, _data
    prepared.can_fork = hasattr(os, "pidfd_open")
    if config.option.fast:
        settings.load_profile("fast")
    if hasattr(config, "workerinput") or config.option.collectonly:
        return
    url = os.environ.get("TEST_DATABASE_URL")
    if url is None:
        _data = tempfile.mkdtemp(prefix="reev-gql-", dir=_fast_directory())
        _server = EmbeddedServer(Path(_data))
        url = _server.url
        os.environ["REEV_GQL_TEST_BIN_DIR"] = str(_server.bin_dir)
        speed = [f"ALTER SYSTEM SET {setting}" for setting in ("fsync = off", "full_page_writes = off")]
        asyncio.run(_execute(url, *speed, "SELECT pg_reload_conf()"))
    asyncio.run(_make_template(url))
    os.environ["REEV_GQL_TEST_SERVER"] = url
    os.environ["REEV_GQL_TEST_TEMPLATE"] = TEMPLATE
    installation = tempfile.mkdtemp(prefix="reev gql ")
    # For every user of the machine, as an installation is.
    os.chmod(installation, 0o755)  # noqa: S103
    os.environ["REEV_GQL_TEST_INSTALLATION"] = installation


def pytest_unconfigure(config: pytest.Config) -> None:
    if hasattr(config, "workerinput") or "REEV_GQL_TEST_SERVER" not in os.environ:
        return
    url = os.environ.pop("REEV_GQL_TEST_SERVER")
    shutil.rmtree(os.environ.pop("REEV_GQL_TEST_INSTALLATION"))
    if _server is None:
        asyncio.run(_execute(url, f'DROP DATABASE IF EXISTS "{TEMPLATE}" WITH (FORCE)'))
    else:
        _server.stop()
        shutil.rmtree(_data, ignore_errors=True)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if terminalreporter.config.option.fast:
        for line in slow_modules(terminalreporter.stats):
            terminalreporter.write_line(
                f"SLOW for --fast: {line} (see tests/helpers/fast_tests.py)", yellow=True
            )
    skipped = terminalreporter.stats.get("skipped", [])
    for reason in (NO_BROWSER, NO_PGBOUNCER, NO_KUBECTL, NO_MOUNT):
        if left_out := sum(reason in str(report.longrepr) for report in skipped):
            terminalreporter.write_line(f"NOT TESTED: {left_out} tests, because {reason}", red=True)


@contextmanager
def cloned_database(template: str | None) -> Iterator[str]:
    """A database of one's own: a clone of the template, or empty; dropped at the end with whoever uses it."""
    server = os.environ["REEV_GQL_TEST_SERVER"]
    name = f"reev_gql_test_{uuid.uuid4().hex}"
    source = f' TEMPLATE "{template}" STRATEGY file_copy' if template else ""

    def run(statement: str) -> None:
        # A thread of its own: a fixture may be set up while a loop runs.
        import threading

        failures: list[BaseException] = []

        def target() -> None:
            try:
                asyncio.run(_execute(server, statement))
            except BaseException as error:
                failures.append(error)

        thread = threading.Thread(target=target)
        thread.start()
        thread.join()
        if failures:
            raise failures[0]

    run(f'CREATE DATABASE "{name}"{source}')
    try:
        yield url_of(server, name)
    finally:
        run(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser_of_all() -> AsyncIterator[None]:
    """Playwright's driver and its connection to Chromium, for all tests of pages in this process."""
    from tests.helpers.browser import kept_browser

    async with kept_browser():
        yield


@pytest.fixture
def _function_scoped_runner(
    request: pytest.FixtureRequest, _function_scoped_runner: asyncio.Runner
) -> asyncio.Runner:
    """Overrides what pytest-asyncio runs a test in: the tests of pages share the loop of `browser_of_all`."""
    if not request.node.get_closest_marker("browser"):
        return _function_scoped_runner
    request.getfixturevalue("browser_of_all")
    runner: asyncio.Runner = request.getfixturevalue("_session_scoped_runner")
    return runner


LEAK_SLACK_FDS = 2
"""A library opened for the first time may keep a descriptor or two."""


@pytest.fixture(autouse=True)
def nothing_left_behind(request: pytest.FixtureRequest) -> None:
    """An async test fails when it leaves tasks or descriptors, or when its loop saw an error nobody took."""
    if inspect.iscoroutinefunction(getattr(request.node, "obj", None)):
        request.getfixturevalue("_nothing_left_in_loop")


@pytest.fixture
async def _nothing_left_in_loop() -> AsyncIterator[None]:
    unhandled: list[dict[str, object]] = []
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, context: unhandled.append(context))
    before, mine = _open_descriptors(), asyncio.all_tasks()
    yield
    # What a test closed at its very end may take a while to be gone.
    deadline = loop.time() + DEADLINE_S
    while left := _left_behind(before, mine):
        if loop.time() > deadline:
            pytest.fail(f"left behind: {left}")
        await asyncio.sleep(0.01)
    assert not unhandled, unhandled


def _left_behind(descriptors: int | None, tasks: set[asyncio.Task[object]]) -> list[str]:
    left = [repr(task) for task in asyncio.all_tasks() - tasks - {asyncio.current_task()}]
    now = _open_descriptors()
    if descriptors is not None and now is not None and now > descriptors + LEAK_SLACK_FDS:
        left.append(f"{now - descriptors} open files")
    return left


def _open_descriptors() -> int | None:
    try:
        return len(os.listdir("/proc/self/fd"))
    except FileNotFoundError:
        return None


@pytest.fixture(autouse=True)
def patient_pool(monkeypatch: pytest.MonkeyPatch) -> None:
    """A busy machine is no database that is away."""
    for limit in DATABASE_LIMITS:
        monkeypatch.setattr(limit, DEADLINE_S)


@pytest.fixture
def patient_servers(monkeypatch: pytest.MonkeyPatch) -> None:
    """What this test forks is as patient with its database as the test itself."""
    monkeypatch.setenv(PATIENT, "1")


@pytest.fixture
def database_url() -> Iterator[str]:
    """The URL of a migrated, empty database of this test's own."""
    with cloned_database(os.environ["REEV_GQL_TEST_TEMPLATE"]) as url:
        yield url


@pytest.fixture
def empty_database_url() -> Iterator[str]:
    """The URL of a database without any schema."""
    with cloned_database(None) as url:
        yield url


@pytest.fixture
async def db(database_url: str) -> AsyncIterator[Database]:
    """A connected, migrated database."""
    opened = await Database.open(database_url, max_size=10)
    try:
        yield opened
    finally:
        await opened.close()


@pytest.fixture
async def hub(db: Database) -> AsyncIterator[Hub]:
    """A live hub over `db`."""
    live = await Hub.start(db)
    try:
        yield live
    finally:
        await live.close()


@pytest.fixture
def bin_dir() -> Path:
    """Where the embedded server's pg_dump is; only it fits every server that the tests may use."""
    if "REEV_GQL_TEST_BIN_DIR" not in os.environ:
        pytest.skip("the tests run on a server of yours, whose pg_dump is not known")
    return Path(os.environ["REEV_GQL_TEST_BIN_DIR"])


@pytest.fixture
def real_data() -> Path:
    """The real reev files beside the project; the test is left out where they are not."""
    if not REAL_DATA.is_dir():
        pytest.skip("the real reev files are not beside this checkout")
    return REAL_DATA


@pytest.fixture
def started_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    """`reev-gql` is no fork of a process that has imported everything, but a new Python."""
    monkeypatch.setattr("tests.helpers.prepared.can_fork", False)
