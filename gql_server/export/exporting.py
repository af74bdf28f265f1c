"""The handler of /export/{what}.{format}."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from enum import StrEnum
from http import HTTPStatus

from aiohttp import HttpVersion11, hdrs, web
from strawberry import Schema

from gql_server.auth.bearer_tokens import PRINCIPAL, Authenticator
from gql_server.export.body import Body, ReaderLost
from gql_server.export.filter_parameters import FilterParameters
from gql_server.export.parquet import ParquetFailed, check_installed, parquet_file
from gql_server.http.open_streams import OpenStream, OpenStreams
from gql_server.http.refusals import refusal_response
from gql_server.responses.errors import BadRequest
from runner_bridge.log_context import fields
from schema.contract.errors import public_error
from store.errors import StoreError
from store.executions.filters import ExecutionFilter
from store.export.columns import COLUMNS, What
from store.export.copying import Layout, Take, copy_rows
from store.postgres.database import Database
from store.records import record

RETRY_AFTER_S = 10
"""When a client may try again that came while as many exports as may be were running."""

log = logging.getLogger(__name__)


class Format(StrEnum):
    """The formats, by the end of the address."""

    CSV = "csv"
    JSON_LINES = "jsonl"
    PARQUET = "parquet"


_LAYOUTS = {
    Format.CSV: Layout.CSV_WITH_HEADER,
    Format.JSON_LINES: Layout.JSON_LINES,
    Format.PARQUET: Layout.CSV,
}
_MEDIA_TYPES = {
    Format.CSV: "text/csv; charset=utf-8; header=present",
    Format.JSON_LINES: "application/x-ndjson; charset=utf-8",
    Format.PARQUET: "application/vnd.apache.parquet",
}


@record
class ExportLimits:
    """How many exports run `at_once`, how long each may take, and how long the client for a piece of it."""

    at_once: int
    export_s: float
    piece_s: float


class Exports:
    """One per server."""

    def __init__(
        self,
        db: Database,
        schema: Schema,
        streams: OpenStreams,
        authenticator: Authenticator,
        limits: ExportLimits,
    ) -> None:
        self._db, self._streams, self._authenticator, self._limits = db, streams, authenticator, limits
        self._parameters = FilterParameters(schema)
        self._running = 0

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """The rows that the address asks for, or why not."""
        try:
            what, format = _asked_for(request)
            filter = self._parameters.read(request.query)
            body = Body(request, _headers(what, format), self._limits.piece_s)
            if request.method == hdrs.METH_HEAD:
                return web.Response(headers=_headers(what, format))
            with self._slot(request):
                return await self._send(body, what, format, filter)
        except BadRequest as error:
            return refusal_response(error)

    @contextmanager
    def _slot(self, request: web.Request) -> Iterator[None]:
        if self._running >= self._limits.at_once:
            raise BadRequest(
                "As many exports as may be are running (REEV_GQL_MAX_EXPORTS); try again shortly",
                code="TOO_MANY_EXPORTS",
                status=HTTPStatus.SERVICE_UNAVAILABLE,
                headers={hdrs.RETRY_AFTER: str(RETRY_AFTER_S)},
            )

        async def end(code: int, reason: str) -> None:
            if request.transport is not None:
                request.transport.abort()
            request.task.cancel()

        stream = OpenStream(self._authenticator.address_of(request), end, request.get(PRINCIPAL))
        self._running += 1
        try:
            with self._streams.slot(stream):
                yield
        finally:
            self._running -= 1

    async def _send(
        self, body: Body, what: What, format: Format, filter: ExecutionFilter
    ) -> web.StreamResponse:
        """All rows; what fails before the first is raised as BadRequest, and later breaks the connection."""
        try:
            async with asyncio.timeout(self._limits.export_s), _taking(body, what, format) as take:
                # Later than the limit above, which says what has happened.
                timeout_s = self._limits.export_s + 1
                await copy_rows(self._db, what, _LAYOUTS[format], filter, take, timeout_s=timeout_s)
            await body.end()
        except ReaderLost as error:
            log.info("export_not_read", extra=fields(what=what, reason=str(error)))
            body.cut_off()
        except (StoreError, ParquetFailed, TimeoutError) as error:
            reason = str(error) or "it took too long"
            log.warning("export_failed", extra=fields(what=what, reason=reason))
            if not body.has_begun:
                raise _refusal(error) from error
            body.cut_off()
        except BaseException:
            if body.has_begun:
                body.cut_off()
            raise
        return body.response


@asynccontextmanager
async def _taking(body: Body, what: What, format: Format) -> AsyncIterator[Take]:
    """What takes rows; at the end of the block all of them are in the body."""
    if format is not Format.PARQUET:
        yield body.add
        return
    async with parquet_file(COLUMNS[what], body) as file:
        yield file.add
        await file.end()


def _asked_for(request: web.Request) -> tuple[What, Format]:
    """What, and in which format. Raises BadRequest."""
    try:
        what, format = What(request.match_info["what"]), Format(request.match_info["format"])
    except ValueError:
        raise BadRequest(
            f"There are exports of {', '.join(What)}, each as {', '.join(Format)}: /export/executions.csv",
            code="NOT_FOUND",
            status=HTTPStatus.NOT_FOUND,
        ) from None
    if request.version < HttpVersion11:
        raise BadRequest(
            "Exports need HTTP/1.1: before it, a client cannot tell a whole export from a broken connection",
            code="HTTP_VERSION_NOT_SUPPORTED",
            status=HTTPStatus.HTTP_VERSION_NOT_SUPPORTED,
        )
    if format is Format.PARQUET:
        check_installed()
    return what, format


def _headers(what: What, format: Format) -> dict[str, str]:
    return {
        hdrs.CONTENT_TYPE: _MEDIA_TYPES[format],
        hdrs.CONTENT_DISPOSITION: f'attachment; filename="{what}.{format}"',
        hdrs.CACHE_CONTROL: "no-store",
        # Switches off buffering in proxies.
        "X-Accel-Buffering": "no",
    }


def _refusal(error: Exception) -> BadRequest:
    if isinstance(error, TimeoutError):
        message, code = (
            "The export took too long (REEV_GQL_EXPORT_TIMEOUT_S); ask for less",
            "OPERATION_TIMEOUT",
        )
    elif public := public_error(error):
        message, code = public.message, str((public.extensions or {})["code"])
    else:
        message, code = "Parquet could not be made here; csv and jsonl can", "INTERNAL"
    return BadRequest(message, code=code, status=HTTPStatus.SERVICE_UNAVAILABLE)
