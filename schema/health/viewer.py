"""The caller and its scope: pages offer only what the caller may do."""

import strawberry

from schema.contract.context import Info
from schema.contract.enums import Scope


@strawberry.type(description="The caller and its permissions.")
class Viewer:
    name: str = strawberry.field(
        description="The token's name; `local` where none is needed, `REEV_GQL_TOKEN` for the token of "
        "that setting."
    )
    scope: Scope = strawberry.field(description="What the caller may do.")


async def viewer(info: Info) -> Viewer:
    principal = info.context.principal
    return Viewer(name=principal.name, scope=principal.scope)
