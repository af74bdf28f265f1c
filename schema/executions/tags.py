"""The mutation that changes the tags of executions."""

from typing import Annotated

import strawberry

from runner_bridge import execution_requests
from runner_bridge.errors import InvalidInput
from schema.contract.context import Info
from schema.contract.errors import Error, ErrorCode, InvalidInputError
from schema.contract.ids import parse_execution_id
from schema.contract.pagination import LARGEST_PAGE
from schema.contract.references import EXECUTION, list_of
from store import model
from store.errors import ExecutionNotFound, TooManyTags


@strawberry.input(description="Which executions get and lose which tags. Each tag is `key` or `key=value`.")
class TagExecutionsInput:
    execution_ids: list[strawberry.ID] = strawberry.field(
        description=f"1 to {LARGEST_PAGE} executions, ended or not."
    )
    add: list[str] | None = strawberry.field(default=None, description="Tags that each of them gets.")
    remove: list[str] | None = strawberry.field(default=None, description="Tags that each of them loses.")


@strawberry.type(description="The tags are changed.")
class TagExecutionsSuccess:
    executions: list[model.Execution] = strawberry.field(
        graphql_type=list_of(EXECUTION), description="The executions, in the order of the request."
    )


@strawberry.type(description="Some of the executions do not exist.")
class ExecutionsNotFoundError(Error):
    execution_ids: list[strawberry.ID] = strawberry.field(description="All that were not found.")


TagExecutionsResult = Annotated[
    TagExecutionsSuccess | ExecutionsNotFoundError | InvalidInputError,
    strawberry.union("TagExecutionsResult", description="The executions, or why nothing was changed."),
]


async def tag_executions(
    info: Info,
    input: Annotated[TagExecutionsInput, strawberry.argument(description="Which tags of which executions.")],
) -> TagExecutionsResult:
    wanted = dict.fromkeys(input.execution_ids)
    if not 1 <= len(wanted) <= LARGEST_PAGE:
        return InvalidInputError.of(
            "executionIds", f"Name 1 to {LARGEST_PAGE} executions at once, not {len(wanted)}"
        )
    ids = [parsed for text in wanted if (parsed := parse_execution_id(text)) is not None]
    if len(ids) < len(wanted):
        wrong = next(text for text in wanted if parse_execution_id(text) is None)
        return InvalidInputError.of("executionIds", f"{wrong[:80]!r} is not an execution id: those are UUIDs")
    try:
        tagged = await execution_requests.change_tags(
            info.context.db, ids, add=input.add or (), remove=input.remove or ()
        )
    except InvalidInput as error:
        return InvalidInputError.of(error.field, str(error))
    except TooManyTags as error:
        return InvalidInputError.of("add", str(error))
    except ExecutionNotFound as error:
        return ExecutionsNotFoundError(
            message=str(error),
            code=ErrorCode.EXECUTION_NOT_FOUND,
            execution_ids=[strawberry.ID(one) for one in error.ids],
        )
    return TagExecutionsSuccess(executions=tagged)
