"""The annotations of GraphQL types are evaluated once, when Python imports them."""

from __future__ import annotations
import __future__

import sys

import strawberry
from strawberry.types.base import StrawberryObjectDefinition


def test_no_module_with_types_has_annotations_as_text(schema: strawberry.Schema) -> None:
    """Strawberry compiles such a text several times for each field: every server would start later."""
    types = [item.definition for item in schema.schema_converter.type_map.values()]
    modules = {kind.origin.__module__ for kind in types if isinstance(kind, StrawberryObjectDefinition)}
    assert len(modules) > 40
    late = {
        name for name in modules if getattr(sys.modules[name], "annotations", None) is __future__.annotations
    }
    assert late == set(), "remove `from __future__ import annotations` there"
