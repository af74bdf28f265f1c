"""Opens connections to the host of the database's URL that takes writes, within bounded time.

A connection starts with its name as the only setting, because poolers refuse others. The session's settings are
set right afterwards, and again after a reset.
"""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from contextlib import suppress

import asyncpg
import orjson

from store.errors import DatabaseUnavailable, DatabaseUnsuitable
from store.postgres import database_url
from store.postgres.database_url import DatabaseUrl, Host
from store.postgres.driver_errors import describe_url, reason_of, translated, unavailable
from store.postgres.pool import Connection as Connection
from store.postgres.text import encode_json

CONNECT_TIMEOUT_S = 5.0
"""What does not answer a connection attempt by then, all hosts of a URL together, is called unavailable."""

STATEMENT_TIMEOUT_S = 30.0
"""No statement of ours takes long; one that does is stuck."""

RESET_TIMEOUT_S = 5.0
"""A connection that cannot be reset by then is closed."""

IDLE_IN_TRANSACTION_S = 10.0
"""PostgreSQL ends a transaction that is idle for this long: it may hold the lock of all claims."""

CLIENT_CHECK_S = 2.0
"""How often PostgreSQL looks whether the client of a running statement is still there."""

KEPT_STATEMENTS = 256
"""Prepared statements of a connection, for its life: PostgreSQL itself plans them again when need be."""

MAX_KEPT_STATEMENT_CHARS = 64 * 1024
"""Statements that write an answer as JSON are long."""

PROGRAM = "reev-gql"

UNKNOWN_HOST: Host = ("", None)

REFUSED_SETTING = (
    asyncpg.UndefinedObjectError,
    asyncpg.DataError,
    asyncpg.CantChangeRuntimeParamError,
    asyncpg.InsufficientPrivilegeError,
    asyncpg.InvalidNameError,
)
"""What PostgreSQL says of a setting that it does not know, or that must not be set so."""


