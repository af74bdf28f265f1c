"""Reads the URL of a database: hosts, user, and what each parameter means.

Parameters that libpq documents are applied or refused, never ignored; any other is a setting of the session
(`search_path`, `statement_timeout`), which PostgreSQL refuses when it does not know it. So a URL that works in
psql works here, or is refused with one line. No message contains a part of the URL that may be a password.
"""

from __future__ import annotations

import functools
import os.path
import re
import socket
from collections.abc import Mapping
from dataclasses import field
from types import MappingProxyType
from typing import TypeAlias
from urllib.parse import quote, unquote, urlencode

from store.errors import DatabaseUrlInvalid
from store.records import record

Host: TypeAlias = tuple[str, int | None]
"""A name, an address or the directory of a Unix socket, and the port; None for the driver's default."""

_URL = re.compile(
    r"postgres(?:ql)?(?:\+\w+)?://(?:(?P<who>[^/?#]*)@)?(?P<hosts>[^/?#]*)(?:/(?P<database>[^?#]*))?(?:\?(?P<query>[^#]*))?"
)
_HOST = re.compile(r"(?:\[(?P<v6>[0-9A-Fa-f:.%]+)\]|(?P<name>[^:\[\]\s\x00-\x1f]*))(?::(?P<port>\d*))?")

FORM = (
    "it is not of the form postgresql://user:password@host:5432/database; %-encode special characters in it"
)

DRIVER = frozenset(
    "gsslib krbsrvname passfile service sslcert sslcrl sslkey sslmode sslnegotiation sslpassword sslrootcert "
    "ssl_max_protocol_version ssl_min_protocol_version".split()
)
"""Parameters that the driver applies itself."""

SYSTEM_CERTIFICATES = ("sslrootcert", "system")
"""The server's certificate is checked against those that the machine trusts; the driver does not know this one."""

FILES = ("sslcert", "sslcrl", "sslkey", "sslrootcert")

HARMLESS: Mapping[str, frozenset[str] | None] = {
    "channel_binding": frozenset({"disable", "prefer"}),
    "client_encoding": frozenset({"auto", "utf8", "utf-8", "unicode"}),
    "gssdelegation": frozenset({"0"}),
    "gssencmode": frozenset({"disable", "prefer"}),
    "load_balance_hosts": None,
    "max_protocol_version": None,
    "min_protocol_version": frozenset({"3.0"}),
    "replication": frozenset({"0", "false", "no", "off"}),
    "requiressl": frozenset({"0"}),
    "sslcertmode": frozenset({"allow"}),
    "sslcompression": None,
    "sslsni": frozenset({"1"}),
    "target_session_attrs": frozenset({"any", "read-write", "primary"}),
}
"""Parameters of libpq with the values that change nothing here; None for any value."""

REFUSED = frozenset(
    "hostaddr krbspn oauth_client_id oauth_client_secret oauth_issuer oauth_scope require_auth requirepeer "
    "scram_client_key scram_server_key servicefile sslcrldir sslkeylogfile".split()
)
"""Parameters of libpq that the driver cannot apply."""

INSTEAD: Mapping[str, str] = {
    "channel_binding": "say sslmode=verify-full&sslrootcert=system, which protects against the same",
    "client_encoding": "reev-gql speaks UTF-8",
    "hostaddr": "say it as the host",
    "requiressl": "say sslmode=require",
    "servicefile": "set PGSERVICEFILE",
    "target_session_attrs": "reev-gql writes: of several hosts it takes the one that takes writes",
}

SOCKET_OPTIONS: Mapping[str, tuple[int, str]] = {
    "keepalives": (socket.SOL_SOCKET, "SO_KEEPALIVE"),
    "keepalives_idle": (socket.IPPROTO_TCP, "TCP_KEEPIDLE"),
    "keepalives_interval": (socket.IPPROTO_TCP, "TCP_KEEPINTVL"),
    "keepalives_count": (socket.IPPROTO_TCP, "TCP_KEEPCNT"),
    "tcp_user_timeout": (socket.IPPROTO_TCP, "TCP_USER_TIMEOUT"),
}

LONGEST_TIMEOUT_S = 600

_OPTION = re.compile(r"\s*-c\s*(?P<name>[\w.]+)=(?P<value>(?:\\.|[^\s\\])*)(?=\s|$)")
_OPTIONS = re.compile(rf"(?:{_OPTION.pattern.replace('?P<name>', '?:').replace('?P<value>', '?:')})+\s*")


