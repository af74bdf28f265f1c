"""No text of a client names a file that is not meant for it: thrown at every route and argument there is.

The routes are those of the application's router and the arguments those of the schema, so that one which is
added later is tried by itself. What gave a client a file would show by its content, or by being opened.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import socket
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from aiohttp import web
from graphql import (
    GraphQLArgument,
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInputType,
    get_named_type,
    is_leaf_type,
    is_list_type,
    is_required_argument,
    is_required_input_field,
)

from gql_server.pages import assets, pages
from schema import build_schema
from tests.helpers.hostile_paths import HOSTILE_PATHS, LOOKALIKES, ways_to
from tests.helpers.opened_files import opened_files
from tests.helpers.raw_http import RawClient
from tests.helpers.site import MakeSite, Site

CANARY = "canary-4711-do-not-show"
SAMPLES = ("x", "v-0", "1")
"""Harmless values of the variable parts of routes; add one when a route's pattern takes none of them."""

FORMS_AT_LEAST = 400
AT_ONCE = 20
"""Root fields of one document."""


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    file = tmp_path / "secret.key"
    file.write_text(CANARY)
    file.chmod(0o600)
    return file


@pytest.fixture
async def site(make_site: MakeSite, tmp_path: Path, secret: Path, monkeypatch: pytest.MonkeyPatch) -> Site:
    """Its static files and sessions have traps among them."""
    static, sessions = tmp_path / "static", tmp_path / "sessions"
    shutil.copytree(assets.STATIC, static)
    sessions.mkdir()
    for directory, name in ((static, "{}.js"), (sessions, "session_{}.json")):
        set_traps(directory, name, secret)
    for module in (assets, pages):
        monkeypatch.setattr(module, "STATIC", static)
    # Thousands of requests follow: the debug mode takes most of their time, and so does the look at every file
    # that a page begins with, which is not what is tried here.
    asyncio.get_running_loop().set_debug(False)
    monkeypatch.setattr(pages, "assets_base", lambda: "/static/v-0")
    return await make_site(sessions_dir=sessions, rest=True)


TRAPS = ("link", "fifo", "socket", "directory", "zero", "dangling")


def set_traps(directory: Path, name: str, secret: Path) -> None:
    """Files in `directory` that lead out of it, or are none."""
    (directory / name.format("link")).symlink_to(secret)
    (directory / name.format("dangling")).symlink_to(directory / "nothing")
    (directory / name.format("zero")).symlink_to("/dev/zero")
    (directory / name.format("directory")).mkdir()
    (directory / "up").symlink_to(secret.parent)
    os.mkfifo(directory / name.format("fifo"))
    # The address of a Unix socket has room for about 100 bytes.
    at = os.open(directory, os.O_DIRECTORY)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(f"/proc/self/fd/{at}/{name.format('socket')}")
    os.close(at)


@dataclass(frozen=True)
class Slot:
    """A variable part of a route."""

    method: str
    formatter: str
    name: str
    others: Mapping[str, str]

    def target(self, text: bytes) -> bytes:
        """The address with `text` in that part."""
        before, _, after = self.formatter.partition(f"{{{self.name}}}")
        return before.format(**self.others).encode() + text + after.format(**self.others).encode()


def slots(app: web.Application) -> Iterator[Slot]:
    """The variable parts of all routes."""
    for route in app.router.routes():
        assert route.resource is not None
        info = route.resource.get_info()
        if route.method == "HEAD" or "path" in info:
            continue
        method = "GET" if route.method == "*" else route.method
        if "prefix" in info:
            yield Slot(method, f"{info['prefix']}/{{rest}}", "rest", {})
            continue
        names = list(info["pattern"].groupindex)
        fitting = (dict(zip(names, values, strict=True)) for values in product(SAMPLES, repeat=len(names)))
        sample = next(
            (one for one in fitting if info["pattern"].fullmatch(info["formatter"].format(**one))), None
        )
        assert sample is not None, f"no sample fits {info['formatter']}"
        for name in names:
            yield Slot(method, info["formatter"], name, sample)


def spellings(text: str) -> list[bytes]:
    """As it stands but for what ends a request line; with dots and slashes encoded; encoded once, and twice."""
    raw = text.encode("utf-8", "surrogatepass")
    plain = b"".join(b"%%%02X" % byte if byte <= 0x20 or byte == 0x7F else bytes([byte]) for byte in raw)
    once = quote(raw, safe="")
    return [
        plain,
        plain.replace(b".", b"%2e").replace(b"/", b"%2F"),
        once.encode(),
        quote(once, safe="").encode(),
    ]


def url_forms(secret: Path, turn: int) -> set[bytes]:
    """All spellings of the ways to the secret, and one each of the other texts, another at each turn."""
    forms = {spelling for text in ways_to(str(secret)) for spelling in spellings(text)}
    others = enumerate((*HOSTILE_PATHS, *LOOKALIKES), start=turn)
    return forms | {spellings(text)[number % 4] for number, text in others}


def leaks(body: bytes) -> bool:
    return CANARY.encode() in body or b"root:x:0:0" in body


def is_outside(path: str, secret: Path) -> bool:
    """Whether this is a file that a client might want and must not get.

    Without xdist the thread that watches the tests' PostgreSQL is in this process, and reads whose it is. A
    process that is started without input is given an empty one.
    """
    if path.endswith("/postgres/postmaster.pid") or path == os.devnull:
        return False
    wanted = ("/etc/", "/proc/", "/dev/", str(secret))
    return path.startswith(wanted) or path in TRAPS or CANARY in path


