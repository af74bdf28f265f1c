"""URLs of databases: each parameter of libpq works or is refused in one line, and no line holds a password."""

from __future__ import annotations

import socket

import pytest

from store.errors import DatabaseUrlInvalid
from store.postgres.connector import Connector
from store.postgres.database_url import KNOWN, parse
from store.postgres.driver_errors import describe_url, unavailable
from tests.helpers.places import REPOSITORY
from tests.helpers.proxy import proxied_database

SECRET = "s3cret-Canary"

LIBPQ = """
application_name channel_binding client_encoding connect_timeout dbname fallback_application_name gssdelegation
gssencmode gsslib host hostaddr keepalives keepalives_count keepalives_idle keepalives_interval krbsrvname
load_balance_hosts max_protocol_version min_protocol_version oauth_client_id oauth_client_secret oauth_issuer
oauth_scope options passfile password port replication require_auth requirepeer scram_client_key scram_server_key
service servicefile sslcert sslcertmode sslcompression sslcrl sslcrldir sslkey sslkeylogfile sslmode sslnegotiation
sslpassword sslrootcert sslsni ssl_max_protocol_version ssl_min_protocol_version target_session_attrs
tcp_user_timeout user
""".split()
"""The names of PostgreSQL 18's documentation, 34.1.2."""


@pytest.mark.parametrize("name", LIBPQ)
def test_no_parameter_of_libpq_becomes_a_setting_of_the_session(name: str) -> None:
    assert name in KNOWN


def test_the_documentation_names_every_parameter() -> None:
    text = (REPOSITORY / "docs" / "database.md").read_text(encoding="utf-8")
    assert [name for name in sorted({*LIBPQ, "schema", "currentSchema"}) if f"`{name}" not in text] == []


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("channel_binding=require", "sslmode=verify-full"),
        ("client_encoding=latin1", "UTF-8"),
        ("gssencmode=require", "gssencmode=require"),
        ("target_session_attrs=standby", "writes"),
        ("target_session_attrs=read-only", "writes"),
        ("requirepeer=postgres", "requirepeer"),
        ("require_auth=none", "require_auth"),
        ("sslsni=0", "sslsni=0"),
        ("sslmode=perhaps", "verify-full"),
        ("ssl=perhaps", "verify-full"),
        ("sslmode=require&sslrootcert=system", "verify-full"),
        ("sslrootcert=/no/such/file", "/no/such/file"),
        ("sslcert=%00", "sslcert"),
        ("connect_timeout=soon", "connect_timeout"),
        ("connect_timeout=9999999999999999999999", "connect_timeout"),
        ("keepalives_idle=-1", "keepalives_idle"),
        ("port=none", "65535"),
        ("schema", "name=value"),
        ("=x", "name=value"),
    ],
)
def test_what_cannot_be_honoured_is_refused(query: str, words: str) -> None:
    with pytest.raises(DatabaseUrlInvalid) as refused:
        parse(f"postgresql://u:{SECRET}@h/db?{query}")
    assert words in str(refused.value) and SECRET not in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    "url",
    [
        "",
        f"host=h password={SECRET}",
        f"mysql://u:{SECRET}@h/db",
        f"jdbc:postgresql://h/db?password={SECRET}",
        f"postgresql://u:{SECRET}/x@h/db",
        f"postgresql://u:{SECRET}#x@h/db",
        f"postgresql://u:{SECRET}?x@h/db",
        f"postgresql://u:{SECRET}?a=b@h/db",
        f"postgresql://u:x@{SECRET}:none/db",
        "postgresql://[::1/db",
        "postgresql://h1,h2/db?port=1,2,3",
        "postgresql://h:65536/db",
        "postgresql://a\nb/db",
        f"postgresql://{'h' * 300}/db",
    ],
)
def test_what_is_no_url_is_refused_without_telling_any_of_it(url: str) -> None:
    with pytest.raises(DatabaseUrlInvalid) as refused:
        parse(url)
    assert SECRET not in str(refused.value)
    assert SECRET not in describe_url(url)


@pytest.mark.parametrize(
    ("url", "hosts", "described"),
    [
        ("postgresql:///db", (), "local socket/db"),
        ("postgresql://u@h/db", (("h", None),), "h/db"),
        ("postgres://u:p@h:5/db", (("h", 5),), "h:5/db"),
        ("postgresql+asyncpg://u:p@h:5/db", (("h", 5),), "h:5/db"),
        (
            "postgresql://u@h1,h2:6,[::1]:7/db",
            (("h1", None), ("h2", 6), ("::1", 7)),
            "h1,h2:6,[::1]:7/db",
        ),
        ("postgresql://u@h1,h2:6/db?port=5", (("h1", 5), ("h2", 6)), "h1:5,h2:6/db"),
        ("postgresql:///db?host=h1,h2&port=5,6", (("h1", 5), ("h2", 6)), "h1:5,h2:6/db"),
        ("postgresql://u@%2Ftmp%2Fs:7/db", (("/tmp/s", 7),), "local socket/db"),  # noqa: S108
        ("postgresql://u:@/db?host=/tmp/a%20b", (("/tmp/a b", None),), "local socket/db"),  # noqa: S108
        ("postgresql://h?dbname=other", (("h", None),), "h/other"),
    ],
)
def test_hosts_are_read_as_libpq_reads_them(
    url: str, hosts: tuple[tuple[str, int | None], ...], described: str
) -> None:
    assert parse(url).hosts == hosts
    assert parse(url).describe() == describe_url(url) == described


def test_what_is_no_parameter_of_libpq_is_a_setting_of_the_session() -> None:
    options = r"options=-c%20work_mem=5MB%20-csearch_path=a\%20b"
    found = parse(f"postgresql://h/db?statement_timeout=10s&schema=o%22dd&{options}")
    assert found.settings == {"statement_timeout": "10s", "search_path": '"o""dd"', "work_mem": "5MB"}
    assert found.options is None
    # What a provider's proxy reads is no setting.
    found = parse("postgresql://h/db?options=endpoint%3Dep-1")
    assert (found.options, dict(found.settings)) == ("endpoint=ep-1", {})


def test_no_spelling_of_a_password_is_told() -> None:
    for url in ("postgresql://u:a%2Fb%20c@h/db", "postgresql://u@h/db?password=a%2Fb%20c"):
        address = parse(url)
        assert address.password == "a/b c" and "a/b c" not in repr(address)
        error = unavailable(url, OSError("bad password a/b c, a%2Fb%20c"))
        assert str(error).endswith("bad password ***, ***")


async def test_what_is_asked_of_the_connection_is_done(database_url: str) -> None:
    async with proxied_database(database_url) as (_, url):
        sockets = "keepalives_idle=31&keepalives_count=3&tcp_user_timeout=7000"
        others = "connect_timeout=7&application_name=mine&statement_timeout=11s&gssencmode=prefer"
        connection = await Connector(f"{url}&{sockets}&{others}").open("listener")
        try:
            sock = connection._transport.get_extra_info("socket")
            assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE) == 31
            assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT) == 3
            assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 7000
            assert await connection.fetchval("SHOW statement_timeout") == "11s"
            assert await connection.fetchval("SHOW application_name") == "mine listener"
        finally:
            await connection.close()
