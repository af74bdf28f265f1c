"""The rows of reev's database that an imported execution was made of."""

from typing import Self

import strawberry
from strawberry.scalars import JSON

from store.executions import results


@strawberry.type(
    description="Where an imported execution comes from: the rows as they were in the database of reev. Retention "
    "deletes it with the other bulk of an execution."
)
class ImportRecord:
    database: str = strawberry.field(description="The path of the database when it was imported.")
    sha256: str = strawberry.field(description="Of the copy that was read, in hex.")
    rows: JSON = strawberry.field(description="The rows by table, each an object of its columns.")
    row_ids: JSON = strawberry.field(
        description="Their numbers in the database, by table, in the same order."
    )
    remarks: list[str] = strawberry.field(
        description="What of them was left out, repaired or taken otherwise than it stands."
    )

    @classmethod
    def of(cls, record: results.ImportRecord | None) -> Self | None:
        if record is None:
            return None
        return cls(
            database=record.database,
            sha256=record.sha256,
            rows=JSON(record.rows),
            row_ids=JSON(record.row_ids),
            remarks=list(record.remarks),
        )
