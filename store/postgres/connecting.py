"""Opens connections as the database's URL says: to whichever of its hosts takes writes, within bounded time.

Only its name is asked for when a connection starts: poolers refuse anything else there. The session's settings
follow right afterwards, and again after a reset.
"""

from __future__ import annotations

import ssl
from collections.abc import Mapping

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
CLIENT_CHECK_S = 2.0
"""PostgreSQL ends a transaction whose process stands still for this long: it may hold the lock of all claims."""

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

_worked: dict[str, Host] = {}
"""By URL the host that was connected to last: it is tried first, so that a dead one costs its time once."""


def extra_connect_s(url: str) -> float:
    """How much longer than CONNECT_TIMEOUT_S connecting may take, because the URL says so."""
    address = database_url.parse(url)
    return max(0.0, (address.connect_timeout_s or 0.0) * max(1, len(address.hosts)) - CONNECT_TIMEOUT_S)


async def connect(url: str, purpose: str = "", *, kept_statements: int = KEPT_STATEMENTS) -> Connection:
    """A connection that tells PostgreSQL what it is for; the caller closes it.

    Raises DatabaseUnavailable, or DatabaseUnsuitable when a setting of the URL is refused.
    """
    address = database_url.parse(url)
    connection = await _connected(url, address, _name(address, purpose), kept_statements)
    try:
        _set_socket_options(connection, address)
        # Behind a pooler this waits until it has a server's session to give.
        timeout_s = address.connect_timeout_s or CONNECT_TIMEOUT_S
        await connection.execute(_settings(address, purpose), timeout=timeout_s)
    except BaseException as error:
        connection.terminate()
        if isinstance(error, REFUSED_SETTING):
            what = f"refuses a parameter of DATABASE_URL: {reason_of(url, error)}"
            raise DatabaseUnsuitable(
                f"PostgreSQL at {describe_url(url)} {what}", "a parameter of the database's URL is refused"
            ) from error
        if isinstance(error, Exception):
            raise unavailable(url, error) from error
        raise
    return connection


async def open_connection(url: str, purpose: str = "") -> Connection:
    """A connection on which jsonb columns are Python values; the caller closes it. Raises as `connect` does."""
    connection = await connect(url, purpose)
    try:
        with translated(url):
            await prepare_connection(connection)
    except BaseException:
        connection.terminate()
        raise
    return connection


async def prepare_connection(connection: Connection) -> None:
    """jsonb columns are Python values on both sides."""
    await connection.set_type_codec(
        "jsonb", schema="pg_catalog", encoder=encode_json, decoder=orjson.loads, format="text"
    )


async def reset_connection(url: str, purpose: str, connection: Connection) -> None:
    """Makes it what it was when it was opened, whatever its session was used for."""
    await connection.reset(timeout=RESET_TIMEOUT_S)
    await connection.execute(_settings(database_url.parse(url), purpose), timeout=RESET_TIMEOUT_S)


async def _connected(url: str, address: DatabaseUrl, name: str, kept_statements: int) -> Connection:
    """To the first host that answers and, of several, takes writes."""
    hosts = sorted(address.hosts, key=lambda host: host != _worked.get(url)) or [UNKNOWN_HOST]
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
        _worked[url] = host
        return connection
    raise _why_none(url, hosts, failures) from failures[-1]


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
    }
    calls = [f"set_config({_literal(name)}, {_literal(value)}, false)" for name, value in settings.items()]
    # A statement whose client has gone would else wait for its lock for ever, and keep its connection. On Linux
    # alone PostgreSQL notices.
    interval = f"set_config('client_connection_check_interval', '{round(CLIENT_CHECK_S * 1000)}', false)"
    calls.append(f"CASE WHEN version() LIKE '%linux%' THEN {interval} END")
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
