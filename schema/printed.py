"""The contract as text, schema/schema.graphql: sorted, so that a change is a readable diff."""

from __future__ import annotations

from pathlib import Path

from graphql import lexicographic_sort_schema, print_schema

from schema import build_schema

PRINTED_CONTRACT = Path(__file__).parent / "schema.graphql"

HEADER = "# The GraphQL contract, printed by `make schema`. Do not edit: change the types.\n\n"


def sdl() -> str:
    """The whole contract in the schema definition language."""
    # Sorted here only: Strawberry's own `sort_schema` breaks enums with this graphql-core.
    return HEADER + print_schema(lexicographic_sort_schema(build_schema()._schema)) + "\n"
