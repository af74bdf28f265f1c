"""Imports of reev databases: the mutation that begins one, and its report, which grows while it is carried out."""

import datetime as dt
import uuid
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from typing import Annotated, Self

import strawberry

from runner_bridge.errors import ImportDirectoryError as DirectoryFault
from runner_bridge.importing.import_directory import allowed_file
from runner_bridge.moving_in import imports, report
from runner_bridge.moving_in.report import RowOutcome
from schema.contract.context import Info
from schema.contract.enums import ExecutionStatus, ImportState
from schema.contract.errors import Error, ErrorCode, RequestError
from schema.sessions.imports import ImportDirectoryError
from store import model
from store.executions.imports import KEPT


@strawberry.type(description="A number of things that have something in common.")
class ImportCount:
    what: str = strawberry.field(description="What they have in common, for a person.")
    count: int = strawberry.field(description="How many there are.")

    @classmethod
    def listed(cls, counts: Mapping[str, int]) -> list[Self]:
        ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
        return [cls(what=what, count=count) for what, count in ordered]


@strawberry.type(description="How many executions have a status.")
class ImportedStatus:
    status: ExecutionStatus = strawberry.field(description="The status.")
    count: int = strawberry.field(description="How many executions were imported with it.")


@strawberry.type(description="What was done with the rows of one table; each row is counted once.")
class ReevTable:
    table: str = strawberry.field(description="Its name.")
    rows: int = strawberry.field(description="Rows that it has.")
    made: int = strawberry.field(description="Rows that made an execution or a revision of a benchmark.")
    merged: int = strawberry.field(description="Rows that tell of an execution that another row has made.")
    already_there: int = strawberry.field(description="Rows that tell of what is stored already.")
    skipped: int = strawberry.field(description="Rows that make nothing; `reasons` says why.")
    reasons: list[ImportCount] = strawberry.field(
        description="Why rows were skipped, the most frequent first."
    )

    @classmethod
    def of(cls, table: report.TableReport) -> Self:
        return cls(
            table=table.table,
            rows=table.rows,
            made=table.outcomes[RowOutcome.MADE],
            merged=table.outcomes[RowOutcome.MERGED],
            already_there=table.outcomes[RowOutcome.ALREADY_THERE],
            skipped=table.outcomes[RowOutcome.SKIPPED],
            reasons=ImportCount.listed(table.skipped),
        )


@strawberry.type(description="Something that was not taken as it stands, of one execution or of many.")
class ImportRemark:
    remark: str = strawberry.field(description="What it is.")
    count: int = strawberry.field(description="How many executions have it.")
    example: str = strawberry.field(description="The session id of one of them.")


@strawberry.type(description="An execution imported before, of which the database now tells another end.")
class ChangedImport:
    execution_id: strawberry.ID = strawberry.field(description="The execution.")
    stored_status: ExecutionStatus = strawberry.field(description="Its status here, which stays.")
    status: ExecutionStatus = strawberry.field(description="Its status by the database.")


@strawberry.type(
    description="An import of a reev database. Every server knows it; it fails when the one that does it ends."
)
class ReevImport:
    id: strawberry.ID = strawberry.field(description="A UUID.")
    path: str = strawberry.field(description="The database.")
    dry_run: bool = strawberry.field(description="Whether nothing is written.")
    state: ImportState = strawberry.field(description="Its state.")
    problem: str | None = strawberry.field(description="Why it failed, and what to do; null otherwise.")
    started_at: dt.datetime = strawberry.field(description="When it began.")
    ended_at: dt.datetime | None = strawberry.field(description="When it ended.")
    sha256: str | None = strawberry.field(description="Of the copy that is read; null before there is one.")
    rows: int = strawberry.field(description="Rows of the database; 0 until it is copied.")
    rows_done: int = strawberry.field(description="Of these, how many were looked at.")
    executions: int = strawberry.field(
        description="Executions that it made; with `dryRun`, that it would make."
    )
    executions_already_there: int = strawberry.field(description="Executions that were stored before.")
    statuses: list[ImportedStatus] = strawberry.field(description="Those that it made, by status.")
    tables: list[ReevTable] = strawberry.field(description="What was done, table by table.")
    remarks: list[ImportRemark] = strawberry.field(
        description=f"What of executions was not taken as it stands; up to {report.MAX_REMARKS} different ones."
    )
    notes: list[str] = strawberry.field(description="What there is to say about the database as a whole.")
    changed_count: int = strawberry.field(
        description="Executions imported before, of which the database now tells another end. They stay."
    )
    changed: list[ChangedImport] = strawberry.field(description=f"The first {report.MAX_CHANGED} of them.")

    @classmethod
    def of(cls, one: imports.ReevImport) -> Self:
        found = one.report
        made = {} if found is None else found.statuses
        return cls(
            id=strawberry.ID(str(one.id)),
            path=one.path,
            dry_run=one.dry_run,
            state=one.state,
            problem=one.problem,
            started_at=one.started_at,
            ended_at=one.ended_at,
            sha256=None if found is None else found.sha256,
            rows=0 if found is None else found.rows,
            rows_done=0 if found is None else found.rows_done,
            executions=0 if found is None else found.executions,
            executions_already_there=0 if found is None else found.executions_already_there,
            statuses=[
                ImportedStatus(status=model.ExecutionStatus(status), count=count)
                for status, count in sorted(made.items())
            ],
            tables=[] if found is None else [ReevTable.of(table) for table in found.tables.values()],
            remarks=[] if found is None else _remarks(found),
            notes=[] if found is None else list(found.notes),
            changed_count=0 if found is None else found.changed_count,
            changed=[] if found is None else _changed(found),
        )