@record
class DatabaseUrl:
    """A URL that can be used. Its `repr` is empty, because it has secrets."""

    hosts: tuple[Host, ...] = field(repr=False)
    """In the order in which they are tried; empty for the driver's defaults, PGHOST among them."""
    user: str | None = field(repr=False)
    password: str | None = field(repr=False)
    database: str | None = field(repr=False)
    driver: Mapping[str, str] = field(repr=False)
    """Parameters for the driver."""
    settings: Mapping[str, str] = field(repr=False)
    """Settings of the session, by name."""
    options: str | None = field(repr=False)
    """Command-line options for the server's process, or what a provider's proxy reads from them."""
    application_name: str | None = field(repr=False)
    connect_timeout_s: float | None = field(repr=False)
    """For each host."""
    socket_options: tuple[tuple[int, int, int], ...] = field(repr=False)
    wants_primary: bool = field(repr=False)

    @property
    def dsn(self) -> str:
        """The driver's parameters as a URL; everything else is passed as arguments."""
        driver = {name: value for name, value in self.driver.items() if (name, value) != SYSTEM_CERTIFICATES}
        return f"postgresql://?{urlencode(driver, quote_via=quote)}"

    @property
    def trusts_system(self) -> bool:
        """Whether the server's certificate is checked against those that the machine trusts."""
        return SYSTEM_CERTIFICATES in self.driver.items()

    @property
    def secrets(self) -> tuple[str, ...]:
        """Passwords as they are and as a URL spells them; the longest first."""
        given = [secret for secret in (self.password, self.driver.get("sslpassword")) if secret]
        spelled = {
            spelling for secret in given for spelling in (secret, quote(secret), quote(secret, safe=""))
        }
        return tuple(sorted(spelled, key=len, reverse=True))

    def describe(self) -> str:
        """Hosts, ports and database, for messages."""
        named = ",".join(
            f"{f'[{host}]' if ':' in host else host}{f':{port}' if port else ''}"
            for host, port in self.hosts
            if not host.startswith("/")
        )
        return f"{named or 'local socket'}/{self.database or ''}"


@functools.lru_cache(maxsize=16)
def parse(url: str) -> DatabaseUrl:
    """Reads a URL. Raises DatabaseUrlInvalid."""
    match = _URL.fullmatch(url)
    if match is None:
        raise DatabaseUrlInvalid(FORM)
    user, _, password = (match["who"] or "").partition(":")
    given = _parameters(match["query"] or "")
    _check(given)
    hosts = _hosts(match["hosts"] or given.get("host", ""), given.get("port", ""))
    options = given.get("options", "")
    # Options that only set settings become settings: poolers refuse options when a connection starts.
    by_option = {name: re.sub(r"\\(.)", r"\1", value) for name, value in _OPTION.findall(options)}
    are_settings = _OPTIONS.fullmatch(options) is not None
    return DatabaseUrl(
        hosts=hosts,
        user=unquote(user) or given.get("user"),
        password=unquote(password) or given.get("password"),
        database=unquote(match["database"] or "") or given.get("dbname") or given.get("database"),
        driver=MappingProxyType(_driver(given)),
        settings=MappingProxyType(
            (by_option if are_settings else {})
            | {name: value for name, value in given.items() if name not in KNOWN}
            | _search_path(given)
        ),
        options=None if are_settings or not options else options,
        application_name=given.get("application_name") or given.get("fallback_application_name"),
        connect_timeout_s=_connect_timeout(given),
        socket_options=tuple(_socket_options(given)),
        wants_primary=given.get("target_session_attrs") == "primary",
    )


def _parameters(query: str) -> dict[str, str]:
    """Empty ones are left out; of several of one name the last counts."""
    given: dict[str, str] = {}
    for pair in query.split("&"):
        name, equals, value = pair.partition("=")
        if not (name and equals) and pair:
            raise DatabaseUrlInvalid(
                "a parameter after the ? has no value: each is name=value, separated by &"
            )
        if value:
            # As libpq reads it: a + is a plus.
            given[unquote(name)] = unquote(value)
    return given


def _check(given: Mapping[str, str]) -> None:
    for name, value in given.items():
        allowed = HARMLESS.get(name)
        if name in REFUSED or (allowed is not None and value.lower() not in allowed):
            shown = f"{name}={value}" if allowed is not None and value.isprintable() else name
            instead = INSTEAD.get(name, "leave it out")
            raise DatabaseUrlInvalid(f"the parameter {shown} cannot be honoured: {instead}")


