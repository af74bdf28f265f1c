"""The caller and its permissions, and the permission classes of fields that need a scope.

Whoever is let in may read, so queries and subscriptions need no class; every mutation has one.
"""

import uuid
from typing import Any, ClassVar

import strawberry
from strawberry.extensions import FieldExtension
from strawberry.permission import BasePermission, PermissionExtension

from schema.contract.errors import RequestError
from store.api_tokens import Scope
from store.records import record

__all__ = ["LOCAL", "CanAdmin", "CanRun", "Principal", "Scope", "needs_admin", "needs_run"]


@record
class Principal:
    """The caller. `token_id` is that of a token in the database, which may be revoked meanwhile."""

    name: str
    scope: Scope
    token_id: uuid.UUID | None = None


LOCAL = Principal("local", Scope.ADMIN)
"""The caller of a server that requires no token: a program or person on its machine."""


class _HasScope(BasePermission):
    scope: ClassVar[Scope]

    def has_permission(self, source: Any, info: strawberry.Info, **kwargs: Any) -> bool:
        principal: Principal = info.context.principal
        return principal.scope >= self.scope

    def on_unauthorized(self) -> None:
        raise RequestError("FORBIDDEN", f"This needs a token with the scope {self.scope.name.lower()}")


class CanRun(_HasScope):
    """May start and stop executions."""

    scope = Scope.RUN


class CanAdmin(_HasScope):
    """May change benchmarks, agents and webhooks, and import files."""

    scope = Scope.ADMIN


def needs_run() -> list[FieldExtension]:
    """The extensions of a field that starts or stops executions."""
    return [PermissionExtension(permissions=[CanRun()], use_directives=False)]


def needs_admin() -> list[FieldExtension]:
    """The extensions of a field that changes shared data or calls another server."""
    return [PermissionExtension(permissions=[CanAdmin()], use_directives=False)]