class Connector:
    """Opens connections to the database at `url`.

    Remembers which of its hosts answered last and tries that one first, so that a dead one costs its time once.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self._last_host: Host | None = None

    @property
    def extra_s(self) -> float:
        """Seconds that connecting may take beyond CONNECT_TIMEOUT_S, because the URL says so."""
        address = database_url.parse(self.url)
        return max(0.0, (address.connect_timeout_s or 0.0) * max(1, len(address.hosts)) - CONNECT_TIMEOUT_S)

    async def connect(self, purpose: str = "", *, kept_statements: int = KEPT_STATEMENTS) -> Connection:
        """A connection that tells PostgreSQL its purpose; the caller closes it.

        Raises DatabaseUnavailable, or DatabaseUnsuitable when a setting of the URL is refused.
        """
        address = database_url.parse(self.url)
        timeout_s = address.connect_timeout_s or CONNECT_TIMEOUT_S
        connection = await self._connected(address, _name(address, purpose), kept_statements)
        try:
            _set_socket_options(connection, address)
            # Behind a pooler this waits until it has a server's session to give.
            await connection.execute(_settings(address, purpose), timeout=timeout_s)
        except BaseException as error:
            connection.terminate()
            if isinstance(error, REFUSED_SETTING):
                what = f"refuses a parameter of DATABASE_URL: {reason_of(self.url, error)}"
                raise DatabaseUnsuitable(
                    f"PostgreSQL at {describe_url(self.url)} {what}",
                    "a parameter of the database's URL is refused",
                ) from error
            if isinstance(error, TimeoutError):
                where = describe_url(self.url)
                raise DatabaseUnavailable(
                    f"PostgreSQL at {where} gives no session within {timeout_s:g} s: it is stuck, or a pooler in "
                    "front of it has no session left; its pool must hold the connections of all servers and "
                    "workers together"
                ) from error
            if isinstance(error, Exception):
                raise unavailable(self.url, error) from error
            raise
        return connection

    async def open(self, purpose: str = "") -> Connection:
        """A connection on which jsonb columns are Python values. The caller closes it. Raises as `connect`."""
        connection = await self.connect(purpose)
        try:
            with translated(self.url):
                await prepare_connection(connection)
        except BaseException:
            connection.terminate()
            raise
        return connection

    async def reset(self, connection: Connection) -> None:
        """Restores the state of a connection of `open` without a purpose, whatever its session was used for."""
        # The driver knows only after another answer whether a cancelled COMMIT has ended the transaction.
        with suppress(asyncpg.InFailedSQLTransactionError):
            await connection.execute("SELECT 1", timeout=RESET_TIMEOUT_S)
        await connection.reset(timeout=RESET_TIMEOUT_S)
        settings = _settings(database_url.parse(self.url), "")
        await connection.execute(settings, timeout=RESET_TIMEOUT_S)

    async def _connected(self, address: DatabaseUrl, name: str, kept_statements: int) -> Connection:
        """A connection to the first host that answers and, of several, takes writes."""
        hosts = sorted(address.hosts, key=lambda host: host != self._last_host) or [UNKNOWN_HOST]
        timeout_s = address.connect_timeout_s or CONNECT_TIMEOUT_S / len(hosts)
        failures: list[Exception] = []
        for host in hosts:
            try:
                connection = await asyncpg.connect(
                    **_arguments(address, host, name),
                    timeout=timeout_s,
                    command_timeout=STATEMENT_TIMEOUT_S,
                    statement_cache_size=kept_statements,
                    max_cached_statement_lifetime=0,
                    max_cacheable_statement_size=MAX_KEPT_STATEMENT_CHARS,
                )
            except Exception as error:
                failures.append(error)
                continue
            self._last_host = host
            return connection
        raise _why_none(self.url, hosts, failures) from failures[-1]


async def prepare_connection(connection: Connection) -> None:
    """Makes jsonb columns Python values in both directions."""
    await connection.set_type_codec(
        "jsonb", schema="pg_catalog", encoder=encode_json, decoder=orjson.loads, format="text"
    )


def _why_none(url: str, hosts: list[Host], failures: list[Exception]) -> DatabaseUnavailable:
    if len(hosts) == 1:
        return unavailable(url, failures[0])
    reasons = []
    for (host, port), error in zip(hosts, failures, strict=True):
        is_other = isinstance(error, asyncpg.TargetServerAttributeNotMatched)
        reason = "takes no writes" if is_other else reason_of(url, error)
        reasons.append(f"{host}{f':{port}' if port else ''}: {reason}")
    return unavailable(url, ConnectionError("; ".join(reasons)))


def _arguments(address: DatabaseUrl, host: Host, name: str) -> Mapping[str, object]:
    given: dict[str, object] = {
        "dsn": address.dsn,
        "user": address.user,
        "password": address.password,
        "database": address.database,
        "server_settings": {"application_name": name},
    }
    if host is not UNKNOWN_HOST:
        given |= {"host": host[0], "port": host[1]}
    if len(address.hosts) > 1:
        given["target_session_attrs"] = "primary" if address.wants_primary else "read-write"
    if address.options is not None:
        given["server_settings"] = {"application_name": name, "options": address.options}
    if address.trusts_system:
        given["ssl"] = _system_certificates(address)
    return given


def _system_certificates(address: DatabaseUrl) -> ssl.SSLContext:
    context = ssl.create_default_context()
    if certificate := address.driver.get("sslcert"):
        password = address.driver.get("sslpassword", "")
        context.load_cert_chain(certificate, address.driver.get("sslkey"), password)
    return context


def _name(address: DatabaseUrl, purpose: str) -> str:
    return f"{address.application_name or PROGRAM} {purpose}".strip()


def _settings(address: DatabaseUrl, purpose: str) -> str:
    """The statement that tells a session its settings; it needs no preparation, which poolers may not know."""
    settings = {
        "application_name": _name(address, purpose),
        "idle_in_transaction_session_timeout": str(round(IDLE_IN_TRANSACTION_S * 1000)),
        **address.settings,
        # PostgreSQL writes times as JSON in the zone of the session.
        "TimeZone": "UTC",
    }
    # A statement whose client has gone would else wait for its lock for ever, and keep its connection. On Linux
    # alone PostgreSQL notices. It comes first, so that the URL may say otherwise.
    interval = f"set_config('client_connection_check_interval', '{round(CLIENT_CHECK_S * 1000)}', false)"
    calls = [f"CASE WHEN version() LIKE '%linux%' THEN {interval} END"]
    calls += (f"set_config({_literal(name)}, {_literal(value)}, false)" for name, value in settings.items())
    return f"SELECT {', '.join(calls)}"


def _literal(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace("'", "''")
    return f"E'{escaped}'"


def _set_socket_options(connection: Connection, address: DatabaseUrl) -> None:
    sock = connection._transport.get_extra_info("socket")
    if sock is None or isinstance(connection._addr, str):
        # A Unix socket needs none of them.
        return
    for option in address.socket_options:
        sock.setsockopt(*option)