async def test_no_address_leads_out_of_what_a_route_is_for(site: Site, secret: Path) -> None:
    tried = list(slots(site.app))
    assert {slot.formatter for slot in tried} >= {
        "/static/{version}/{path}",
        "/static/{path}",
        "/flows/{execution_id}",
        "/api/v1/flows/{session_id}",
    }
    for turn, slot in enumerate(tried):
        async with RawClient(site.base) as client:
            harmless = await client.get(slot.target(slot.others.get(slot.name, "x").encode()), slot.method)
            forms = url_forms(secret, turn)
            assert len(forms) >= FORMS_AT_LEAST
            with opened_files() as opened:
                for form in forms:
                    target = slot.target(form)
                    answer = await client.get(target, slot.method)
                    assert not leaks(answer.body), target
                    # A page that is the same for every address, or a refusal.
                    assert 400 <= answer.status < 500 or answer.body == harmless.body, (target, answer)
            assert [path for path in opened if is_outside(path, secret)] == [], slot


async def test_what_is_no_file_or_leads_out_is_not_there(site: Site, secret: Path) -> None:
    names = [f"/static/{name}" for trap in TRAPS for name in (f"{trap}.js", f"v-0/{trap}.js", f"{trap}.js/x")]
    names += ["/static/up/secret.key", "/static/v-0/up/secret.key", "/static/up", "/static/dashboard"]
    names += [f"/flows/{trap}" for trap in TRAPS]
    async with RawClient(site.base) as client:
        with opened_files() as opened:
            for name in names:
                answer = await client.get(name.encode())
                assert answer.status in (404, 422), (name, answer)
                assert not leaks(answer.body)
        assert not [path for path in opened if is_outside(path, secret) or path.endswith((".js", ".json"))]
        assert (await client.get(b"/static/flow.js")).status == 200
        assert (await client.get(b"/static/v-0/dashboard/main.js")).status == 200


def sample(kind: GraphQLInputType) -> Any:
    """A value of that type; of an input object, with what it requires alone."""
    named = get_named_type(kind)
    match named:
        case GraphQLInputObjectType():
            value: Any = {
                name: sample(field.type)
                for name, field in named.fields.items()
                if is_required_input_field(field)
            }
        case GraphQLEnumType():
            value = next(iter(named.values))
        case _:
            value = {"Int": 1, "Float": 1.0, "Boolean": True, "DateTime": "2026-01-01T00:00:00Z"}.get(
                named.name, "x"
            )
    bare = getattr(kind, "of_type", kind)
    return [value] if is_list_type(bare) or is_list_type(kind) else value


def places(kind: GraphQLInputType, text: str) -> Iterator[Any]:
    """Values of that type that hold `text`, one for each place in it."""
    named = get_named_type(kind)
    wrapped = is_list_type(getattr(kind, "of_type", kind)) or is_list_type(kind)
    if isinstance(named, GraphQLInputObjectType):
        for name, field in named.fields.items():
            for value in places(field.type, text):
                whole = {**sample(named), name: value}
                yield [whole] if wrapped else whole
    elif named.name in ("String", "ID"):
        yield [text] if wrapped else text


def asked(
    operation: str,
    name: str,
    arguments: Mapping[str, GraphQLArgument],
    key: str,
    values: list[Any],
    leaf: bool,
) -> dict[str, Any]:
    """A request that asks for a field once for each of these values of one argument."""
    needed = {
        other: argument
        for other, argument in arguments.items()
        if is_required_argument(argument) and other != key
    }
    variables = {other: sample(argument.type) for other, argument in needed.items()}
    declared = [f"${other}: {argument.type}" for other, argument in needed.items()]
    fields = []
    for number, value in enumerate(values):
        declared.append(f"$v{number}: {arguments[key].type}")
        given = ", ".join([f"{key}: $v{number}", *(f"{other}: ${other}" for other in needed)])
        fields.append(f"a{number}: {name}({given})" + ("" if leaf else " { __typename }"))
        variables[f"v{number}"] = value
    return {"query": f"{operation} ({', '.join(declared)}) {{ {' '.join(fields)} }}", "variables": variables}


def requests_with(texts: list[str]) -> Iterator[dict[str, Any]]:
    """Every place of every argument of queries and mutations that takes text, with these texts."""
    schema = build_schema()._schema
    for root in (schema.query_type, schema.mutation_type):
        assert root is not None
        for name, field in root.fields.items():
            leaf = is_leaf_type(get_named_type(field.type))
            for key, argument in field.args.items():
                by_place = zip(*(places(argument.type, text) for text in texts), strict=True)
                for values in by_place:
                    for begin in range(0, len(texts), AT_ONCE):
                        part = list(values[begin : begin + AT_ONCE])
                        yield asked(root.name.lower(), name, field.args, key, part, leaf)


REFUSALS = {
    "AGENT_NOT_FOUND",
    "BAD_USER_INPUT",
    "BENCHMARK_NOT_FOUND",
    "INVALID_ARGUMENT",
    "INVALID_CURSOR",
    "INVALID_FILTER",
    "INVALID_ID",
    "NO_ATTEMPTS",
}


async def test_no_argument_leads_out_of_what_it_is_for(site: Site, secret: Path) -> None:
    texts = [*ways_to(str(secret)), *(f"{secret.parent}/sessions/{text}" for text in ("up", "../secret.key"))]
    requests = list(requests_with(texts))
    assert len(requests) > 80
    with opened_files() as opened:
        for request in requests:
            status, answer = await site.post(request["query"], request["variables"])
            told = json.dumps(answer)
            assert status == 200 and CANARY not in told, request
            codes = {error["extensions"]["code"] for error in answer.get("errors", ())}
            assert codes <= REFUSALS, (request, codes)
    assert [path for path in opened if is_outside(path, secret)] == []
