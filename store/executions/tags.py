"""Changes the tags of executions and of batches, also of those that have ended."""

from __future__ import annotations

from collections.abc import Sequence

from store import sql
from store.errors import ExecutionNotFound, TooManyTags
from store.executions import rows
from store.model import Execution, ExecutionId
from store.postgres.database import Database, columns
from store.postgres.retrying import retried
from store.postgres.text import encode_json

SQL = sql.load("executions")

MAX_TAGS = 20
"""Of an execution, and of a batch."""


def changed(tags: Sequence[str], add: Sequence[str], remove: Sequence[str]) -> tuple[str, ...]:
    """The tags after the change, those that are new at the end; raises TooManyTags."""
    found = tuple(tag for tag in dict.fromkeys((*tags, *add)) if tag not in remove)
    if len(found) > MAX_TAGS:
        raise TooManyTags(
            f"At most {MAX_TAGS} tags are kept of each, and there would be {len(found)}; remove some"
        )
    return found


@retried
async def change(
    db: Database, ids: Sequence[ExecutionId], add: Sequence[str], remove: Sequence[str]
) -> list[Execution]:
    """Adds and removes tags of all or none of the executions, which are returned in the order of `ids`.

    It is no event. Raises ExecutionNotFound, which names all that are missing, or TooManyTags.
    """
    async with db.transaction() as connection:
        found = {row["id"]: row["tags"] for row in await connection.fetch(SQL["lock_tags"], ids)}
        if missing := tuple(str(id_) for id_ in ids if id_ not in found):
            raise ExecutionNotFound(f"There is no execution {', '.join(missing)}", missing)
        after = {id_: changed(tags, add, remove) for id_, tags in found.items()}
        other = [(id_, encode_json(tags)) for id_, tags in after.items() if list(tags) != found[id_]]
        await connection.execute(SQL["set_tags"], *columns(other, 2))
        told = {row["id"]: rows.execution(row) for row in await connection.fetch(SQL["by_ids"], ids)}
    return [told[id_] for id_ in ids]
