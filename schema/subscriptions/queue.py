"""Subscription to the queue: positions of waiting executions, as they change. They are no events of executions."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Annotated, Self

import strawberry

from schema.contract.context import Info
from schema.contract.errors import RequestError
from schema.contract.ids import execution_id_argument
from schema.contract.pagination import LARGEST_PAGE
from store.executions import state_machine
from store.live.queue_feed import Positions


@strawberry.type(description="The position of an execution in the queue.")
class QueuePosition:
    execution_id: strawberry.ID = strawberry.field(description="The execution.")
    position: int | None = strawberry.field(description="1 for the next; null when it is not waiting.")


@strawberry.type(description="The queue at one moment, for the given executions.")
class QueuePositions:
    length: int = strawberry.field(description="How many executions wait, requested by any client.")
    positions: list[QueuePosition] = strawberry.field(
        description="First all given executions, then only those that have moved."
    )

    @classmethod
    def of(cls, positions: Positions) -> Self:
        return cls(
            length=positions.length,
            positions=[
                QueuePosition(execution_id=strawberry.ID(str(one)), position=at)
                for one, at in positions.of.items()
            ],
        )


async def queue_positions(
    info: Info,
    execution_ids: Annotated[
        list[strawberry.ID], strawberry.argument(description="Up to 200 executions, waiting or not.")
    ],
) -> AsyncGenerator[QueuePositions, None]:
    context = info.context
    ids = [execution_id_argument(execution_id) for execution_id in dict.fromkeys(execution_ids)]
    if not 1 <= len(ids) <= LARGEST_PAGE:
        raise RequestError("INVALID_ID", f"`executionIds` has {len(ids)} ids; give 1 to {LARGEST_PAGE}")
    known = await state_machine.get_many(context.db, ids)
    if missing := next((one for one in ids if one not in known), None):
        raise RequestError("EXECUTION_NOT_FOUND", f"There is no execution {missing}")
    async with aclosing(context.hub.queue.follow(ids)) as items:
        async for item in items:
            yield QueuePositions.of(item)
