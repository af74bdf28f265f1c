"""What the handlers share: the store, the settings of runners, remembered answers; and how they answer."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import TypeVar

from aiohttp import hdrs, web
from pydantic import BaseModel, TypeAdapter, ValidationError

from gql_server.auth.bearer_tokens import PRINCIPAL
from gql_server.auth.host_and_origin import AccessRules
from gql_server.http.answers import OrdinaryAnswer, is_ordinary, lines_of
from gql_server.http.body import read_json
from gql_server.http.headers import SECURITY_HEADERS, SERVER
from gql_server.http.media_types import JSON
from gql_server.http.middleware import cors_headers
from gql_server.responses.errors import BadRequest
from gql_server.rest.remembered import RememberedAnswers, Subject, Tagged
from runner_bridge.formats.models import first_problem
from runner_bridge.launchers.runner_config import RunnerConfig
from runner_bridge.sessions.named_session import execution_of
from schema.contract.permissions import Scope
from store.model import Execution, ExecutionId
from store.postgres.database import Database
from store.postgres.text import storable_text
from store.records import record

CONTENT_TYPE = f"{JSON}; charset=utf-8"
REVALIDATE = "private, no-cache"
"""A browser keeps the answer and asks with its entity tag whether it is still right."""

B = TypeVar("B", bound=BaseModel)


@record
class Rest:
    """One per server; `results` is how many newest results the figures of agents list."""

    db: Database
    runner: RunnerConfig
    rules: AccessRules
    remembered: RememberedAnswers
    results: int


def written(answer: BaseModel, status: HTTPStatus = HTTPStatus.OK) -> web.Response:
    """The answer to a request that changed something, or is about this moment."""
    headers = {hdrs.CONTENT_TYPE: CONTENT_TYPE, hdrs.CACHE_CONTROL: "no-store"}
    return web.Response(body=answer.model_dump_json().encode(), status=status, headers=headers)


def read(rest: Rest, request: web.Request, answer: BaseModel) -> web.StreamResponse:
    """The answer to a question, with its entity tag."""
    return tagged(rest, request, Tagged(answer.model_dump_json().encode()))


def read_list(
    rest: Rest, request: web.Request, kind: TypeAdapter[list[B]], answers: list[B]
) -> web.StreamResponse:
    """The same for a list."""
    return tagged(rest, request, Tagged(kind.dump_json(answers)))


def tagged(
    rest: Rest, request: web.Request, answer: Tagged, content_type: str = CONTENT_TYPE
) -> web.StreamResponse:
    """`answer`, or 304 where the client has it."""
    known = request.headers.get(hdrs.IF_NONE_MATCH)
    is_known = known is not None and (known == answer.etag or _matches(known, answer.etag))
    if is_ordinary(request):
        return _at_once(rest, request, answer, content_type, is_known=is_known)
    headers = {hdrs.ETAG: answer.etag, hdrs.CACHE_CONTROL: REVALIDATE}
    if is_known:
        return web.Response(status=HTTPStatus.NOT_MODIFIED, headers=headers)
    return web.Response(body=answer.body, headers={hdrs.CONTENT_TYPE: content_type, **headers})


_HEAD = lines_of({hdrs.CACHE_CONTROL: REVALIDATE, hdrs.SERVER: SERVER, **SECURITY_HEADERS})


def _at_once(
    rest: Rest, request: web.Request, answer: Tagged, content_type: str, *, is_known: bool
) -> web.StreamResponse:
    """The same, written by hand: polls are many, and most of what a response of aiohttp costs is its headers."""
    head = f"{hdrs.ETAG}: {answer.etag}\r\n{_HEAD}"
    if cors := cors_headers(rest.rules, request):
        head += lines_of({**cors, hdrs.VARY: hdrs.ORIGIN})
    if is_known:
        return OrdinaryAnswer(f"HTTP/1.1 304 Not Modified\r\n{head}", None, HTTPStatus.NOT_MODIFIED)
    return OrdinaryAnswer(f"HTTP/1.1 200 OK\r\n{hdrs.CONTENT_TYPE}: {content_type}\r\n{head}", answer.body)


def _matches(known: str, etag: str) -> bool:
    """Whether the tag is in a list of them; weakly, as RFC 9110 wants it for If-None-Match."""
    return any(one.strip().removeprefix("W/") in (etag, "*") for one in known.split(","))


async def polled(
    rest: Rest,
    request: web.Request,
    subject: Subject,
    make: Callable[[], Awaitable[tuple[Execution | None, BaseModel]]],
) -> web.StreamResponse:
    """The answer that `make` reads in one statement, from memory while nothing has changed about `subject`.

    `make` also returns the execution that the answer is about; None when there is none yet.
    """
    target = request.path_qs
    answer = rest.remembered.get(target)
    if answer is None:
        with rest.remembered.reading(subject) as reading:
            execution, made = await make()
            answer = Tagged(made.model_dump_json().encode())
            rest.remembered.keep(target, reading, answer, execution)
    return tagged(rest, request, answer)


async def body_of(request: web.Request, kind: type[B]) -> B:
    """The body as `kind`. Raises BadRequest."""
    try:
        return kind.model_validate(await read_json(request))
    except ValidationError as error:
        path, message = first_problem(error)
        place = ".".join(str(part) for part in path) or "The body"
        raise BadRequest(f"{place}: {message}", code="INVALID_INPUT") from None


def execution_named(text: str) -> ExecutionId:
    """The execution with this id; reev also had ids that are no UUIDs, which ours are made of."""
    return execution_of(storable_text(text))[0]


def is_admin(request: web.Request) -> bool:
    return request[PRINCIPAL].scope >= Scope.ADMIN


def not_found(*, code: str, message: str) -> BadRequest:
    return BadRequest(message, code=code, status=HTTPStatus.NOT_FOUND)


def benchmark_not_found(benchmark_id: str) -> BadRequest:
    return not_found(
        code="BENCHMARK_NOT_FOUND",
        message=f"There is no benchmark {benchmark_id[:80]!r}: GET /api/v1/benchmarks",
    )