def _hosts(text: str, ports: str) -> tuple[Host, ...]:
    if not text:
        # A port alone belongs to the driver's default host, or that of the environment.
        return (("localhost", _port(ports)),) if ports else ()
    found: list[Host] = []
    for part in text.split(","):
        spelled = unquote(part)
        if spelled.startswith("/"):
            path, colon, port = spelled.rpartition(":")
            found.append((path, int(port)) if colon and port.isdecimal() else (spelled, None))
            continue
        match = _HOST.fullmatch(spelled)
        if match is None or len(spelled) > 255:
            raise DatabaseUrlInvalid(FORM)
        found.append((match["v6"] or match["name"] or "localhost", _port(match["port"] or "")))
    given = ports.split(",") if ports else []
    if len(given) not in (0, 1, len(found)):
        raise DatabaseUrlInvalid("there are as many ports as hosts, or one for all of them")
    defaults = given * len(found) if len(given) == 1 else given or [""] * len(found)
    return tuple(
        (host, _port(default) if port is None else port)
        for (host, port), default in zip(found, defaults, strict=True)
    )


def _port(text: str) -> int | None:
    if not text:
        return None
    if not text.isdecimal() or not 0 < int(text) < 65536:
        raise DatabaseUrlInvalid("a port is a number from 1 to 65535")
    return int(text)


def _driver(given: Mapping[str, str]) -> dict[str, str]:
    """What the driver reads, checked where it would say less than what is wrong."""
    driver = {name: value for name, value in given.items() if name in DRIVER}
    if given.get("target_session_attrs", "").lower() == "any":
        # Said to the driver too: it would take that of the environment.
        driver["target_session_attrs"] = "any"
    if "ssl" in given:
        # As JDBC's and other drivers' URLs say it.
        mode = {"true": "require", "1": "require", "false": "disable", "0": "disable"}.get(
            given["ssl"].lower()
        )
        driver.setdefault("sslmode", mode or given["ssl"])
    modes = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")
    if driver.get("sslmode", modes[0]) not in modes:
        raise DatabaseUrlInvalid(f"sslmode is one of {', '.join(modes)}")
    if SYSTEM_CERTIFICATES in driver.items() and driver.setdefault("sslmode", modes[-1]) != modes[-1]:
        raise DatabaseUrlInvalid("sslrootcert=system needs sslmode=verify-full")
    for name in FILES:
        path = driver.get(name)
        if path is not None and (name, path) != SYSTEM_CERTIFICATES and not os.path.isfile(path):
            raise DatabaseUrlInvalid(f"{name} names the file {path!r}, which is not there or cannot be read")
    return driver


def _search_path(given: Mapping[str, str]) -> dict[str, str]:
    """Other drivers name the schema so."""
    schema = given.get("schema") or given.get("currentSchema")
    return {} if schema is None else {"search_path": '"{}"'.format(schema.replace('"', '""'))}


def _connect_timeout(given: Mapping[str, str]) -> float | None:
    seconds = _number(given, "connect_timeout", LONGEST_TIMEOUT_S)
    # To libpq 0 is no limit; here every wait has one.
    return float(seconds) if seconds else None


def _socket_options(given: Mapping[str, str]) -> list[tuple[int, int, int]]:
    options = []
    for name, (level, option) in SOCKET_OPTIONS.items():
        value = _number(given, name, 2**31 - 1)
        # To libpq 0 is the system's default, but for `keepalives` itself.
        if value is not None and (value or name == "keepalives") and hasattr(socket, option):
            options.append((level, int(getattr(socket, option)), value))
    return options


def _number(given: Mapping[str, str], name: str, most: int) -> int | None:
    text = given.get(name)
    if text is None:
        return None
    if not text.isdecimal() or len(text) > 10 or int(text) > most:
        raise DatabaseUrlInvalid(f"{name} is a whole number from 0 to {most}")
    return int(text)


KNOWN = (
    DRIVER
    | HARMLESS.keys()
    | REFUSED
    | SOCKET_OPTIONS.keys()
    | set(
        "application_name connect_timeout currentSchema database dbname fallback_application_name host".split()
    )
    | set("options password port schema ssl user".split())
)
"""Everything that is no setting of the session."""