def _remarks(found: report.DatabaseReport) -> list[ImportRemark]:
    ordered = sorted(found.remarks.values(), key=lambda one: -one.count)
    return [ImportRemark(remark=one.remark, count=one.count, example=one.example) for one in ordered]


def _changed(found: report.DatabaseReport) -> list[ChangedImport]:
    return [
        ChangedImport(
            execution_id=strawberry.ID(one.execution_id),
            stored_status=model.ExecutionStatus(one.stored_status),
            status=model.ExecutionStatus(one.status),
        )
        for one in found.changed
    ]


@strawberry.input(description="Which database. Importing again changes nothing, and adds what is new.")
class ImportReevDatabaseInput:
    path: str = strawberry.field(
        description="Absolute path of the SQLite file on the server's machine, usually `…/db/reev_results.db`, "
        "in a directory that REEV_GQL_IMPORT_DIRS names, or below one. Session files in `logs/sessions` beside it "
        "are used where they are in such a directory too."
    )
    dry_run: bool = strawberry.field(default=False, description="Whether to write nothing.")


@strawberry.type(description="The import was begun; `reevImport` tells how it goes on.")
class ImportReevDatabaseSuccess:
    reev_import: ReevImport = strawberry.field(name="import", description="The import.")


@strawberry.type(description="Another import is carried out: one at a time.")
class ImportUnderWayError(Error):
    import_id: strawberry.ID = strawberry.field(description="That import.")


ImportReevDatabaseResult = Annotated[
    ImportReevDatabaseSuccess | ImportDirectoryError | ImportUnderWayError,
    strawberry.union("ImportReevDatabaseResult", description="The import, or why it was not begun."),
]


async def import_reev_database(
    info: Info,
    input: Annotated[ImportReevDatabaseInput, strawberry.argument(description="Which database.")],
) -> ImportReevDatabaseResult:
    from runner_bridge.moving_in.moving_in import ReevFile

    context = info.context
    try:
        directory, name = allowed_file(context.runner, input.path)
        file = ReevFile(directory.path / name, directory, context.runner.import_max_bytes)
        return ImportReevDatabaseSuccess(
            reev_import=ReevImport.of(await context.imports.start(context.db, file, dry_run=input.dry_run))
        )
    except DirectoryFault as error:
        return ImportDirectoryError(message=str(error), code=ErrorCode.IMPORT_DIRECTORY)
    except imports.ImportUnderWay as error:
        return ImportUnderWayError(
            message=str(error),
            code=ErrorCode.IMPORT_UNDER_WAY,
            import_id=strawberry.ID(str(error.import_id)),
        )


ImportId = Annotated[strawberry.ID, strawberry.argument(description="The id of an import.")]


async def reev_imports(info: Info) -> list[ReevImport]:
    context = info.context
    return [ReevImport.of(one) for one in await context.imports.all(context.db)]


async def reev_import(info: Info, id: ImportId) -> AsyncGenerator[ReevImport, None]:
    context = info.context
    try:
        import_id = uuid.UUID(id)
    except ValueError:
        raise RequestError("INVALID_ID", "The id of an import is a UUID") from None
    is_known = False
    async with aclosing(context.imports.follow(context.db, import_id)) as states:
        async for one in states:
            is_known = True
            yield ReevImport.of(one)
    if not is_known:
        raise RequestError("IMPORT_NOT_FOUND", f"There is no such import; the last {KEPT} are kept")
