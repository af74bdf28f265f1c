"""The mutation that imports session files and tool logs of other runners. It starts no process."""

from typing import Annotated, Self

import strawberry

from runner_bridge.errors import ImportDirectoryError as DirectoryFault
from runner_bridge.importing import import_files
from runner_bridge.sessions.reports import FileReport
from schema.contract.context import Info
from schema.contract.enums import ImportOutcome
from schema.contract.errors import Error, ErrorCode, InvalidInputError
from schema.contract.references import EXECUTION, nullable
from store import model

MAX_LISTED = 1_000
"""Files listed in one answer; the others are on further pages."""


@strawberry.type(
    description="The directory may not be imported from, or cannot be read. Nothing was imported."
)
class ImportDirectoryError(Error):
    pass


@strawberry.input(
    description="Which files: session files, tool logs, and the store of the upstream CLI. Importing "
    "again changes nothing: stored content is recognised, and the order of the files does not matter."
)
class ImportSessionFilesInput:
    directory: str | None = strawberry.field(
        default=None,
        description="A directory of the server: its sessions directory when not given, otherwise one that "
        "REEV_GQL_IMPORT_DIRS names, or one below those.",
    )
    after: str | None = strawberry.field(
        default=None, description="Only files after this `endCursor`, to go on where another import ended."
    )
    first: int | None = strawberry.field(
        default=None,
        description="How many files, and the others of the last one's session; all when not given. Pages make "
        "progress visible.",
    )


@strawberry.type(description="What an import did with one file.")
class ImportedFile:
    report: strawberry.Private[FileReport]
    file: str = strawberry.field(description="Its name in the directory.")
    outcome: ImportOutcome = strawberry.field(description="What was done.")
    execution_id: strawberry.ID | None = strawberry.field(
        description="The execution that it belongs to; null when the file could not be read."
    )
    reason: str | None = strawberry.field(
        description="Why nothing of it was stored; null when there is nothing to say."
    )
    remarks: list[str] = strawberry.field(
        description="What of the file was ignored or changed; for a tool log line by line."
    )

    @classmethod
    def of(cls, report: FileReport) -> Self:
        return cls(
            report=report,
            file=report.file,
            outcome=report.outcome,
            execution_id=None if report.execution_id is None else strawberry.ID(str(report.execution_id)),
            reason=report.reason,
            remarks=list(report.remarks),
        )

    @strawberry.field(
        graphql_type=nullable(EXECUTION), description="The execution that it belongs to, as stored."
    )
    async def execution(self, info: Info) -> model.Execution | None:
        if self.report.execution_id is None:
            return None
        return await info.context.loaders.execution.load(self.report.execution_id)


@strawberry.type(
    description="The files were read. Those imported are executions with origin OBSERVED, and appear in "
    "`executionUpdates` while the import goes on."
)
class ImportSessionFilesSuccess:
    report: strawberry.Private[import_files.ImportReport]
    directory: str = strawberry.field(description="The directory, without links.")
    total: int = strawberry.field(
        description="Files in the directory that can be imported: session files, tool logs, `cli_sessions.json`."
    )
    other_count: int = strawberry.field(description="Other files there, which were not looked at.")
    others: list[str] = strawberry.field(description="Their names; the first 100.")
    imported: int = strawberry.field(description="Files that are new executions now.")
    added: int = strawberry.field(description="Tool logs that were added to their executions.")
    unchanged: int = strawberry.field(
        description="Files that were stored before, or have nothing to store: `reason` says so."
    )
    conflicts: int = strawberry.field(description="Files whose execution is stored with other content.")
    failed: int = strawberry.field(description="Files that are damaged.")
    lines_not_used: int = strawberry.field(
        description="Lines of tool logs that could not be used, and logs that could not be read to their end: "
        "`remarks` name them."
    )
    remaining: int = strawberry.field(description="Files after `endCursor`.")
    end_cursor: str | None = strawberry.field(
        description="For `after`: the last file that was taken; null when there was none."
    )
    duration_ms: int = strawberry.field(description="Milliseconds it took.")

    @strawberry.field(
        description=f"File by file, in order of session, and session by session of the CLI's store: the first "
        f"{MAX_LISTED} with one of these outcomes. The counts are of all."
    )
    def files(
        self,
        outcomes: Annotated[
            list[ImportOutcome] | None,
            strawberry.argument(description="Only those; [CONFLICT, FAILED] is what went wrong."),
        ] = None,
    ) -> list[ImportedFile]:
        chosen = [file for file in self.report.files if outcomes is None or file.outcome in outcomes]
        return [ImportedFile.of(file) for file in chosen[:MAX_LISTED]]


ImportSessionFilesResult = Annotated[
    ImportSessionFilesSuccess | ImportDirectoryError | InvalidInputError,
    strawberry.union("ImportSessionFilesResult", description="What was imported, or why nothing was."),
]


async def import_session_files(
    info: Info,
    input: Annotated[
        ImportSessionFilesInput | None,
        strawberry.argument(description="Which files; all of the sessions directory when not given."),
    ] = None,
) -> ImportSessionFilesResult:
    wanted = input or ImportSessionFilesInput()
    if wanted.first is not None and wanted.first < 1:
        return InvalidInputError.of("first", "`first` is at least 1")
    try:
        report = await import_files.import_session_files(
            info.context.db,
            info.context.runner,
            wanted.directory,
            after=wanted.after,
            first=wanted.first,
        )
    except DirectoryFault as error:
        return ImportDirectoryError(message=str(error), code=ErrorCode.IMPORT_DIRECTORY)

    def count(outcome: ImportOutcome) -> int:
        return sum(file.outcome is outcome for file in report.files)

    return ImportSessionFilesSuccess(
        report=report,
        directory=str(report.directory),
        total=report.total,
        imported=count(ImportOutcome.IMPORTED),
        added=count(ImportOutcome.ADDED),
        unchanged=count(ImportOutcome.UNCHANGED),
        conflicts=count(ImportOutcome.CONFLICT),
        failed=count(ImportOutcome.FAILED),
        other_count=report.listing.other_count,
        others=list(report.listing.others),
        lines_not_used=sum(file.not_used for file in report.files),
        remaining=report.remaining,
        end_cursor=report.last,
        duration_ms=report.duration_ms,
    )
