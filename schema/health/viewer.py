"""Who asks, as a page needs to know it that offers only what its viewer may do."""

from __future__ import annotations

import strawberry

from schema.contract.context import Info
from schema.contract.enums import Scope


@strawberry.type(description="Who asks, and what they may.")
class Viewer:
    name: str = strawberry.field(
        description="The token's name; `local` for who needs none, `REEV_GQL_TOKEN` for who has that one."
    )
    scope: Scope = strawberry.field(description="What they may.")


async def viewer(info: Info) -> Viewer:
    principal = info.context.principal
    return Viewer(name=principal.name, scope=principal.scope)
